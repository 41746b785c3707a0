"""The field where a person writes to the model: several lines, Enter sends."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import TextArea

from emotui.support.language import N_, _


class PromptInput(TextArea):
    """A text area that sends on Enter and breaks the line on Ctrl+J (or Shift/Alt+Enter).

    Ctrl+J is the one that every terminal and tmux pass on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", N_("Send"), show=False, id="chat.send"),
        Binding(
            "ctrl+j,shift+enter,alt+enter",
            "new_line",
            N_("New line"),
            show=False,
            id="chat.new_line",
        ),
        # A text area takes F7 for "select all".
        Binding("f7", "screen.new_conversation", N_("New"), id="chat.new_while_typing"),
    ]

    class Sent(TextualMessage):
        """The person sent the text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            id=id,
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
        )
        self.cursor_blink = False  # an app at rest sends nothing over the line

    def on_mount(self) -> None:
        """Say which keys are not letters here."""
        self.border_subtitle = Content(_("Enter sends, Ctrl+J breaks the line"))

    def on_key(self, event: events.Key) -> None:
        """Act on Enter and its relatives at once, between the letters before and after them.

        A binding acts later than letters that were typed, or pasted, right behind its key.
        """
        if event.key in {"enter", "ctrl+j", "shift+enter", "alt+enter"}:
            event.prevent_default()
            event.stop()
            (self.action_send if event.key == "enter" else self.action_new_line)()

    def action_send(self) -> None:
        """Send the text, unless it is blank, and leave the field empty for the next."""
        if self.text.strip():
            self.post_message(self.Sent(self.text))
            self.clear()

    def give_back(self, text: str) -> None:
        """Put back what could not be sent, before what was typed meanwhile."""
        self.insert(f"{text}\n" if self.text else text, (0, 0))

    def action_new_line(self) -> None:
        """Break the line at the cursor."""
        self.insert("\n")
