"""Faults of our own: the report goes into a file, one sentence to the person.

A traceback may hold foreign text, and it says nothing to who meets it: it is never printed.
"""

from __future__ import annotations

import traceback
from datetime import datetime
from pathlib import Path

from emotui.support.files import make_private_folder, write_atomic
from emotui.support.language import Message, message, raw


def write_crash_report(folder: Path, now: datetime, error: BaseException) -> tuple[Message, ...]:
    """Write `error` with its traceback into a file in `folder`; return what to tell the user."""
    report = "".join(traceback.format_exception(error))
    path = folder / f"crash-{now:%Y%m%d-%H%M%S-%f}.txt"
    try:
        make_private_folder(folder)
        write_atomic(path, report.encode("utf-8", "replace"))
    except OSError:
        return (message("EmoTUI met a fault of its own and ended:"), raw(report))
    return (
        message("EmoTUI met a fault of its own and ended. The report is in {path}.", path=path),
    )
