"""The conversations of the past: the dialog with them, and what the chat screen does to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical

from emotui.app.background import in_background
from emotui.app.screens.base import EmoDialog
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.widgets.conversation_list import ConversationList
from emotui.app.widgets.plain import Plain
from emotui.chat.conversation import ConversationSummary
from emotui.operations.chat import delete_conversation, list_conversations, open_conversation
from emotui.support.language import _, message

if TYPE_CHECKING:
    from emotui.app.screens.chat import ChatScreen

Wish = tuple[str, ConversationSummary]
"""What is to be done ("open", "delete"), and with which conversation."""


class HistoryScreen(EmoDialog[Wish]):
    """Answers with a conversation and what is to be done with it."""

    def __init__(self, summaries: Sequence[ConversationSummary], current: str) -> None:
        super().__init__(classes="dialog")
        self.summaries = summaries
        self.current = current

    def compose(self) -> ComposeResult:
        """Build the list, or what stands there when it is empty."""
        with Vertical(classes="dialog-box", id="history-box"):
            yield Plain(_("Conversations"), classes="dialog-text")
            if self.summaries:
                yield ConversationList(id="history-list")
            else:
                yield Plain(_("There are no conversations yet."))
            yield Plain(_("Enter opens, d deletes, Esc closes."), classes="dialog-hint")

    def on_mount(self) -> None:
        """Fill the list and start in it."""
        for entries in self.query(ConversationList):
            entries.show(self.summaries, self.current)
            entries.focus()

    def on_conversation_list_chosen(self, event: ConversationList.Chosen) -> None:
        """Answer with the conversation that was chosen."""
        self.dismiss(("open", event.summary))

    def on_conversation_list_unwanted(self, event: ConversationList.Unwanted) -> None:
        """Answer with the conversation that is unwanted."""
        self.dismiss(("delete", event.summary))


class KeptConversations:
    """What the chat screen does with the kept conversations: list, open, delete."""

    def __init__(self, screen: ChatScreen) -> None:
        self.screen = screen
        self.is_wanted = False
        """Whether the list stands beside the conversation, where there is room."""

    async def toggle(self) -> None:
        """Show the list beside the conversation, or take it away."""
        self.is_wanted = not self.is_wanted
        await self.fill()
        if self.is_wanted:
            self._beside.focus()
        elif self.screen.focused is self._beside:
            await self.screen.put_in_view(self.screen.shown)

    async def fill(self) -> None:
        """Bring the list beside the conversation up to date."""
        self._beside.set_class(self.is_wanted, "-wanted")
        if self.is_wanted:
            self._beside.show(await self._all(), self._current)

    async def choose(self) -> None:
        """Let the person choose in a dialog."""
        wish = await self.screen.app.push_screen_wait(
            HistoryScreen(await self._all(), self._current)
        )
        if wish is not None:
            verb, summary = wish
            await (self.open(summary) if verb == "open" else self.delete(summary))

    async def open(self, summary: ConversationSummary) -> None:
        """Put a kept conversation in view."""
        session = self.screen.services.chat
        if session is not None and session.conversation.id == summary.id:
            await self.screen.put_in_view(session.conversation)
            return
        services = self.screen.services
        await self.screen.go_to(
            await in_background(lambda: open_conversation(services, summary.id), "conversation")
        )

    async def delete(self, summary: ConversationSummary) -> None:
        """Ask, and delete a kept conversation."""
        screen = self.screen
        services = screen.services
        session = services.chat
        if session is not None and session.busy and session.conversation.id == summary.id:
            screen.emo_app.say(message("An answer is arriving there. Stop it first."))
            return
        question = message("Delete the conversation {title} for good?", title=summary.title)
        if not await screen.app.push_screen_wait(ConfirmScreen(question)):
            return
        await in_background(lambda: delete_conversation(services, summary.id), "conversation")
        if self._current == summary.id:
            await screen.action_new_conversation()
        await self.fill()

    @property
    def _beside(self) -> ConversationList:
        return self.screen.query_one("#history", ConversationList)

    @property
    def _current(self) -> str:
        return self.screen.shown.id if self.screen.shown is not None else ""

    async def _all(self) -> list[ConversationSummary]:
        """Return the kept conversations; say what was found wrong with their file."""
        services = self.screen.services
        found = await in_background(lambda: list_conversations(services), "conversations")
        problem = services.conversations.take_problem()
        if problem is not None:
            self.screen.emo_app.say(problem, severity="warning")
        return found
