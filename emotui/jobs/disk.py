"""Room on disk: bound what a log takes, and tell which place is full.

Standard library only: the supervisor uses it.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_PUNCH_HOLE = 0x02 | 0x01  # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
_HEAD_BYTES = 1 << 20
_FULL_BELOW_BYTES = 1 << 20


def bound_file(path: Path, limit_bytes: int) -> None:
    """Give the middle of a file back when it takes more than `limit_bytes` on disk.

    Its first MiB and its last `limit_bytes / 2` stay, its size and the writer's place too; the
    middle reads as NUL. A limit by `setrlimit` would also cap the weights that a job writes.
    """
    try:
        with path.open("r+b", buffering=0) as file:
            stat = os.fstat(file.fileno())
            if stat.st_blocks * 512 > limit_bytes:
                length = stat.st_size - _HEAD_BYTES - limit_bytes // 2
                hole = (ctypes.c_long(_HEAD_BYTES), ctypes.c_long(length))
                ctypes.CDLL(None).fallocate(file.fileno(), _PUNCH_HOLE, *hole)
    except OSError:
        pass  # not there yet, or a file system without holes: then it grows


def first_full(places: Iterable[Path]) -> Path | None:
    """Return the first of the places that has (nearly) no room left."""
    for place in places:
        try:
            stat = os.statvfs(place)
        except OSError:
            continue
        if stat.f_bavail * stat.f_frsize < _FULL_BELOW_BYTES:
            return place
    return None
