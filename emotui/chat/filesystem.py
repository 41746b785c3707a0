"""Which kind of file system a path is on: SQLite's WAL needs one that is local.

WAL keeps an index in shared memory, which machines that share a network file system do not
have in common; on some others (ntfs3) the pragma succeeds and the database breaks later.
Anything that is not known to be fine counts as not local.
"""

from __future__ import annotations

import re
from pathlib import Path

LOCAL = frozenset(
    [
        "bcachefs",
        "btrfs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "jfs",
        "nilfs2",
        "overlay",
        "ramfs",
        "reiserfs",
        "tmpfs",
        "xfs",
        "zfs",
    ]
)
MOUNTS = Path("/proc/self/mountinfo")

_OCTAL = re.compile(r"\\([0-7]{3})")


def is_local(path: Path, mounts: Path = MOUNTS) -> bool:
    """Return whether `path` is on a file system that is known to be local."""
    return filesystem_type(path, mounts) in LOCAL


def filesystem_type(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Return the type of the file system that holds `path`; None when it cannot be told."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    place = path.resolve()
    best: tuple[int, str] | None = None
    for line in lines:
        mount = _mount(line)
        if mount is None or not place.is_relative_to(mount[0]):
            continue
        depth = len(mount[0].parts)
        if best is None or depth >= best[0]:  # of two on one place, the later covers the earlier
            best = (depth, mount[1])
    return best[1] if best else None


def _mount(line: str) -> tuple[Path, str] | None:
    """Read one line of mountinfo (proc(5)): its mount point and file system type."""
    before, separator, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not separator or len(fields) < 5 or not rest[0]:
        return None
    point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
    return Path(point), rest[0]
