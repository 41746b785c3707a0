"""A question with yes and no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button

from emotui.app.screens.base import EmoDialog
from emotui.app.widgets.plain import Plain
from emotui.support.language import N_, Message, _


class ConfirmScreen(EmoDialog[bool]):
    """Ask `question`; answers True for yes, False for no, None when it was closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", N_("Yes"), id="confirm.yes"),
        Binding("n", "answer(False)", N_("No"), id="confirm.no"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: Message | str, yes: str = N_("Yes"), no: str = N_("No")) -> None:
        super().__init__(classes="dialog")
        self.question = question
        self.yes = yes
        self.no = no

    def compose(self) -> ComposeResult:
        """Build the question and its two buttons; No has the focus."""
        with Vertical(classes="dialog-box"):
            yield Plain(self.question, classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                yield Button(Content(f"y {_(self.yes)}"), id="yes", variant="warning")
                yield Button(Content(f"n {_(self.no)}"), id="no")

    def on_mount(self) -> None:
        """Start on the harmless answer."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer with the button."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """Answer with a key."""
        self.dismiss(answer)
