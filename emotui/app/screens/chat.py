"""The chat screen: a conversation that streams, and those that were kept.

The session belongs to the services and goes on while another screen is shown. A conversation
that was kept is read without loading its model, which happens when a message is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from emotui.app.screens.base import EmoScreen
from emotui.app.screens.chat_history import KeptConversations
from emotui.app.screens.chat_opening import open_session
from emotui.app.screens.open_model import ModelChoice, OpenModelScreen
from emotui.app.widgets.chat_status import ChatStatus
from emotui.app.widgets.conversation_list import ConversationList
from emotui.app.widgets.conversation_pane import ConversationPane
from emotui.app.widgets.prompt_input import PromptInput
from emotui.chat.conversation import Conversation
from emotui.chat.events import ChatEvent, Ended, NotSaved, State
from emotui.chat.session import ChatSession
from emotui.operations import chat as operations
from emotui.support.errors import EmotuiError
from emotui.support.language import N_, Message, _, message

WIDE = 100
"""Columns from which on the kept conversations stand beside the one in view."""


class ChatScreen(EmoScreen):
    """Talks to a model."""

    MODE = "chat"
    AUTO_FOCUS = "#prompt"
    HELP = N_(
        "# Chat\n\n"
        "Talk to a model in a folder: `o` (F8 while typing) opens one, and so does `t` on the "
        "Models screen. Loading goes on in the background; a message that is sent meanwhile "
        "waits for its end.\n\n"
        "Enter sends, Ctrl+J breaks the line. **Esc stops an answer**; what has arrived stays. "
        "Without an answer it leaves the field, so that letters are keys; `i` goes back.\n\n"
        "Every token is stored before it is shown. `h` (F9) shows the conversations that were "
        "kept; opening one loads no model until a message is sent.\n\n"
        "When the engine ends by itself, its last words are shown and `r` starts it again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", N_("Stop"), id="chat.stop"),
        Binding("r,ctrl+r", "restart", N_("Restart engine"), id="chat.restart"),
        Binding("n,f7", "new_conversation", N_("New"), id="chat.new"),
        Binding("o,f8", "open_model", N_("Open"), id="chat.open"),
        Binding("h,f9", "history", N_("History"), id="chat.history"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.shown: Conversation | None = None
        """The conversation in view; it outlives a switch of language."""
        self.kept = KeptConversations(self)
        self._forget: Callable[[], None] | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Build the conversation, and the list of the others beside it."""
        with Horizontal():
            yield ConversationList(id="history")
            yield ConversationPane(self.shown, self.services.chat)

    def after_compose(self) -> None:
        """Show the conversation in view; on the first visit, that of a session that is there."""
        if self._forget is None and self.services.chat is not None:
            self.shown = self.services.chat.conversation
            self._observe(self.services.chat)
        self.in_worker(self.put_in_view())
        self.in_worker(self.kept.fill())

    @on(events.Unmount)
    async def close_session(self) -> None:
        """End the engine with the app."""
        if self._forget is not None:
            self._forget()
        if self.services.chat is not None:
            await self.services.chat.close()

    def unsaved(self) -> Message | None:
        """Return that an answer would be cut off, when one is on its way."""
        if self.services.chat is not None and self.services.chat.busy:
            return message("An answer is still arriving; only what has come by then is kept.")
        return None

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Be true again at once."""
        for pane in self.query(ConversationPane):
            pane.show_state()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only what is possible now."""
        session = self.services.chat
        if action == "stop":
            return session is not None and session.busy
        if action == "restart":
            return session is not None and session.state is State.DEAD
        return action != "new_conversation" or self.shown is not None

    def _observe(self, session: ChatSession) -> None:
        if self._forget is not None:
            self._forget()
        self._forget = session.observe(self._on_chat_event)

    def _on_chat_event(self, event: ChatEvent) -> None:
        for pane in self.query(ConversationPane):  # none while the screen is built anew
            pane.follow(event)
        if isinstance(event, NotSaved):
            self.emo_app.say(event.reason, severity="warning")
        elif isinstance(event, Ended):
            self.in_worker(self.kept.fill())

    async def put_in_view(self, conversation: Conversation | None = None) -> None:
        """Put `conversation` in view, or what is in view already, and go to the field."""
        self.shown = conversation or self.shown
        pane = self.query_one(ConversationPane)
        await pane.show(self.shown, self.services.chat)
        if conversation is not None:
            pane.action_focus_prompt()

    def in_worker(self, work: Coroutine[object, object, object]) -> None:
        """Do something that takes a while; what goes wrong with it is said."""

        async def guarded() -> None:
            try:
                await work
            except (EmotuiError, OSError) as error:
                self.emo_app.say(str(error), severity="error")
            except Exception as error:  # noqa: BLE001 (a fault of ours must not pass in silence)
                problem = message("Something went wrong: {error}", error=repr(error))
                self.emo_app.say(problem, severity="error")

        self.run_worker(guarded(), group="chat", exit_on_error=False)

    # -- opening -------------------------------------------------------------------------

    async def show(self, path: Path) -> None:
        """Begin a conversation with the model in the folder `path`."""
        self.in_worker(self._open(ModelChoice(path)))

    def action_open_model(self) -> None:
        """Ask for a model and begin a conversation with it."""

        def open_it(choice: ModelChoice | None) -> None:
            if choice is not None:
                self.in_worker(self._open(choice))

        self.app.push_screen(OpenModelScreen(self.shown.model if self.shown else ""), open_it)

    async def _open(self, choice: ModelChoice) -> None:
        request = operations.ChatRequest(choice.path, choice.engine, system=choice.system)
        session = await self._open_session(request)
        if session is not None:
            await self.put_in_view(session.conversation)
            await self.query_one(ConversationPane).load()

    async def _open_session(self, request: operations.ChatRequest) -> ChatSession | None:
        """Make a session the app's; None when the person declined."""
        self.query_one(ChatStatus).show(_("Looking at {path}…").format(path=request.model))
        try:
            session = await open_session(self, request)
            if session is not None:
                self._observe(session)
            return session
        finally:
            self.query_one(ConversationPane).show_state()

    async def action_new_conversation(self) -> None:
        """Begin anew with the same model and system prompt; the engine stays loaded."""
        old = self.shown
        if old is not None:
            await self.go_to(
                operations.new_conversation(self.services, Path(old.model), old.engine, old.system)
            )

    async def go_to(self, conversation: Conversation) -> None:
        """Show a conversation and, where the engine fits and rests, go on with it."""
        session = self.services.chat
        if session is not None and not session.busy and fits(session, conversation):
            session.converse(conversation)
        await self.put_in_view(conversation)

    def on_prompt_input_sent(self, event: PromptInput.Sent) -> None:
        """Ask the model; a message that cannot be sent goes back into the field."""
        self.in_worker(self._ask(event.text))

    async def _ask(self, text: str) -> None:
        is_sent = False
        try:
            is_sent = await self._send(text)
        finally:
            if not is_sent:
                self.query_one(PromptInput).give_back(text)

    async def _send(self, text: str) -> bool:
        shown, session = self.shown, self.services.chat
        if shown is None:
            return False
        if session is None or not fits(session, shown):
            request = operations.ChatRequest(Path(shown.model), shown.engine, system=shown.system)
            session = await self._open_session(request)
            if session is None:
                return False
        if session.conversation is not shown:
            session.converse(shown)
            await self.put_in_view(shown)
        session.ask(text)
        return True

    def action_stop(self) -> None:
        """End the answer where it stands."""
        self.query_one(ConversationPane).stop()

    def action_restart(self) -> None:
        """Load the engine afresh."""
        self.in_worker(self.query_one(ConversationPane).load(restart=True))

    # -- kept conversations --------------------------------------------------------------

    def action_history(self) -> None:
        """Show the kept conversations, beside this one or in a dialog."""
        self.in_worker(self.kept.toggle() if self.size.width >= WIDE else self.kept.choose())

    def on_conversation_list_chosen(self, event: ConversationList.Chosen) -> None:
        """Show the conversation that was chosen."""
        self.in_worker(self.kept.open(event.summary))

    def on_conversation_list_unwanted(self, event: ConversationList.Unwanted) -> None:
        """Ask, and delete."""
        self.in_worker(self.kept.delete(event.summary))


def fits(session: ChatSession, conversation: Conversation) -> bool:
    """Return whether a session's engine is the one that a conversation is held with."""
    mine = session.conversation
    return (mine.model, mine.engine) == (conversation.model, conversation.engine)
