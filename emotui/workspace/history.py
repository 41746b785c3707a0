"""The earlier versions of one file that EmoTUI edited, and the way back and forth through them.

    <backups>/<hash of the path>/history.json    the edits, and how many of them are applied
                                 <sha256>.ini    each version, whole
                                 lock            held while something is written

The history is written before the file. When a crash comes between the two, the file tells: its
content is the version before or after the step, and `position` follows it. A file that is none
of them was changed by something else, and then nothing is undone over it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from emotui.support.errors import BrokenFileError, EmotuiError, NotFoundError, RefusedError
from emotui.support.files import PRIVATE_FILE, make_private_folder, write_atomic
from emotui.workspace.replace import read_whole, replace_whole

LIMIT = 100
"""So many edits are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Change:
    """One key of an edit; None means that the key was absent."""

    key: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Edited:
    """One edit that was saved."""

    time: datetime
    before: str
    """SHA-256 of the file before."""
    after: str
    changes: tuple[Change, ...]


@dataclass(slots=True)
class _Record:
    path: str
    entries: list[Edited] = field(default_factory=list)
    position: int = 0
    """How many of the entries are applied."""


def digest(content: bytes) -> str:
    """Return the name of a version."""
    return hashlib.sha256(content).hexdigest()


class History:
    """The edits of one file. Every call reads what is on disk, so that processes can share it."""

    def __init__(self, backups: Path, path: Path) -> None:
        self.path = path.resolve()
        self.folder = backups / hashlib.sha256(os.fsencode(self.path)).hexdigest()[:24]

    def entries(self) -> tuple[list[Edited], int]:
        """Return the edits, oldest first, and how many of them are applied now."""
        record = self._load()
        return record.entries, self._position(record, digest(read_whole(self.path)))

    def version(self, name: str) -> bytes:
        """Return a kept version; raises `BrokenFileError` when it is gone or damaged."""
        try:
            content = (self.folder / f"{name}.ini").read_bytes()
        except OSError:
            content = b""
        if digest(content) != name:
            raise BrokenFileError(
                "The kept version {name} in {folder} is gone or damaged; nothing was changed.",
                name=name[:12],
                folder=self.folder,
            )
        return content

    def save(
        self, before: bytes, after: bytes, changes: tuple[Change, ...], now: datetime
    ) -> Edited:
        """Replace the file's content `before` by `after`, keeping both versions."""
        entry = Edited(now, digest(before), digest(after), changes)
        with self._locked():
            record = self._load_or_put_aside()
            old = _Record(record.path, list(record.entries), record.position)
            position = self._position(record, digest(read_whole(self.path)))
            del record.entries[position:]
            record.entries = [*record.entries, entry][-LIMIT:]
            record.position = len(record.entries)
            self._keep(before, after)
            self._step(record, old, before, after)
            self._drop_unused(old, record)
        return entry

    def undo(self) -> Edited:
        """Take back the last edit: the bytes before it stand there again, exactly."""
        with self._locked():
            record = self._load()
            content = read_whole(self.path)
            position = self._position(record, digest(content))
            if position == 0:
                raise NotFoundError("There is nothing to undo for {path}.", path=self.path)
            entry = record.entries[position - 1]
            self._must_match(content, entry.after)
            self._go(record, position - 1, content, self.version(entry.before))
        return entry

    def redo(self) -> Edited:
        """Apply again the edit that was undone last."""
        with self._locked():
            record = self._load()
            content = read_whole(self.path)
            position = self._position(record, digest(content))
            if position == len(record.entries):
                raise NotFoundError("There is nothing to redo for {path}.", path=self.path)
            entry = record.entries[position]
            self._must_match(content, entry.before)
            self._go(record, position + 1, content, self.version(entry.after))
        return entry

    def _must_match(self, content: bytes, name: str) -> None:
        if digest(content) != name:
            raise RefusedError(
                "{path} was changed by something else since EmoTUI saved it, so nothing was "
                "undone or redone. The kept versions are in {folder}.",
                path=self.path,
                folder=self.folder,
            )

    def _go(self, record: _Record, position: int, before: bytes, after: bytes) -> None:
        old = _Record(record.path, list(record.entries), record.position)
        record.position = position
        self._step(record, old, before, after)

    def _step(self, record: _Record, old: _Record, before: bytes, after: bytes) -> None:
        """Write the history, then the file; take the history back when the file fails."""
        self._store(record)
        try:
            replace_whole(self.path, before, after)
        except BaseException:
            with contextlib.suppress(EmotuiError):
                self._store(old)
            raise

    def _position(self, record: _Record, name: str) -> int:
        """Return how many edits are applied, as the file itself tells."""
        here = record.position
        for position in (here, here - 1, here + 1):
            if 0 < position <= len(record.entries) and record.entries[position - 1].after == name:
                return position
            if 0 <= position < len(record.entries) and record.entries[position].before == name:
                return position
        return here

    def _keep(self, *versions: bytes) -> None:
        for content in versions:
            path = self.folder / f"{digest(content)}.ini"
            with self._writing():
                if not path.exists():
                    write_atomic(path, content)

    def _drop_unused(self, old: _Record, record: _Record) -> None:
        used = {name for entry in record.entries for name in (entry.before, entry.after)}
        for name in {n for entry in old.entries for n in (entry.before, entry.after)} - used:
            with contextlib.suppress(OSError):
                (self.folder / f"{name}.ini").unlink()

    @property
    def _file(self) -> Path:
        return self.folder / "history.json"

    def _load(self) -> _Record:
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return _Record(str(self.path))
        except OSError as error:
            raise EmotuiError(
                "{path} cannot be read: {error}.", path=self._file, error=error.strerror
            ) from error
        try:
            return _record(json.loads(content))
        except (ValueError, TypeError, KeyError) as error:
            raise BrokenFileError(
                "{path} is damaged, so edits cannot be undone; the kept versions lie beside it.",
                path=self._file,
            ) from error

    def _load_or_put_aside(self) -> _Record:
        """Return the history; a damaged one is kept aside, so that saving still works."""
        try:
            return self._load()
        except BrokenFileError:
            with self._writing():
                self._file.replace(self._file.with_suffix(f".broken-{os.urandom(4).hex()}"))
            return _Record(str(self.path))

    def _store(self, record: _Record) -> None:
        document = asdict(record)
        for entry in document["entries"]:
            entry["time"] = entry["time"].isoformat()
        with self._writing():
            write_atomic(self._file, json.dumps(document, indent=1).encode("utf-8"))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmotuiError(
                "No backup of {path} can be kept in {folder} ({error}), so nothing was saved. "
                "Make room there, or move EmoTUI's files with EMOTUI_HOME.",
                path=self.path,
                folder=self.folder,
                error=error.strerror,
            ) from error

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._writing():
            make_private_folder(self.folder)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            with contextlib.suppress(OSError):  # some network file systems have no locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _record(document: dict[str, object]) -> _Record:
    entries = document["entries"]
    position = document["position"]
    if not isinstance(entries, list) or not isinstance(position, int):
        raise TypeError
    if not 0 <= position <= len(entries):
        raise ValueError(position)
    return _Record(
        str(document["path"]),
        [
            Edited(
                datetime.fromisoformat(entry["time"]),
                entry["before"],
                entry["after"],
                tuple(Change(**change) for change in entry["changes"]),
            )
            for entry in entries
        ],
        position,
    )
