"""What Linux says of processes: who lives, who descends from whom, who holds a job's lock.

Standard library only: the supervisor uses it too, and runs without site-packages. A process is
known by pid, start time and boot id, because pids are used again; a job is alive when its lock
is held, because the kernel drops the lock at any death.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from typing import NamedTuple

JOB_VARIABLE = "EMOTUI_JOB"
"""Names the job's folder in the environment of all its processes."""

_FLOCK = "hhqqi4x"  # struct flock: l_type, l_whence, l_start, l_len, l_pid


class ProcessStat(NamedTuple):
    """What `/proc/PID/stat` says of a process."""

    state: str
    """One letter; `Z` is a zombie, which is dead whatever `kill(pid, 0)` says."""
    parent: int
    session: int
    start: int
    """In clock ticks since the boot."""


def boot_id() -> str:
    """Return what the kernel calls this boot of the machine."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123
        return file.read().strip()


def boot_clock() -> float:
    """Return seconds since the boot, sleep included; nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read_stat(pid: int) -> ProcessStat | None:
    """Return the process's entry, or None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            # The second field, the name, may itself hold ") ": the last one ends it.
            rest = file.read().rpartition(b") ")[2].split()
        return ProcessStat(rest[0].decode(), int(rest[1]), int(rest[3]), int(rest[19]))
    except (OSError, IndexError, ValueError):
        return None


def all_stats() -> dict[int, ProcessStat]:
    """Return the entries of all processes that this user can see."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:  # no descriptor is left, say; the caller asks again
        return {}
    return {pid: stat for pid in pids if (stat := read_stat(pid)) is not None}


def descendants(root: int) -> list[int]:
    """Return every living process below `root`, parents before their children."""
    stats = all_stats()
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    found: list[int] = []
    todo = [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return [pid for pid in found if stats[pid].state != "Z"]


def send(pids: list[int], number: int) -> None:
    """Signal processes, any of which may be gone by now."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:  # noqa: PERF203
            pass


def open_lock(path: str) -> int:
    """Open the lock file, made when it is not there; closing it drops a lock that was taken."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def take_lock(descriptor: int) -> bool:
    """Take the lock for as long as `descriptor` is open; False when somebody else has it."""
    wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def is_locked(path: str) -> bool:
    """Ask whether somebody holds the lock, without taking it: asking can spoil no start.

    Raises `FileNotFoundError` when there is no lock file yet.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, question)
    finally:
        os.close(descriptor)
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)
