"""Who is writing an answer: a process, told from any other that ever had its number.

Two apps may have one database open. An answer that is "streaming" was cut off by a crash only
if the process that wrote it has gone, so each answer carries the mark of its writer.
"""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def writer_mark(pid: int | None = None) -> str:
    """Return the mark of a process (this one by default): boot, pid namespace, pid, start time.

    Empty where /proc does not tell; an answer with an empty mark counts as abandoned.
    """
    pid = os.getpid() if pid is None else pid
    started = _start_time(pid)
    if started is None:
        return ""
    return f"{_boot()} {_namespace()} {pid} {started}"


def is_writing(mark: str) -> bool:
    """Return whether the process behind `mark` lives.

    A mark of another boot, machine or container cannot be looked at and counts as gone; if
    that writer does live, it will still finish its answer in the database.
    """
    parts = mark.split(" ")
    if len(parts) != 4 or not parts[2].isdecimal():
        return False
    return mark == writer_mark(int(parts[2]))


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/PID/stat (proc(5)), or None when the process is gone or a zombie."""
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = stat[stat.rfind(")") + 1 :].split()
    if len(fields) < 20 or fields[0] in "ZX":
        return None
    return fields[19]


def _boot() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "-"


def _namespace() -> int:
    try:
        return (PROC / "self/ns/pid").stat().st_ino
    except OSError:
        return 0
