"""The messages of a conversation, the newest at the end; only the last ones are mounted.

Two hundred mounted Markdown widgets cost seconds and hundreds of megabytes, so a long
conversation shows its end, and earlier messages on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalGroup, VerticalScroll
from textual.message import Message as TextualMessage

from emotui.app.widgets.answer_view import AnswerView
from emotui.app.widgets.plain import Plain
from emotui.chat.conversation import ChatMessage, Role, Status
from emotui.operations.chat import summary_of
from emotui.support.language import N_, _

FIRST = 12
"""Messages that are mounted at first, and more of them at each request."""
MOST = 40
"""Mounted messages from which on the earliest are taken out as new ones come."""
LONGEST_QUESTION = 20_000


class QuestionItem(VerticalGroup):
    """What the person said."""

    def __init__(self, message: ChatMessage) -> None:
        super().__init__(classes="question")
        self.message = message

    def compose(self) -> ComposeResult:
        """Build the text; a pasted book is shown by its beginning."""
        text = self.message.text
        yield Plain(text[:LONGEST_QUESTION])
        if len(text) > LONGEST_QUESTION:
            rest = _("{count} more characters are not shown.").format(
                count=len(text) - LONGEST_QUESTION
            )
            yield Plain(rest, classes="message-note")


class AnswerItem(VerticalGroup):
    """What the model said, and a line about how it ended."""

    def __init__(self, message: ChatMessage, *, is_ours: bool) -> None:
        super().__init__(classes="answer")
        self.message = message
        self.is_ours = is_ours
        """Whether a streaming answer comes here, and not into another EmoTUI."""
        self.view = AnswerView(message.text)

    def compose(self) -> ComposeResult:
        """Build text and note."""
        yield self.view
        yield Plain("", classes="message-note")

    def on_mount(self) -> None:
        """Say how it ended, if it has."""
        self.show_ending()

    async def finish(self) -> None:
        """Draw the rest of the answer and say how it ended."""
        await self.view.finish()
        if self.is_attached:
            self.show_ending()

    def show_ending(self) -> None:
        """Say how the answer ended, once it has."""
        ending = self.message.ending
        for note in self.query(".message-note").results(Plain):
            note.show(summary_of(ending))
            note.display = not (self.is_ours and ending.status is Status.STREAMING)
            note.set_class(ending.status in (Status.FAILED, Status.INTERRUPTED), "-problem")


Item = QuestionItem | AnswerItem


class MessageList(VerticalScroll):
    """The end of a conversation in view, unless the person scrolled away."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,i", "write", N_("Write"), id="chat.write"),
        Binding("u", "show_earlier", N_("Earlier"), id="chat.earlier"),
        Binding("k", "scroll_up", show=False),
        Binding("j", "scroll_down", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    class WriteWanted(TextualMessage):
        """The person wants to write."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._messages: list[ChatMessage] = []
        self._first_shown = 0
        self._growing: AnswerItem | None = None
        self._rebuilding = asyncio.Lock()
        self._is_blind = False
        """Whether the old items are going and the new messages were not looked at yet."""

    @property
    def items(self) -> list[Item]:
        """The messages that are mounted, in order."""
        return [child for child in self.children if isinstance(child, QuestionItem | AnswerItem)]

    async def show(
        self, messages: Sequence[ChatMessage], growing: Callable[[], ChatMessage | None]
    ) -> None:
        """Show the end of `messages`; `growing` tells the answer that is on its way here.

        Both are looked at when the old items are gone, so that nothing said meanwhile is lost.
        """
        async with self._rebuilding:
            self._is_blind = True
            await self.remove_children()
            self._is_blind = False
            self._messages = list(messages)
            self._first_shown = max(0, len(messages) - FIRST)
            self._growing = None
            answer = growing()
            note = Plain("", id="earlier", classes="message-note")
            shown = self._messages[self._first_shown :]
            await self.mount(note, *(self._item(message, answer) for message in shown))
        self._count_earlier()
        self.anchor()

    def add(self, question: ChatMessage, answer: ChatMessage) -> None:
        """Append a question and the answer that is going to grow."""
        if self._is_blind:
            return  # `show` is about to find them
        self._messages += [question, answer]
        self.mount(self._item(question, answer), self._item(answer, answer))
        self.anchor()

    def feed(self, answer: ChatMessage, delta: str) -> None:
        """Add a delta to the growing answer; another one has left the list."""
        if self._growing is not None and self._growing.message is answer:
            self._growing.view.feed(delta)

    async def finish(self, answer: ChatMessage) -> None:
        """End the growing answer, and take the earliest messages out of a long list."""
        item = self._growing
        if item is None or item.message is not answer:
            return
        self._growing = None
        await item.finish()
        surplus = len(self.items) - MOST
        if surplus > 0 and self.is_vertical_scroll_end:
            self._first_shown += surplus
            await self.remove_children(self.items[:surplus])
            self._count_earlier()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer earlier messages only when there are some."""
        return action != "show_earlier" or self._first_shown > 0

    async def action_show_earlier(self) -> None:
        """Mount some of the messages before the first one."""
        before = self._first_shown
        self._first_shown = max(0, before - FIRST)
        earlier = [self._item(each, None) for each in self._messages[self._first_shown : before]]
        if not earlier:
            return
        self.anchor(False)
        await self.mount(*earlier, after=0)
        self._count_earlier()
        self.scroll_to_widget(earlier[-1], animate=False)

    def action_write(self) -> None:
        """Ask for the field."""
        self.post_message(self.WriteWanted())

    def _item(self, message: ChatMessage, growing: ChatMessage | None) -> Item:
        if message.role is Role.USER:
            return QuestionItem(message)
        item = AnswerItem(message, is_ours=message is growing)
        if message is growing:
            self._growing = item
        return item

    def _count_earlier(self) -> None:
        note = self.query_one("#earlier", Plain)
        note.display = self._first_shown > 0
        note.show(_("{count} earlier messages; u shows more.").format(count=self._first_shown))
        self.refresh_bindings()
