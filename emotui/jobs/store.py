"""Where jobs are kept: one folder a job, private to the user, whose files are the truth.

A folder gets its final name only when its `spec.json` is on disk, so there are no half-made
jobs. What is damaged costs one job and is told with it (`Job.damage`). Listing is cheap: a job
that is over does not change any more and is read once.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emotui.jobs.inspection import inspect
from emotui.jobs.job import Job, JobSpec, JobState
from emotui.jobs.processes import boot_clock, boot_id, open_lock, take_lock
from emotui.jobs.record import SpecRecord, StateRecord, read_state, spec_as_json
from emotui.support.clock import Clock
from emotui.support.errors import BrokenFileError, NotFoundError, RefusedError, UsageError
from emotui.support.files import make_private_folder, write_atomic

_ID = re.compile(r"[a-z0-9-]{1,64}")
_SHOWN_CHOICES = 5
_UNFINISHED, _REMOVED = ".new-", ".removed-"
"""What the folders are called that are no jobs yet, or no longer."""
_UNFINISHED_LIMIT_S = 60.0
_LAST_MOMENT_S = 2.0
"""How long a supervisor may take to leave when it has written down the end."""

_ALONE_PATIENCE_S = 10.0
"""How long to wait for another program that is starting a job."""


class JobStore:
    """The jobs of one user. Threads may share it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.clock = clock
        self._over: dict[str, Job] = {}

    def create(self, spec: JobSpec) -> Job:
        """Write down a new job, which is queued until a supervisor takes it.

        Raises `UsageError` for a command that no system could run, `RefusedError` when others
        could change the folder, and `OSError` when the disk takes nothing.
        """
        _check(spec)
        make_private_folder(self.folder)
        self._refuse_shared()
        self._sweep()
        now = self.clock.now()
        job_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        record = SpecRecord(spec, now, boot_id(), boot_clock())
        unfinished = self.folder / f"{_UNFINISHED}{job_id}"
        try:
            unfinished.mkdir(mode=0o700)
            write_atomic(unfinished / "spec.json", spec_as_json(record))
            unfinished.rename(self.path(job_id))
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return inspect(self.path(job_id))

    def path(self, job_id: str) -> Path:
        """Return the folder of a job."""
        return self.folder / job_id

    def list(self) -> list[Job]:
        """Return all jobs, the newest first."""
        ids = self._ids()
        known = self._over.copy()  # at once: another thread may be adding to it
        self._over = {job_id: job for job_id, job in known.items() if job_id in ids}
        jobs = [job for job_id in ids if (job := self._look_if_there(job_id)) is not None]
        return sorted(jobs, key=lambda job: (job.created, job.id), reverse=True)

    def get(self, name: str) -> Job:
        """Return the job with that id, or with the one id that begins so.

        The last part of an id alone will do as well, because it is what tells ids of one day
        apart. Raises `NotFoundError`, or `UsageError` when several begin so.
        """
        return inspect(self.path(self.resolve(name)))

    def resolve(self, name: str) -> str:
        """Return the whole id that `name` stands for; raises as `get` does."""
        ids = self._ids()
        if name in ids:
            return name
        found = sorted(
            job_id
            for job_id in ids
            if name and (job_id.startswith(name) or job_id.rpartition("-")[2].startswith(name))
        )
        if not found:
            raise NotFoundError(
                "There is no job {name}. `emotui jobs` lists those that there are.", name=name
            )
        if len(found) > 1:
            shown = ", ".join(found[:_SHOWN_CHOICES]) + (
                " …" if len(found) > _SHOWN_CHOICES else ""
            )
            raise UsageError("Several jobs begin with {name}: {found}.", name=name, found=shown)
        return found[0]

    def remove(self, name: str) -> None:
        """Delete a job that is over, its log too; what it made elsewhere stays."""
        job = self.get(name)
        if not job.state.is_final:
            raise RefusedError(
                "Job {id} is not over ({state}). Cancel it first.", id=job.id, state=job.state.label
            )
        with self.claim(job.id, patience_s=_LAST_MOMENT_S):
            gone = self.folder / f"{_REMOVED}{job.id}"
            self.path(job.id).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        self._over.pop(job.id, None)

    def request_stop(self, job_id: str) -> None:
        """Ask the job's supervisor to end it; asking twice is asking once."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        os.close(os.open(self.path(job_id) / "stop", flags, 0o600))

    @contextlib.contextmanager
    def claim(self, job_id: str, patience_s: float = 0.0) -> Iterator[None]:
        """Hold the job's lock in the place of its supervisor; raises `RefusedError` if it lives."""
        with _held(self.path(job_id) / "lock", patience_s) as mine:
            if not mine:
                raise RefusedError("Job {id} is in the hands of its supervisor.", id=job_id)
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Look at the jobs and add one while no other program does; raises `RefusedError`."""
        make_private_folder(self.folder)
        with _held(self.folder / ".lock", _ALONE_PATIENCE_S) as mine:
            if not mine:
                raise RefusedError("Another EmoTUI is starting a job and does not end. Try again.")
            yield

    def write_end(self, job_id: str, state: JobState, reason: dict[str, str]) -> None:
        """Record an end for which no supervisor is left; only with the job claimed."""
        now = self.clock.now().timestamp()
        record: dict[str, Any] = {"state": state.value, "reason": reason, "ended": now}
        record |= {"seconds": None, "exit_status": None, "signal": None, "leftovers": []}
        started = self.state_record(job_id)
        record["started"] = started.started.timestamp() if started and started.started else None
        write_atomic(self.path(job_id) / "exit.json", json.dumps(record).encode())

    def state_record(self, job_id: str) -> StateRecord | None:
        """Return what the supervisor wrote when it started the command, if it can be read."""
        try:
            return read_state(self.path(job_id))
        except BrokenFileError:
            return None

    def _ids(self) -> set[str]:
        try:
            with os.scandir(self.folder) as entries:
                return {
                    entry.name
                    for entry in entries
                    if _ID.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False)
                }
        except FileNotFoundError:
            return set()

    def _look_if_there(self, job_id: str) -> Job | None:
        job = self._look(job_id)
        # Somebody else may have removed it since the folder was listed.
        return job if job.damage is None or self.path(job_id).is_dir() else None

    def _look(self, job_id: str) -> Job:
        known = self._over.get(job_id)
        if known is not None:
            return known
        job = inspect(self.path(job_id))
        # One that was never started may yet be taken by a supervisor that is very slow.
        unclear = job.state is JobState.LOST and job.started is None
        if job.state.is_final and not unclear and job.damage is None:
            self._over[job_id] = job
        return job

    def _sweep(self) -> None:
        """Delete what a `create` or a `remove` that was killed has left."""
        for folder in self.folder.glob(".*"):
            with contextlib.suppress(OSError):
                age_s = time.time() - folder.stat().st_mtime
                old = folder.name.startswith(_UNFINISHED) and age_s > _UNFINISHED_LIMIT_S
                if old or folder.name.startswith(_REMOVED):
                    shutil.rmtree(folder, ignore_errors=True)

    def _refuse_shared(self) -> None:
        stat = self.folder.stat()
        if stat.st_uid != os.geteuid() or stat.st_mode & 0o022:
            raise RefusedError(
                "Others than you can change {folder}, and with it what your jobs run. Make it "
                "yours alone: chmod 700 {folder}",
                folder=self.folder,
            )


@contextlib.contextmanager
def _held(path: Path, patience_s: float) -> Iterator[bool]:
    """Hold a lock file, waiting for it for a while; yields whether it is held."""
    descriptor = open_lock(str(path))
    until = time.monotonic() + patience_s
    try:
        while not (mine := take_lock(descriptor)) and time.monotonic() < until:
            time.sleep(0.01)
        yield mine
    finally:
        os.close(descriptor)


def _check(spec: JobSpec) -> None:
    texts = [*spec.argv, str(spec.cwd), *spec.env, *(text for text in spec.env.values() if text)]
    if not spec.argv or any("\0" in text for text in texts):
        raise UsageError("A job needs a command, and no part of it may hold a NUL character.")
