"""What happens in a chat session, told to whoever observes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emotui.chat.conversation import ChatMessage
from emotui.support.language import Message


class State(str, Enum):
    """What the engine of a session is doing."""

    NEW = "new"
    LOADING = "loading"
    READY = "ready"
    ANSWERING = "answering"
    STOPPING = "stopping"
    """The person stopped the answer; the engine has not confirmed it yet."""
    DEAD = "dead"
    """The engine has gone; the session keeps its last words and can be restarted."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session went into another state, or the loading engine into another phase."""

    state: State


@dataclass(frozen=True, slots=True)
class Asked:
    """A question was stored, and the empty answer that will grow."""

    question: ChatMessage
    answer: ChatMessage


@dataclass(frozen=True, slots=True)
class Delta:
    """More of the answer: cleaned, and stored before it is told."""

    text: str
    tokens: int
    """Tokens of the answer so far, as the engine counts them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer ended; `answer.ending` says how."""

    answer: ChatMessage


@dataclass(frozen=True, slots=True)
class NotSaved:
    """What arrives cannot be stored just now; it is shown all the same."""

    reason: Message


ChatEvent = StateChanged | Asked | Delta | Ended | NotSaved
