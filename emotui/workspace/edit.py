"""An edit of a `config.ini` that has not been saved: its changes, its difference, saving it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from emotui.support.errors import RefusedError
from emotui.workspace.history import Change, Edited, History
from emotui.workspace.ini import IniDocument
from emotui.workspace.replace import read_whole

_NEWLINE = re.compile(r"\r\n|\n|\r")


class Edit:
    """A file as it was read, and the changes that wait to be saved.

    Raises what `read_whole` and `IniDocument` raise.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.original = IniDocument(read_whole(path), path)
        self.document = self.original
        self._changes: dict[str, str | None] = {}

    @property
    def changes(self) -> tuple[Change, ...]:
        """What would be saved, key by key."""
        return tuple(
            Change(key, self.original.values.get(key), new) for key, new in self._changes.items()
        )

    def set(self, key: str, value: str) -> None:
        """Set a key; raises `EmotuiError` and changes nothing when that is refused."""
        others = {name: new for name, new in self._changes.items() if name != key}
        self._try({**others, key: value})

    def unset(self, key: str) -> None:
        """Remove a key."""
        if key not in self.document.values:
            raise RefusedError("{path} has no {key}.", path=self.path, key=key)
        self._try({**self._changes, key: None})

    def revert(self, key: str) -> None:
        """Forget the change of one key."""
        self._try({name: new for name, new in self._changes.items() if name != key})

    def revert_all(self) -> None:
        """Forget every change."""
        self._try({})

    def difference(self) -> list[str]:
        """Return the lines of a unified difference between the file and the edit."""
        return difference(self.original.text, self.document.text, str(self.path))

    def save(self, history: History, now: datetime) -> Edited | None:
        """Write the changes; None when there are none. Raises `EmotuiError`; the edit stays.

        What another thread changes while the file is written goes on waiting.
        """
        saved = self.document
        if saved.content == self.original.content:
            return None
        entry = history.save(self.original.content, saved.content, self.changes, now)
        self.original = saved
        before, after = saved.values, self.document.values
        keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        self._changes = {key: after.get(key) for key in keys}
        return entry

    def _try(self, changes: Mapping[str, str | None]) -> None:
        wanted = {key: new for key, new in changes.items() if new != self.original.values.get(key)}
        document = self.original
        for key, new in wanted.items():
            document = document.unset(key) if new is None else document.set(key, new)
        self.document = document
        self._changes = wanted


def difference(before: str, after: str, name: str) -> list[str]:
    """Return the lines of a unified difference; empty when nothing differs."""
    return list(_difference(before, after, name))


def _difference(before: str, after: str, name: str) -> Iterator[str]:
    old, new = _NEWLINE.split(before), _NEWLINE.split(after)
    yield from difflib.unified_diff(old, new, name, name, lineterm="")
