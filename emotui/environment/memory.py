"""How much memory programs can still get: the machine's, or less inside a container."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """The files in which Linux keeps a group's memory limit and what is used of it."""

    limit: Path
    used: Path
    statistics: Path
    cache_key: str
    """The line of `statistics` with the bytes of file cache that would be given up."""

    def room(self) -> tuple[int, int] | None:
        """Return (available, limit) in bytes, None where the group has no limit."""
        try:
            limit = int(self.limit.read_text(encoding="ascii"))
            used = int(self.used.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return max(0, limit - max(0, used - self._cache_bytes())), limit

    def _cache_bytes(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            for line in self.statistics.read_text(encoding="ascii").splitlines():
                key, _, value = line.partition(" ")
                if key == self.cache_key:
                    return int(value)
        return 0


_ROOT = Path("/sys/fs/cgroup")
GROUPS = (
    ControlGroup(
        _ROOT / "memory.max", _ROOT / "memory.current", _ROOT / "memory.stat", "inactive_file"
    ),
    ControlGroup(
        _ROOT / "memory/memory.limit_in_bytes",
        _ROOT / "memory/memory.usage_in_bytes",
        _ROOT / "memory/memory.stat",
        "total_inactive_file",
    ),
)


def available_bytes(groups: tuple[ControlGroup, ...] = GROUPS) -> tuple[int, int]:
    """Return (available, total) in bytes; a control group's limit counts when it is lower."""
    machine = psutil.virtual_memory()
    available, total = int(machine.available), int(machine.total)
    for group in groups:
        room = group.room()
        if room is not None and room[1] < total:
            available, total = min(available, room[0]), room[1]
    return available, total
