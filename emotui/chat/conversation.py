"""What a conversation is: messages in order, said by a person, a model or the system prompt.

An answer is "streaming" while its tokens arrive and ends in one of the other states. One that
a crash left "streaming" is read back as "interrupted", with every token that was received.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from emotui.support.text import clean, clean_line

TITLE_LENGTH = 60


class Role(str, Enum):
    """Who said it; the values are those that chat templates know."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Status(str, Enum):
    """How far a message is."""

    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """The person stopped it."""
    INTERRUPTED = "interrupted"
    """The process that received it ended before it was finished."""
    FAILED = "failed"
    """The engine failed; `reason` holds its last words."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ended, and what it took."""

    status: Status
    finish_reason: str | None = None
    tokens: int | None = None
    seconds: float | None = None
    first_token_seconds: float | None = None
    reason: str = ""
    """Why it failed, in the engine's own (cleaned) words."""

    @property
    def tokens_per_second(self) -> float | None:
        """The tokens over the whole time of the answer; None when either is unknown."""
        if not self.tokens or not self.seconds:
            return None
        return self.tokens / self.seconds


@dataclass(slots=True)
class ChatMessage:
    """One message; `text` and `ending` of an answer grow while it streams."""

    id: int
    role: Role
    text: str
    created: datetime
    ending: Ending = field(default_factory=lambda: Ending(Status.COMPLETE))

    @property
    def status(self) -> Status:
        """How far the message is."""
        return self.ending.status


@dataclass(slots=True)
class Conversation:
    """A conversation with one model; `id` is empty until its first message is stored."""

    model: str
    engine: str
    created: datetime
    updated: datetime
    id: str = ""
    title: str = ""
    system: str | None = None
    messages: list[ChatMessage] = field(default_factory=list)

    def history(self) -> list[dict[str, str]]:
        """Return what a model is told: the system prompt, then questions and answers in turn.

        An unfinished answer is told as far as it came, since the person saw it. A question that
        got no text at all is left out unless it is the last: chat templates refuse two
        questions in a row.
        """
        told = [{"role": Role.SYSTEM.value, "content": self.system}] if self.system else []
        said = [message for message in self.messages if message.text]
        for message, following in zip(said, [*said[1:], None], strict=True):
            if message.role is Role.USER and following and following.role is Role.USER:
                continue
            told.append({"role": message.role.value, "content": message.text})
        return told


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """A row of the list of conversations."""

    id: str
    title: str
    model: str
    engine: str
    created: datetime
    updated: datetime
    messages: int


def new_id(now: datetime) -> str:
    """Return an id that sorts by time: `20260131-235959-1a2b3c`."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def title_of(text: str) -> str:
    """Return the title of a conversation that begins with `text`: its first line, cut."""
    line = next((line for line in clean(text).splitlines() if line.strip()), "")
    line = " ".join(clean_line(line).split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1] + "…"


def clean_prompt(text: str) -> str:
    """Return what a person wrote without terminal controls; tabs stay, since a model reads them."""
    return "\t".join(clean(part) for part in text.split("\t"))
