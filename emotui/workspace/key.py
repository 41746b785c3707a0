"""What is known of one key of `config.ini`: meaning, kind, range, versions, who may edit it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from emotui.lmdeploy.versions import Version
from emotui.support.language import Message
from emotui.workspace.era import Era, Span

ANY_RELEASE = Span()
ALWAYS = (ANY_RELEASE,)


class Group(Enum):
    """Whom a key belongs to."""

    ENGINE = "engine"
    """The user tunes it."""
    MODEL = "model"
    """The shape of the model: it must fit the weight files."""


class Kind(Enum):
    """What a value is."""

    INTEGER = "integer"
    NUMBER = "number"
    SWITCH = "switch"
    """0 or 1."""
    BOOLEAN = "boolean"
    """True or False."""
    TEXT = "text"


@dataclass(frozen=True)
class Choice:
    """One allowed value and what it means to the versions of `span`."""

    value: str
    meaning: str
    names: tuple[str, ...] = ()
    """Other ways in which a user may write it; the first one names it in lists."""
    span: Span = ANY_RELEASE


@dataclass(frozen=True)
class Note:
    """What a user must know where the versions of `span` are meant."""

    text: str
    span: Span = ANY_RELEASE


@dataclass(frozen=True)
class Key:
    """One key of `[llama]`. Texts are marked for translation and translated when shown."""

    name: str
    group: Group
    kind: Kind
    meaning: str
    """One line."""
    explanation: str
    """What it does and what to expect of a change; for a key of the model, why to leave it."""
    written: tuple[Span, ...]
    """The releases whose `convert` writes it."""
    defaults: tuple[tuple[str, str], ...] = ()
    """What `convert` writes, from the version named first on; empty: it depends on the model."""
    minimum: float | None = None
    choices: tuple[Choice, ...] = ()
    required: tuple[Span, ...] = ()
    """The releases that cannot load a workspace without it."""
    notes: tuple[Note, ...] = ()

    def default(self, era: Era) -> str | None:
        """Return what `convert` writes in these versions; None: unknown, or they differ."""
        answers = {self._default_of(version) for version in era.versions}
        return answers.pop() if len(answers) == 1 else None

    def _default_of(self, version: Version) -> str | None:
        if not any(version in each for each in self.written):
            return None
        fitting = [value for since, value in self.defaults if version >= Version(since)]
        return fitting[-1] if fitting else None

    def choices_in(self, era: Era) -> tuple[Choice, ...]:
        """Return the choices that every one of these versions knows."""
        return tuple(each for each in self.choices if era.within((each.span,)))

    def notes_in(self, era: Era) -> tuple[Message, ...]:
        """Return what to know where some of these versions are meant."""
        return tuple(
            Message(note.text)
            for note in self.notes
            if any(version in note.span for version in era.versions)
        )
