"""One line about the engine of a conversation: which, and what it is doing."""

from __future__ import annotations

from pathlib import PurePath

from emotui.app.widgets.plain import Plain
from emotui.chat.conversation import Conversation
from emotui.chat.events import State
from emotui.chat.session import ChatSession
from emotui.operations.chat import phase_text, ready_text
from emotui.support.language import Message, _, message
from emotui.support.text import clean_line, format_duration


class ChatStatus(Plain):
    """`model | engine | what it does`, and since when."""

    def show_session(self, session: ChatSession | None, shown: Conversation | None) -> None:
        """Show what is known; `shown` is the conversation in view."""
        if shown is None:
            self.show("")
            return
        doing: Message | str
        if session is None or session.conversation is not shown:
            doing = message("kept; sending a message loads the model")
        else:
            doing = doing_now(session)
        name = clean_line(PurePath(shown.model).name)
        self.show(" | ".join([name, clean_line(shown.engine), str(doing)]))


def doing_now(session: ChatSession) -> Message:
    """Return what the engine of a session is doing, in words."""
    time = format_duration(session.elapsed)
    turn = session.turn
    if session.state is State.LOADING:
        if not session.phase:
            return message("starting, {time}", time=time)
        return message("{phase}, {time}", phase=phase_text(session.phase), time=time)
    if session.state is State.ANSWERING and turn is not None:
        if not turn.tokens:
            return message("waiting for the first token, {time}", time=time)
        return message("answering: {tokens} tokens, {time}", tokens=turn.tokens, time=time)
    if session.state is State.STOPPING:
        return message("stopping; Esc again kills the engine")
    if session.state is State.READY and session.ready is not None:
        return ready_text(session.ready)
    if session.state is State.DEAD:
        return message("the engine has ended")
    return message("not loaded")


def death_notice(session: ChatSession) -> str:
    """Return why the engine has gone, and what to do."""
    return "\n".join(
        [
            session.last_words,
            _("The conversation is kept. r (Ctrl+R while typing) starts the engine again."),
        ]
    )
