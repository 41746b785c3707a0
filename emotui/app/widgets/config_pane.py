"""An open config.ini: title, table of keys, and the detail of the key under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message as TextualMessage
from textual.widgets import DataTable

from emotui.app.widgets.config_table import WHOLE, ConfigTable
from emotui.app.widgets.key_detail import KeyDetail
from emotui.app.widgets.plain import Plain
from emotui.support.finding import Finding, Status
from emotui.support.language import _
from emotui.workspace.opened import OpenConfig, Row
from emotui.workspace.rules import about


class ConfigPane(Vertical):
    """Shows an `OpenConfig`; `row` is the key under the cursor."""

    class Moved(TextualMessage):
        """The cursor went to another key."""

        def __init__(self, chosen: str) -> None:
            super().__init__()
            self.chosen = chosen

    def __init__(self, chosen: str) -> None:
        super().__init__(id="config-pane")
        self.config: OpenConfig | None = None
        self.findings: Sequence[Finding] = ()
        self.chosen = chosen
        """The name of the key under the cursor, `WHOLE` for the file."""

    def compose(self) -> ComposeResult:
        """Build the three parts."""
        yield Plain(id="config-title", classes="hint")
        with Horizontal(id="config-body"):
            yield ConfigTable()
            yield KeyDetail()

    def on_mount(self) -> None:
        """Follow the theme: the marks have its colours."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._again())

    @property
    def row(self) -> Row | None:
        """The key under the cursor, None on the row of the file or on a heading."""
        rows = self.config.rows() if self.config else []
        return next((row for row in rows if row.name == self.chosen), None)

    def show(self, config: OpenConfig) -> None:
        """Show the keys of `config`, the cursor where it was."""
        self.config = config
        self.findings = config.findings()
        rows = config.rows()
        names = {row.name for row in rows}
        states: dict[str, Status] = {}
        for finding in self.findings:  # the most urgent come first
            name = about(finding)
            states.setdefault(WHOLE, finding.status)
            if name in names:
                states.setdefault(name, finding.status)
        self.query_one("#config-title", Plain).show(_title(config))
        self.query_one(ConfigTable).show(rows, states, _summary(self.findings), self.chosen)
        self._show_detail()

    def _show_detail(self) -> None:
        row = self.row
        detail = self.query_one(KeyDetail)
        if row is None or self.config is None:
            detail.show_whole(self.findings)
        else:
            mine = [finding for finding in self.findings if about(finding) == row.name]
            detail.show_key(self.config, row, mine)

    @on(DataTable.RowHighlighted)
    def follow_cursor(self, event: DataTable.RowHighlighted) -> None:
        """Show the key under the cursor."""
        event.stop()
        self.chosen = self.query_one(ConfigTable).chosen or WHOLE
        self._show_detail()
        self.post_message(self.Moved(self.chosen))

    def on_resize(self, _event: events.Resize) -> None:
        """Give the meanings the room that there is now."""
        self.call_after_refresh(self._again)

    def _again(self) -> None:
        if self.config is not None:
            self.show(self.config)


def _title(config: OpenConfig) -> str:
    folder = config.path.parent
    if folder.parts[-2:] == ("triton_models", "weights"):
        folder = folder.parents[1]
    title = _("LMDeploy {versions}: {path}").format(path=folder, versions=config.reader.label)
    waiting = len(config.edit.changes)
    if not waiting:
        return title
    return _("Unsaved: {count} | {title}").format(count=waiting, title=title)


def _summary(findings: Sequence[Finding]) -> str:
    """Return how the file stands, for the row of the whole."""
    failures = sum(finding.status is Status.FAILURE for finding in findings)
    warnings = sum(finding.status is Status.WARNING for finding in findings)
    if failures:
        return _("failures: {failures}, warnings: {warnings}").format(
            failures=failures, warnings=warnings
        )
    if warnings:
        return _("warnings: {warnings}").format(warnings=warnings)
    return _("no objections")
