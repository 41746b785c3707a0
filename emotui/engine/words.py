"""The last words of a worker: what its log says about why it ended, without the traceback.

The end of the log is searched for lines that state a cause: the last line of a Python
traceback, the engine's own `[TM][ERROR]`, an abort of native code. Where there is none, the
last lines that are not progress bars must do.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from emotui.support.text import clean_line, last_overwrite

TAIL_BYTES = 64 << 10
MAX_LINES = 3
MAX_WIDTH = 400

_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(: |$)")
_NATIVE = re.compile(
    r"\[TM\]\[(ERROR|FATAL)\]|^\[ERROR\]|^Fatal Python error:|terminate called"
    r"|^\s*what\(\):|^Segmentation fault|CUDA (runtime )?error|symbol lookup error"
    r"|error while loading shared libraries|^Aborted|^Killed"
)
_PROGRESS = re.compile(r"\d+%\|")


def last_words(log: Path, start: int = 0) -> str:
    """Return up to three cleaned lines of the end of `log`, empty when it says nothing.

    What stands before the byte `start` is not looked at.
    """
    lines = _tail(log, start)
    causes = _causes(lines)
    if causes:
        return "\n".join(causes[-MAX_LINES:])
    said = [
        line for line in lines if line.strip() and not _PROGRESS.search(line) and line[0] != " "
    ]
    return "\n".join(line.strip() for line in said[-MAX_LINES:])


def _tail(log: Path, start: int) -> list[str]:
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - TAIL_BYTES))
            data = file.read(TAIL_BYTES)
    except OSError:
        return []
    lines = data.decode("utf-8", "replace").split("\n")
    return [clean_line(last_overwrite(line)).rstrip()[:MAX_WIDTH] for line in lines]


def _causes(lines: list[str]) -> list[str]:
    """Return the lines that state a cause, in order, each once."""
    causes: list[str] = []
    exception = ""
    in_traceback = False
    for line in lines:
        if line.startswith("Traceback (most recent call last)"):
            in_traceback = True
        elif in_traceback and line and not line[0].isspace():
            in_traceback = False
            if _EXCEPTION.match(line):
                # Of several only the last one tells what was not handled.
                causes = [cause for cause in causes if cause != exception]
                exception = line
                causes.append(line)
        elif _NATIVE.search(line) and line.strip() not in causes:
            causes.append(line.strip())
    return causes
