"""Finding model folders below some folders: bounded in depth, number and patience.

Hidden folders, repositories' insides and installed packages are passed over; a folder that
several names lead to is visited once, so links in a circle end; what cannot be read is reported
and passed by. The inside of a workspace is the workspace's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from emotui.models.checkpoint import CONFIG
from emotui.models.folder import cache_snapshot
from emotui.models.turbomind import is_workspace
from emotui.models.workspace_config import INI, YAML
from emotui.support.language import Message, message

DEPTH = 4
FOLDER_LIMIT = 20_000
MODEL_LIMIT = 500
_PASSED_OVER = {"node_modules", "site-packages", "dist-packages", "__pycache__", "lost+found"}
_SIGNS = {INI, YAML, "triton_models", "weights"}
_SYSTEM = {Path("/proc"), Path("/sys"), Path("/dev"), Path("/run")}


@dataclass(slots=True)
class Found:
    """What a scan came upon."""

    paths: list[Path] = field(default_factory=list)
    """Folders that look like models; `inspect` has the last word."""
    problems: list[Message] = field(default_factory=list)


def find(
    folders: Iterable[Path],
    *,
    depth: int = DEPTH,
    limit: int = FOLDER_LIMIT,
    stop: Callable[[], bool] = lambda: False,
) -> Found:
    """Return the model folders at and below `folders`.

    `depth` counts levels below each of them, `limit` the folders that are visited in all. `stop`
    is asked at every folder; when it says so, what was found until then is returned.
    """
    scan = _Scan(limit)
    for folder in folders:
        if not folder.is_dir():
            scan.found.problems.append(
                message("{path} is no folder; it is passed over.", path=folder)
            )
            continue
        waiting = [(folder, 0)]
        while waiting and not scan.ended() and not stop():
            here, level = waiting.pop()
            below = scan.visit(here)
            if level < depth:
                waiting += [(child, level + 1) for child in reversed(below)]
    scan.report()
    return scan.found


class _Scan:
    """The folders that were visited, and what they turned out to be."""

    def __init__(self, limit: int) -> None:
        self.found = Found()
        self.limit = limit
        self.visited: set[tuple[int, int]] = set()
        self.closed: list[Path] = []

    def ended(self) -> bool:
        """Whether a limit is reached."""
        return len(self.visited) >= self.limit or len(self.found.paths) >= MODEL_LIMIT

    def visit(self, folder: Path) -> list[Path]:
        """Take the folder down if it is a model, and return the folders in it to visit."""
        try:
            status = folder.stat()
            if not stat.S_ISDIR(status.st_mode) or self._seen(status):
                return []
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            return self._recognise(folder, found)
        except OSError:
            self.closed.append(folder)
            return []

    def _recognise(self, folder: Path, found: list[os.DirEntry[str]]) -> list[Path]:
        names = {entry.name for entry in found}
        snapshot = cache_snapshot(folder)
        if snapshot is not None:
            self.found.paths.append(snapshot)
            return []
        if names & _SIGNS and is_workspace(folder):
            self.found.paths.append(folder)
            return []
        if CONFIG in names:
            self.found.paths.append(folder)
        if "model_index.json" in names:
            return []
        return [folder / entry.name for entry in found if _worth_a_visit(entry, folder)]

    def _seen(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        if identity in self.visited:
            return True
        self.visited.add(identity)
        return False

    def report(self) -> None:
        """Say what was left out."""
        if self.closed:
            self.found.problems.append(
                message(
                    "Some folders cannot be read ({number}; {path} for one).",
                    number=len(self.closed),
                    path=self.closed[0],
                )
            )
        if self.ended():
            self.found.problems.append(
                message(
                    "The search stopped after {number} folders. Name the folders that hold your "
                    "models instead of one far above them.",
                    number=len(self.visited),
                )
            )


def _worth_a_visit(entry: os.DirEntry[str], folder: Path) -> bool:
    if entry.name.startswith(".") or entry.name in _PASSED_OVER or entry.name.endswith(".partial"):
        return False
    try:
        return entry.is_dir() and folder / entry.name not in _SYSTEM
    except OSError:
        return False
