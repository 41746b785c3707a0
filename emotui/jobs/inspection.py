"""Find out the state of a job from its folder, with nobody's help.

The order of the questions is what makes the answer true: a record of the end beats everything;
then a held lock says that the supervisor lives; then boot id, pid and start time say whether the
command outlived its supervisor. An end that nobody recorded is `lost`, never a success.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from emotui.jobs import reasons
from emotui.jobs.job import Job, JobSpec, JobState
from emotui.jobs.processes import boot_clock, boot_id, is_locked, read_stat
from emotui.jobs.record import EndRecord, SpecRecord, StateRecord, read_end, read_spec, read_state
from emotui.support.errors import BrokenFileError
from emotui.support.language import Message

START_LIMIT_S = 10.0
"""How long a job may stand there without a supervisor before it counts as never started."""

Found = TypeVar("Found")


def inspect(folder: Path) -> Job:
    """Return what is true of the job in `folder` now; a broken record damages only itself."""
    return _Inspection(folder).job()


class _Inspection:
    """One look at a job: its folder, and what of its records turned out to be damaged."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damage: Message | None = None
        self.spec = self.read(read_spec)

    def read(self, reader: Callable[[Path], Found | None]) -> Found | None:
        """Return a record; one that is damaged is noted and counts as not there."""
        try:
            return reader(self.folder)
        except BrokenFileError as error:
            self.damage = self.damage or error.message
            return None

    def job(self) -> Job:
        """Ask the questions in their order."""
        for _attempt in range(2):
            # The end is written before the lock is dropped: a free lock asks for a second look.
            end = self.read(read_end)
            if end is not None:
                return self.ended(end)
            if self.supervised():
                return self.running()
        return self.unsupervised()

    def supervised(self) -> bool:
        """Return whether the supervisor lives."""
        try:
            return is_locked(str(self.folder / "lock"))
        except OSError:
            return False

    def ended(self, end: EndRecord) -> Job:
        """Return what the record of the end says."""
        return self.make(
            end.state,
            reasons.from_record(end.reason),
            started=end.started,
            ended=end.ended,
            seconds=end.seconds,
            exit_status=end.exit_status,
            signal=end.signal,
            leftovers=end.leftovers,
        )

    def running(self) -> Job:
        """Return a job whose supervisor lives."""
        record = self.read(read_state)
        state = record.state if record else JobState.STARTING
        stop_wanted = (self.folder / "stop").exists()
        reason = reasons.STOP_WANTED if stop_wanted else None
        return self.make(state, reason, started=record.started if record else None)

    def unsupervised(self) -> Job:
        """Return a job that nobody watches and whose end nobody recorded."""
        if (self.folder / "exit.json").exists():
            return self.make(JobState.LOST, reasons.END_DAMAGED)
        record = self.read(read_state)
        if record is None:
            return self.unstarted()
        if record.boot != boot_id():
            here = record.host == os.uname().nodename
            reason = reasons.REBOOTED if here else reasons.elsewhere(record.host)
            return self.make(JobState.LOST, reason, started=record.started)
        if command_lives(record):
            return self.make(JobState.RUNNING, reasons.ORPHANED, started=record.started)
        return self.make(JobState.LOST, reasons.KILLED, started=record.started)

    def unstarted(self) -> Job:
        """Return a job without a readable record of its processes."""
        if (self.folder / "state.json").exists():
            return self.make(JobState.LOST, reasons.KILLED)
        if self.spec is None or not is_young(self.spec):
            return self.make(JobState.LOST, reasons.NEVER_STARTED)
        touched = (self.folder / "lock").exists()
        return self.make(JobState.STARTING if touched else JobState.QUEUED, None)

    def make(
        self,
        state: JobState,
        reason: Message | None,
        *,
        started: datetime | None = None,
        ended: datetime | None = None,
        seconds: float | None = None,
        exit_status: int | None = None,
        signal: int | None = None,
        leftovers: tuple[int, ...] = (),
    ) -> Job:
        """Return the job with what every answer has in common."""
        spec = self.spec.spec if self.spec else _unknown(self.folder)
        job_id = self.folder.name
        if state.is_final:
            reason = reasons.with_places(reason, job_id, spec, state, leftovers)
        return Job(
            id=job_id,
            spec=spec,
            state=state,
            created=self.spec.created if self.spec else _made(self.folder),
            log_path=self.folder / "log",
            started=started,
            ended=ended,
            seconds=seconds,
            exit_status=exit_status,
            signal=signal,
            reason=reason,
            leftovers=leftovers,
            damage=self.damage,
        )


def is_young(record: SpecRecord) -> bool:
    """Return whether a supervisor may still be on its way to the job."""
    return record.boot == boot_id() and boot_clock() - record.boot_seconds < START_LIMIT_S


def command_lives(record: StateRecord) -> bool:
    """Return whether the very process that was started still lives.

    A pid and its start time, in ticks of 10 ms, can both come again; that the process also
    leads a session, as every command of ours does, leaves next to nothing to chance.
    """
    pid, start = record.child
    stat = read_stat(pid)
    return bool(stat and stat.start == start and stat.state not in "ZX" and stat.session == pid)


def _unknown(folder: Path) -> JobSpec:
    return JobSpec(kind="unknown", title=folder.name, argv=(), cwd=folder)


def _made(folder: Path) -> datetime:
    try:
        return datetime.fromtimestamp(folder.stat().st_mtime, timezone.utc)
    except OSError:
        return datetime.fromtimestamp(0, timezone.utc)
