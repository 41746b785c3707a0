"""The dialog that edits one key: a list for what can be chosen, a field for everything else."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from emotui.app.screens.base import EmoDialog
from emotui.app.widgets.plain import Plain
from emotui.operations import config as operations
from emotui.support.errors import EmotuiError
from emotui.support.language import Message, _
from emotui.support.text import clean_line
from emotui.workspace.opened import OpenConfig, Row
from emotui.workspace.schema import Choice


class EditKeyScreen(EmoDialog[str]):
    """Ask for a new value; what is not allowed is said at once and keeps the dialog open."""

    def __init__(self, config: OpenConfig, row: Row, *, force: bool = False) -> None:
        super().__init__(classes="dialog")
        self.config = config
        self.row = row
        self.force = force
        self.choices: tuple[Choice, ...] = ()
        if row.key is not None and not force:
            self.choices = row.key.choices_in(config.reader)

    def compose(self) -> ComposeResult:
        """Build what the key is, the list or the field, and the line for what is wrong."""
        with Vertical(classes="dialog-box"):
            yield Plain(self.row.name, id="edit-name")
            yield Plain(self._about(), classes="dialog-text")
            if self.choices:
                yield OptionList(
                    *(Option(Content(_line(choice)), choice.value) for choice in self.choices),
                    id="edit-choices",
                )
                if self._knows_more():
                    yield Plain(
                        _("Name the version of LMDeploy first (v) to be offered more."),
                        classes="dialog-hint",
                    )
            else:
                yield Input(self.row.value or "", id="edit-value")
                yield Plain("", id="problem", classes="dialog-problem")
            yield Plain(_("Enter accepts, Esc closes."), classes="dialog-hint")

    def on_mount(self) -> None:
        """Start on the value that stands there."""
        if not self.choices:
            self.query_one(Input).focus()
            return
        options = self.query_one(OptionList)
        values = [choice.value for choice in self.choices]
        options.highlighted = values.index(self.row.value) if self.row.value in values else 0
        options.focus()

    def _about(self) -> str:
        if self.row.key is None:
            return _("LMDeploy does not know this key.")
        allowed = self.config.allowed(self.row.name)
        meaning = Message(self.row.key.meaning)
        if self.choices or allowed is None:
            return str(meaning)
        return _("{meaning}. Allowed: {range}.").format(meaning=meaning, range=allowed)

    def _knows_more(self) -> bool:
        return self.row.key is not None and len(self.choices) < len(
            [
                choice
                for choice in self.row.key.choices
                if self.config.reader.within((choice.span,)) is not False
            ]
        )

    def _problem(self, text: str) -> str:
        """Return what is wrong with a value, empty when it is allowed."""
        try:
            operations.check_value(self.config, self.row.name, text, force=self.force)
        except EmotuiError as error:
            return clean_line(str(error))
        return ""

    @on(Input.Changed, "#edit-value")
    def look_at(self, event: Input.Changed) -> None:
        """Say what is wrong while it is typed."""
        self.query_one("#problem", Plain).show(self._problem(event.value) if event.value else "")

    @on(Input.Submitted, "#edit-value")
    def accept_text(self, event: Input.Submitted) -> None:
        """Close with the value, unless it is not allowed."""
        event.stop()
        problem = self._problem(event.value)
        self.query_one("#problem", Plain).show(problem)
        if not problem:
            self.dismiss(event.value)

    @on(OptionList.OptionSelected, "#edit-choices")
    def accept_choice(self, event: OptionList.OptionSelected) -> None:
        """Close with the chosen value."""
        event.stop()
        self.dismiss(event.option_id)


def _line(choice: Choice) -> str:
    return f"{choice.value}  {Message(choice.meaning)}"
