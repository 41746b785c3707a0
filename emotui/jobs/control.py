"""Start jobs, stop them, wait for them.

This is the seam where a supervisor is started. It becomes nobody's child: it forks away from
the process that is started here, in a session of its own, and outlives the app, the terminal
and the login.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from emotui.jobs.inspection import command_lives
from emotui.jobs.job import Job, JobSpec, JobState
from emotui.jobs.processes import JOB_VARIABLE, all_stats, send
from emotui.jobs.store import JobStore
from emotui.support.errors import RefusedError
from emotui.support.text import clean_line

SUPERVISOR = Path(__file__).with_name("supervisor.py")

_SCRUBBED = ("LD_PRELOAD", "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP")
"""Made for another program than the one that the job runs; a job's own delta may set them."""
_HANDSHAKE_LIMIT_S = 10.0
_DYING_S = 0.2
"""A supervisor that was killed holds its lock for some milliseconds more."""
_ORPHAN_GRACE_LIMIT_S = 2.0
_ORPHAN_KILL_LIMIT_S = 5.0


def submit(store: JobStore, spec: JobSpec, environ: Mapping[str, str] = os.environ) -> Job:
    """Write the job down and start its supervisor; return it running, or over already.

    `environ` is what the command inherits, with the delta of `spec` on top; it is handed over,
    never stored.
    """
    job = store.create(spec)
    folder = store.path(job.id)
    try:
        failed = _start_supervisor(folder, environment(environ))
    except OSError as error:
        failed = str(error)
    if failed is not None:
        _record_failed_start(store, job.id, failed)
    return store.get(job.id)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what jobs inherit of an environment."""
    kept = {name: value for name, value in environ.items() if name not in _SCRUBBED}
    # Otherwise the output of a Python program stands in its buffer instead of the log.
    return kept | {"PYTHONUNBUFFERED": "1"}


def _start_supervisor(folder: Path, environ: dict[str, str]) -> str | None:
    """Start the supervisor and hear whether the command runs; return what went wrong."""
    words_path = folder / "supervisor.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    words = os.open(words_path, flags, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            cwd="/",  # so that it keeps no file system busy
            env=environ,
            start_new_session=True,
        )
    finally:
        os.close(words)
    assert process.stdout is not None
    with process.stdout as answer:
        process.wait()  # it forks away at once
        ready = select.select([answer], [], [], _HANDSHAKE_LIMIT_S)[0]
        if not ready or os.read(answer.fileno(), 64):
            return None  # it lives: whatever else there is to say stands in its records
    last = words_path.read_text(errors="replace").strip().splitlines()[-1:]
    return clean_line(last[0]) if last else f"exit status {process.returncode}"


def _record_failed_start(store: JobStore, job_id: str, error: str) -> None:
    try:
        with store.claim(job_id):
            if not store.get(job_id).state.is_final:
                reason = {"code": "supervisor", "error": error}
                store.write_end(job_id, JobState.FAILED, reason)
    except RefusedError:
        pass  # a supervisor has it after all


def cancel(store: JobStore, name: str) -> Job:
    """Ask a job to end, and return it; a job without its supervisor is ended here.

    Raises `RefusedError` when it is over already. The end itself takes up to the job's time of
    grace: `wait` for it.
    """
    job = store.get(name)
    if job.state.is_final:
        raise RefusedError("Job {id} is over ({state}).", id=job.id, state=job.state.label)
    store.request_stop(job.id)
    record = store.state_record(job.id)
    try:
        if record is not None and command_lives(record):
            with store.claim(job.id, _DYING_S):
                _end_orphan(store, job, record.child[0])
    except RefusedError:
        pass  # the usual case: the supervisor lives, and sees to it
    return store.get(job.id)


def _end_orphan(store: JobStore, job: Job, leader: int) -> None:
    """End the processes of a job whose supervisor was killed, and record that."""
    folder = store.path(job.id)
    give_up = time.monotonic() + _ORPHAN_KILL_LIMIT_S
    kill_at = time.monotonic() + min(job.spec.grace_s, _ORPHAN_GRACE_LIMIT_S)
    send(job_processes(folder, leader), signal.SIGTERM)
    send(job_processes(folder, leader), signal.SIGCONT)
    while (left := job_processes(folder, leader)) and time.monotonic() < give_up:
        if time.monotonic() >= kill_at:
            send(left, signal.SIGSTOP)
            send(job_processes(folder, leader), signal.SIGKILL)
        time.sleep(0.05)
    if not left:
        store.write_end(job.id, JobState.CANCELLED, {"code": "cancelled"})


def job_processes(folder: Path, leader: int) -> list[int]:
    """Return the living processes of an orphaned job: by session, by environment, by descent."""
    mark = f"{JOB_VARIABLE}={folder}".encode()
    stats = {pid: stat for pid, stat in all_stats().items() if stat.state not in "ZX"}
    found = {
        pid for pid, stat in stats.items() if stat.session == leader or _has_variable(pid, mark)
    }
    found.discard(os.getpid())
    grown = True
    while grown:
        below = {pid for pid, stat in stats.items() if stat.parent in found} - found
        found |= below
        grown = bool(below)
    return sorted(found)


def _has_variable(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def wait(store: JobStore, name: str, timeout_s: float | None = None, poll_s: float = 0.1) -> Job:
    """Return the job when it is over, or as it is when the time is up."""
    job_id = store.resolve(name)
    until = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        job = store.get(job_id)
        if job.state.is_final or (until is not None and time.monotonic() >= until):
            return job
        time.sleep(poll_s)
