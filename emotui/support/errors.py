"""The errors of EmoTUI: what happened, with the parameters that a face needs to say it.

    EmotuiError            it failed                               exit status 1
    ├── UsageError         wrong use, or a value not allowed       exit status 2
    ├── NotFoundError      a file, folder, job or model is absent  exit status 1
    ├── RefusedError       we will not: it would lose something    exit status 1
    ├── BrokenFileError    a file cannot be read as what it is     exit status 1
    └── ProcessError       a program that we ran failed            exit status 1

Every text is an English template, marked with `N_` or written as a literal first argument,
which is the gettext key; parameters fill it after translation. Say what happened, why, and
what to do, in that order. Parameters from outside are cleaned when the text is made.
"""

from __future__ import annotations

from emotui.support.language import Message


class EmotuiError(Exception):
    """Something that a user must be told; `str()` of it is the sentence in their language."""

    exit_status = 1

    def __init__(self, template: str, /, **params: object) -> None:
        super().__init__(template)
        self.message = Message(template, params)

    def __str__(self) -> str:
        return str(self.message)


class UsageError(EmotuiError):
    """Wrong use, or a value that is not allowed."""

    exit_status = 2


class NotFoundError(EmotuiError):
    """A file, folder, job or model that was named does not exist."""


class RefusedError(EmotuiError):
    """What was asked would lose or break something and was not forced."""


class BrokenFileError(EmotuiError):
    """A file exists but cannot be read as what it should be."""


class ProcessError(EmotuiError):
    """A program that was started for the user failed."""
