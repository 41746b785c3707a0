"""How an engine fails: its process is gone, and what is known about why."""

from __future__ import annotations

import os
import signal as signals
from pathlib import Path

from emotui.support.errors import ProcessError
from emotui.support.language import N_, Message, message
from emotui.support.text import clean


class EngineDied(ProcessError):  # noqa: N818 (a fact, not a mistake)
    """The engine's process is gone, or never came to life.

    `last_words` are up to three cleaned lines; `status` is the exit status and `signal` the
    signal's number, each None where it does not apply.
    """

    def __init__(self, template: str, /, **params: object) -> None:
        super().__init__(template, **params)
        self.last_words = ""
        self.status: int | None = None
        self.signal: int | None = None

    @classmethod
    def of(
        cls, template: str, status: int | None, words: str, reason: Message | None = None
    ) -> EngineDied:
        """Return the error for a worker that ended with `status`, negative for a signal.

        `template` has one field, `reason`, for a sentence: `reason` where EmoTUI itself knows
        one, else what the status and the worker's last words tell.
        """
        error = cls(template, reason=reason or _cause(status, words))
        error.last_words = words or (clean(str(reason)) if reason else "")
        error.status = status if status is not None and status >= 0 else None
        error.signal = -status if status is not None and status < 0 else None
        return error


def not_started(python: Path, log: Path, error: OSError) -> EngineDied:
    """Return the error for a worker that the system would not start, or not with this log."""
    reason = error.strerror or str(error)
    place = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    if place is not None and place in (log, *log.parents):
        return EngineDied(
            N_(
                "The engine's log {path} cannot be written: {reason}. Make that place writable, or "
                "name another folder for EmoTUI's files with EMOTUI_HOME."
            ),
            path=log,
            reason=reason,
        )
    return EngineDied(
        N_("The interpreter {python} cannot be started: {error}. Choose another one."),
        python=python,
        error=reason,
    )


def said(words: str) -> Message:
    """Return the sentence that quotes an engine."""
    return message("The engine said: {words}", words=words)


def _cause(status: int | None, words: str) -> Message:
    if status == -signals.SIGKILL:
        return message(
            "It was killed (SIGKILL). When nobody did that, the machine ran out of memory. {words}",
            words=words,
        )
    if status is not None and status < 0:
        return message("It crashed ({signal}). {words}", signal=_name(-status), words=words)
    if words:
        return said(words)
    return message("Its exit status is {status}, and it said nothing.", status=status)


def _name(number: int) -> str:
    try:
        return signals.Signals(number).name
    except ValueError:
        return str(number)
