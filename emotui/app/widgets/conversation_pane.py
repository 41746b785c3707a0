"""A conversation in view: its engine's status, its messages, the field below them.

Follows the app's session. What is in view may be another conversation than the session's; then
its events change the status only.
"""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.timer import Timer

from emotui.app.widgets.chat_status import ChatStatus, death_notice
from emotui.app.widgets.message_list import MessageList
from emotui.app.widgets.plain import Plain
from emotui.app.widgets.prompt_input import PromptInput
from emotui.chat.conversation import ChatMessage, Conversation
from emotui.chat.events import Asked, ChatEvent, Delta, Ended, State, StateChanged
from emotui.chat.session import ChatSession
from emotui.support.errors import EmotuiError
from emotui.support.language import N_, _

STATUS_S = 0.5
MOVING = (State.LOADING, State.ANSWERING, State.STOPPING)
"""States in which the status line changes by itself."""


class ConversationPane(Vertical):
    """Shows one conversation and takes what the person writes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_prompt", N_("Leave the field"), show=False, id="chat.leave"),
    ]

    def __init__(self, shown: Conversation | None, session: ChatSession | None) -> None:
        super().__init__(id="chat-main")
        self.session = session
        """The app's session, None before the first."""
        self.shown = shown
        """The conversation in view."""
        self._ticker: Timer | None = None

    @property
    def is_live(self) -> bool:
        """Whether the conversation in view is the session's."""
        return self.session is not None and self.session.conversation is self.shown

    def compose(self) -> ComposeResult:
        """Build status, messages, notices and field."""
        yield ChatStatus(id="chat-status")
        yield MessageList(id="messages")
        yield Plain(
            _(
                "Talk to a model.\n\nPress o to open its folder, or choose one on the Models "
                "screen (2) and press t there.\nh shows the conversations that were kept."
            ),
            id="chat-empty",
            classes="empty-state",
        )
        yield Plain(id="chat-dead")
        prompt = PromptInput(id="prompt")
        # Without a model there is nobody to write to, and letters are keys.
        prompt.display, prompt.disabled = self.shown is not None, self.shown is None
        yield prompt

    def on_mount(self) -> None:
        """Have the clock of the status line ready."""
        self._ticker = self.set_interval(STATUS_S, self.show_status, pause=True)

    async def show(self, shown: Conversation | None, session: ChatSession | None) -> None:
        """Put a conversation in view."""
        self.shown, self.session = shown, session
        messages, prompt = self.query_one(MessageList), self.query_one(PromptInput)
        self.query_one("#chat-empty").display = shown is None
        messages.display = prompt.display = shown is not None
        prompt.disabled = shown is None
        await messages.show(shown.messages if shown else [], self._growing)
        self.show_state()

    def follow(self, event: ChatEvent) -> None:
        """Show what happened in the session; cheap, called between two of its steps."""
        for messages in self.query(MessageList):
            turn = self.session.turn if self.session is not None else None
            if isinstance(event, Delta) and turn is not None:
                messages.feed(turn.answer, event.text)
            elif isinstance(event, Asked) and self.is_live:
                messages.add(event.question, event.answer)
            elif isinstance(event, Ended):
                self.run_worker(
                    messages.finish(event.answer), group="chat.finish", exit_on_error=False
                )
        if isinstance(event, StateChanged | Ended):
            self.show_state()

    def _growing(self) -> ChatMessage | None:
        turn = self.session.turn if self.session is not None and self.is_live else None
        return turn.answer if turn is not None else None

    # -- state ---------------------------------------------------------------------------

    def show_state(self) -> None:
        """Show what the engine does, and why it does nothing any more."""
        session = self.session
        self.show_status()
        for notice in self.query("#chat-dead").results(Plain):
            notice.display = session is not None and self.is_live and session.state is State.DEAD
            if session is not None and notice.display:
                notice.show(death_notice(session))
        if self._ticker is not None:
            moving = session is not None and session.state in MOVING
            (self._ticker.resume if moving else self._ticker.pause)()
        self.refresh_bindings()

    def show_status(self) -> None:
        """Show what the engine does, unless nobody looks."""
        if self.screen.is_current:
            for status in self.query(ChatStatus):
                status.show_session(self.session, self.shown)

    # -- keys ----------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Leave Escape to the screen while an answer can be stopped."""
        return action != "leave_prompt" or self.session is None or not self.session.busy

    def stop(self) -> None:
        """End the answer where it stands; a second time, kill an engine that does not obey."""
        if self.session is not None:
            self.run_worker(self.session.stop(), group="chat.stop", exit_on_error=False)

    async def load(self, *, restart: bool = False) -> None:
        """Have the engine loaded; when it cannot be, the reason is shown in place."""
        if self.session is not None:
            with contextlib.suppress(EmotuiError, OSError):
                await (self.session.restart() if restart else self.session.load())

    def action_leave_prompt(self) -> None:
        """Go from the field to the messages, where letters are keys."""
        self.query_one(MessageList).focus()

    def on_message_list_write_wanted(self) -> None:
        """Go to the field."""
        self.action_focus_prompt()

    def action_focus_prompt(self) -> None:
        """Go to the field."""
        self.query_one(PromptInput).focus()
