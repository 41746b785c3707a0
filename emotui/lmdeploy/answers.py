"""What interpreters answered before, kept in the cache folder.

An answer holds as long as the interpreter and every folder on its path have the modification
times that they had: installing, upgrading or removing a package changes a site-packages folder.
A cache that cannot be read is worth nothing and is written anew.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from emotui.support.files import make_private_folder, write_atomic

FORMAT = 2
_MOST = 200
"""How many answers are kept; the oldest go first."""

Stamp = Mapping[str, int]


def stamp_of(paths: Iterable[Path | str]) -> dict[str, int]:
    """Return the modification time, in nanoseconds, of each path; 0 for one that is absent."""
    return {str(path): _modified(Path(path)) for path in paths}


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


class AnswerCache:
    """Answers by key, in one file that several EmoTUIs may write (the last one wins).

    Threads may share it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, dict[str, object]] | None = None
        self._changed = False
        self._lock = threading.Lock()

    def get(self, key: str) -> dict[str, object] | None:
        """Return the answer kept under `key`, None when there is none or it is out of date."""
        with self._lock:
            entry = self._load().get(key)
        if entry is None:
            return None
        stamp, answer = entry.get("stamp"), entry.get("answer")
        if not isinstance(stamp, dict) or not isinstance(answer, dict):
            return None
        if not stamp or stamp_of(stamp) != stamp:
            return None
        return answer

    def put(self, key: str, stamp: Stamp, answer: Mapping[str, object]) -> None:
        """Keep an answer; it reaches the disk with `save`."""
        with self._lock:
            entries = self._load()
            entries.pop(key, None)
            entries[key] = {"stamp": dict(stamp), "answer": dict(answer)}
            while len(entries) > _MOST:
                entries.pop(next(iter(entries)))
            self._changed = True

    def save(self) -> None:
        """Write what was put; a folder that cannot be written costs only the time saved."""
        with self._lock:
            if not self._changed:
                return
            content = json.dumps({"format": FORMAT, "entries": self._load()}).encode("utf-8")
            self._changed = False
        with contextlib.suppress(OSError):
            make_private_folder(self.path.parent)
            write_atomic(self.path, content)

    def _load(self) -> dict[str, dict[str, object]]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def _read(self) -> dict[str, dict[str, object]]:
        try:
            document = json.loads(self.path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            return {}
        entries = document.get("entries")
        if not isinstance(entries, dict):
            return {}
        return {key: entry for key, entry in entries.items() if isinstance(entry, dict)}
