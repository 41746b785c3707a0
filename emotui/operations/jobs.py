"""What a person does with jobs: see them, read their logs, wait for them, end them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from emotui.jobs import control
from emotui.jobs.job import Job, JobState
from emotui.jobs.log import LogReader, tail_offset
from emotui.lmdeploy.progress import Progress, ProgressReader, progress_of
from emotui.operations.services import Services
from emotui.support.language import Message, message
from emotui.support.text import format_duration

Piece = TypeVar("Piece")

POLL_S = 0.2
_CHUNK = 1 << 20
_PROGRESS_TAIL_BYTES = 32 << 20
_OPEN_RECORD_BYTES = 1 << 16


def list_jobs(services: Services) -> list[Job]:
    """Return all jobs, the newest first."""
    return services.jobs.list()


def show_job(services: Services, name: str) -> Job:
    """Return the job with that id or unique beginning of one."""
    return services.jobs.get(name)


def wait_for_job(services: Services, name: str, timeout_s: float | None = None) -> Job:
    """Return the job when it is over, or as it is when the time is up."""
    return control.wait(services.jobs, name, timeout_s)


def cancel_job(services: Services, name: str) -> Job:
    """Ask a job to end; it takes up to its time of grace. `RefusedError` when it is over."""
    return control.cancel(services.jobs, name)


def remove_job(services: Services, name: str) -> None:
    """Delete the record and the log of a job that is over; what it made stays."""
    services.jobs.remove(name)


def log_lines(
    services: Services, name: str, lines: int | None = None, *, follow: bool = False
) -> Iterator[str]:
    """Yield the log's lines as a person reads them: all or the last ones, then what is added."""
    job = services.jobs.get(name)
    offset = 0 if lines is None else tail_offset(job.log_path, lines)
    reader = LogReader(job.log_path, offset)
    for new in _until_over(services, job, lambda: reader.read(_CHUNK), follow):
        yield from new
    if reader.open_line:
        yield reader.open_line


def log_bytes(
    services: Services, name: str, lines: int | None = None, *, follow: bool = False
) -> Iterator[bytes]:
    """Yield the log as the command wrote it, byte by byte."""
    job = services.jobs.get(name)
    offset = 0 if lines is None else tail_offset(job.log_path, lines)

    def read() -> bytes | None:
        nonlocal offset
        data = _read(job.log_path, offset)
        offset += len(data)
        return data or None

    yield from _until_over(services, job, read, follow)


def _until_over(
    services: Services, job: Job, read: Callable[[], Piece | None], follow: bool
) -> Iterator[Piece]:
    over = not follow
    while True:
        piece = read()
        if piece is not None:
            yield piece
        elif over:
            return
        else:
            # Looked at before the last read, so that nothing written at the end is missed.
            over = services.jobs.get(job.id).state.is_final
            if not over:
                time.sleep(POLL_S)


def _read(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), _CHUNK, offset)
    except FileNotFoundError:
        return b""


@dataclass(slots=True)
class _Track:
    reader: ProgressReader
    offset: int
    rest: bytes = b""


@dataclass
class ProgressWatch:
    """Reads the progress of jobs from their logs, each byte of which is read once."""

    readers: Callable[[str], ProgressReader] = progress_of
    _tracks: dict[str, _Track] = field(default_factory=dict)

    def look(self, job: Job) -> Progress | None:
        """Return how far a job has come; None when it has not begun or nothing is known."""
        if job.state is JobState.SUCCEEDED:
            self._tracks.pop(job.id, None)
            return Progress(job.state.label, 1.0)
        if job.state in (JobState.QUEUED, JobState.STARTING):
            return None
        track = self._tracks.get(job.id)
        if track is None:
            offset = max(0, _size(job.log_path) - _PROGRESS_TAIL_BYTES)
            track = self._tracks[job.id] = _Track(self.readers(job.spec.kind), offset)
        while data := _read(job.log_path, track.offset):
            track.offset += len(data)
            self._feed(track, track.rest + data)
        return track.reader.progress

    def _feed(self, track: _Track, data: bytes) -> None:
        """Feed whole records, and a bar that waits for its next drawing."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if end:
            track.reader.feed(data[:end].decode("utf-8", "replace"))
        track.rest = data[end:][-_OPEN_RECORD_BYTES:]
        if data[end - 1 : end] == b"\r" and track.rest:
            track.reader.feed(track.rest.decode("utf-8", "replace"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def facts(
    job: Job, now: datetime, progress: Progress | None = None
) -> Iterator[tuple[Message, str]]:
    """Yield name and value of everything that is known of a job and worth a line."""
    elapsed = job.elapsed_s(now)
    publish = job.spec.publish
    known: list[tuple[Message, object]] = [
        (message("Title"), job.spec.title),
        (message("State"), job.state.label),
        (message("Progress"), None if job.state.is_final else _progress_text(progress)),
        (message("Reason"), job.reason),
        (message("Problem"), job.damage),
        (message("Exit status"), job.exit_status),
        (message("Time"), None if elapsed is None else format_duration(elapsed)),
        (message("Command"), job.spec.command),
        (message("Variables"), job.spec.environment),
        (message("Output"), publish.destination if publish else None),
        (message("Folder"), job.spec.cwd),
        (message("Created"), local_time(job.created)),
        (message("Started"), local_time(job.started)),
        (message("Ended"), local_time(job.ended)),
        (message("ID"), job.id),
        (message("Log"), job.log_path),
    ]
    yield from ((name, str(value)) for name, value in known if value is not None and str(value))


def local_time(moment: datetime | None) -> str:
    """Return a moment as the clock on the wall shows it; empty when there is none."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _progress_text(progress: Progress | None) -> str | None:
    if progress is None:
        return None
    percent = "" if progress.fraction is None else f"{int(progress.fraction * 100)}%"
    return "  ".join(filter(None, (str(progress.phase), percent, progress.detail)))
