"""A job in words: the lines, tables and documents that `emotui jobs` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from emotui.jobs.job import Job
from emotui.lmdeploy.progress import Progress
from emotui.operations import jobs as operations
from emotui.support.text import cell_width, format_duration, pad

_BAR_CELLS = 20


def state_and_progress(job: Job, progress: Progress | None, *, rough: bool) -> str:
    """Return state, phase and how far; `rough` in steps of ten percent, for a log."""
    if progress is None or job.state.is_final:
        return str(job.state.label)
    text = f"{job.state.label}  {progress.phase}"
    if progress.fraction is None:
        return text
    percent = int(progress.fraction * 100)
    if rough:
        return f"{text}  {percent // 10 * 10}%"
    filled = round(progress.fraction * _BAR_CELLS)
    bar = "#" * filled + "-" * (_BAR_CELLS - filled)
    return f"{text}  [{bar}] {percent}%  {progress.detail}"


def as_document(job: Job, progress: Progress | None) -> dict[str, Any]:
    """Return what `--json` says of a job in a list; times in ISO 8601, progress from 0 to 1."""
    return {
        "id": job.id,
        "kind": job.spec.kind,
        "title": job.spec.title,
        "state": job.state.value,
        "progress": progress.fraction if progress else None,
        "created": _iso(job.created),
        "started": _iso(job.started),
        "ended": _iso(job.ended),
        "exit_status": job.exit_status,
        "command": list(job.spec.argv),
    }


def details(job: Job, progress: Progress | None) -> dict[str, Any]:
    """Return what `show --json` adds."""
    publish = job.spec.publish
    return {
        "phase": str(progress.phase) if progress else None,
        "detail": progress.detail if progress else None,
        "seconds": job.seconds,
        "signal": job.signal,
        "reason": str(job.reason) if job.reason else None,
        "problem": str(job.damage) if job.damage else None,
        "leftovers": list(job.leftovers),
        "cwd": str(job.spec.cwd),
        "environment": dict(job.spec.env),
        "destination": str(publish.destination) if publish else None,
        "log": str(job.log_path),
    }


def row_of(job: Job, progress: Progress | None, now: datetime) -> tuple[str, ...]:
    """Return a line of the table."""
    elapsed = job.elapsed_s(now)
    fraction = progress.fraction if progress else None
    return (
        job.id,
        str(job.state.label),
        "" if fraction is None else f"{int(fraction * 100)}%",
        "" if elapsed is None else format_duration(elapsed),
        operations.local_time(job.started),
        job.spec.title,
    )


def in_columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the rows as lines whose columns stand below each other; the last one is free."""
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = [pad(cell, width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        yield "  ".join([*padded, row[-1]]).rstrip()


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
