"""A question that is answered with one line of text: a path, a name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from emotui.app.background import in_background
from emotui.app.screens.base import EmoDialog
from emotui.app.widgets.plain import Plain
from emotui.support.errors import EmotuiError
from emotui.support.language import Message, _
from emotui.support.text import clean_line


class AskTextScreen(EmoDialog[str]):
    """Ask for a line; `check` may raise `EmotuiError`, which is shown and keeps the dialog open."""

    def __init__(
        self,
        question: Message | str,
        value: str = "",
        check: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(classes="dialog")
        self.question = question
        self.value = value
        self.check = check

    def compose(self) -> ComposeResult:
        """Build question, field and the line for what is wrong."""
        with Vertical(classes="dialog-box"):
            yield Plain(self.question, classes="dialog-text")
            yield Input(self.value, id="answer")
            yield Plain("", id="problem", classes="dialog-problem")
            yield Plain(_("Enter accepts, Esc closes."), classes="dialog-hint")

    def on_mount(self) -> None:
        """Start in the field."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Check the answer and close, or say what is wrong."""
        event.stop()
        answer = event.value.strip()
        if answer:
            self.run_worker(
                self._accept(answer), group="answer", exclusive=True, exit_on_error=False
            )

    async def _accept(self, answer: str) -> None:
        try:
            if self.check is not None:
                # A path may lie on a disk that does not answer.
                await in_background(partial(self.check, answer))
        except (EmotuiError, OSError) as error:
            self.query_one("#problem", Plain).show(clean_line(str(error)))
        else:
            self.dismiss(answer)
