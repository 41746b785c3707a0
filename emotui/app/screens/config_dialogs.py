"""The dialogs about saving a config.ini: the difference before, the history after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button

from emotui.app.background import in_background
from emotui.app.screens.base import EmoDialog
from emotui.app.widgets.diff_view import DiffView
from emotui.app.widgets.plain import Plain
from emotui.operations import config as operations
from emotui.operations.config import ConfigHistory
from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding
from emotui.support.language import N_, _
from emotui.support.text import clean_line


class SaveScreen(EmoDialog[bool]):
    """Shows what would be saved and what speaks against it; True means: save."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,y", "answer(True)", N_("Save"), id="save.yes"),
        Binding("n", "answer(False)", N_("Back"), id="save.no"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, lines: Sequence[str], warnings: Sequence[Finding]) -> None:
        super().__init__(classes="dialog")
        self.lines = lines
        self.warnings = warnings

    def compose(self) -> ComposeResult:
        """Build the difference, the warnings and the buttons."""
        with Vertical(classes="dialog-box config-dialog"):
            with VerticalScroll(id="save-body"):
                yield DiffView(self.lines, id="save-diff")
                for each in self.warnings:
                    yield Plain(
                        _("{status}: {evidence}").format(
                            status=each.status.label, evidence=f"{each.evidence} {each.why}"
                        ),
                        classes=f"-status-{each.status.value}",
                    )
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content(f"s {_('Save')}"), id="yes", variant="primary")
                yield Button(Content(f"n {_('Back')}"), id="no")

    def on_mount(self) -> None:
        """Start on the answer that was asked for; undo takes it back."""
        self.query_one(".dialog-box").border_title = _("Save these changes?")
        self.query_one("#yes").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer with a key."""
        self.dismiss(answer)


class HistoryScreen(EmoDialog[None]):
    """Shows the edits that were saved, and all that EmoTUI changed in the file."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,h", "dismiss_dialog", N_("Close"), id="history.close"),
    ]

    def __init__(self, path: Path) -> None:
        super().__init__(classes="dialog")
        self.path = path

    def compose(self) -> ComposeResult:
        """Build the list and the difference."""
        with Vertical(classes="dialog-box config-dialog"):
            yield Plain(id="history-entries")
            yield DiffView(id="history-diff")
            yield Plain(_("Esc closes."), classes="dialog-hint")

    def on_mount(self) -> None:
        """Read the history; the arrow keys scroll the difference."""
        self.query_one(".dialog-box").border_title = _("Saved edits, newest first")
        self.query_one(DiffView).focus()
        self.run_worker(self._read(), group="history", exit_on_error=False)

    async def _read(self) -> None:
        entries = self.query_one("#history-entries", Plain)
        try:
            history, lines = await in_background(self._load, "history")
        except (EmotuiError, OSError) as error:
            entries.show(clean_line(str(error)))
            return
        entries.show("\n".join(_entries(history)))
        self.query_one(DiffView).show(lines)

    def _load(self) -> tuple[ConfigHistory, list[str]]:
        history = operations.config_history(self.services, self.path)
        return history, operations.config_difference(self.services, self.path)


def _entries(history: ConfigHistory) -> list[str]:
    if not history.entries:
        return [_("EmoTUI has saved no edit of {path}.").format(path=clean_line(str(history.path)))]
    lines = []
    for number, entry in enumerate(history.entries, start=1):
        changes = ", ".join(
            f"{each.key} {'-' if each.old is None else each.old} -> "
            f"{'-' if each.new is None else each.new}"
            for each in entry.changes
        )
        state = _("applied") if number <= history.applied else _("undone")
        time = f"{entry.time.astimezone():%m-%d %H:%M:%S}"
        lines.append(clean_line(f"{number}  {time}  {state}  {changes}"))
    return lines[::-1]
