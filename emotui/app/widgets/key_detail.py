"""All that is known of one key of a config.ini, and what the rules say about its value."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from emotui.app.widgets.plain import Plain
from emotui.support.finding import Finding, Status
from emotui.support.language import _
from emotui.support.text import clean, clean_line
from emotui.workspace.opened import OpenConfig, Row

_PARTS = (Status.FAILURE, Status.WARNING, Status.UNKNOWN, Status.OK)


class KeyDetail(VerticalScroll):
    """Shows a key, or the file as a whole; findings first, they are what matters."""

    def __init__(self) -> None:
        super().__init__(id="key-detail")

    def compose(self) -> ComposeResult:
        """Build the parts."""
        for status in _PARTS:
            yield Plain(id=f"key-{status.value}", classes=f"-status-{status.value}")
        yield Plain(id="key-text")

    def show_key(self, config: OpenConfig, row: Row, findings: Sequence[Finding]) -> None:
        """Show one key."""
        self.border_title = Text(clean_line(row.name))
        self._show_findings(findings)
        self.query_one("#key-text", Plain).show("\n".join(_lines(config, row)))
        self.scroll_home(animate=False)

    def show_whole(self, findings: Sequence[Finding]) -> None:
        """Show every finding about the file."""
        self.border_title = _("Findings")
        self._show_findings(findings)
        self.query_one("#key-text", Plain).show("")
        self.scroll_home(animate=False)

    def _show_findings(self, findings: Sequence[Finding]) -> None:
        for status in _PARTS:
            part = self.query_one(f"#key-{status.value}", Plain)
            texts = [_sentences(each) for each in findings if each.status is status]
            part.display = bool(texts)
            part.show("\n".join(texts))


def _sentences(finding: Finding) -> str:
    text = _("{status}: {evidence}").format(status=finding.status.label, evidence=finding.evidence)
    if finding.status is Status.OK:
        return clean(text)
    parts = [text, str(finding.why)]
    if finding.remedy is not None:
        parts.append(_("To do: {remedy}").format(remedy=finding.remedy.text))
        if finding.remedy.command is not None:
            parts.append("$ " + shlex.join(finding.remedy.command))
    return clean("\n  ".join(parts))


def _lines(config: OpenConfig, row: Row) -> Iterable[str]:
    key = row.key
    if key is None:
        yield _("No version of LMDeploy that reads config.ini knows this key; it is ignored.")
        return
    if row.value is not None:
        meaning = "" if row.meaning is None else f": {row.meaning}"
        yield clean_line(f"{row.name} = {row.value}{meaning}")
    yield _(key.meaning)
    if row.is_changed:
        yield _("Changed from {old}; not saved yet.").format(
            old=_("absent") if row.saved is None else row.saved or '""'
        )
    yield ""
    yield _(key.explanation)
    for note in key.notes_in(config.reader):
        yield f"- {note}"
    yield ""
    yield _("Allowed: {range}").format(range=config.allowed(row.name))
    default = key.default(config.reader)
    if default:
        yield _("convert writes: {default}").format(default=default)
