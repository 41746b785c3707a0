"""What the tests of jobs share: real jobs that run small Python programs, and patience."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emotui.jobs import control
from emotui.jobs.job import Job, JobSpec
from emotui.jobs.processes import JOB_VARIABLE
from emotui.jobs.store import JobStore
from emotui.support.clock import SystemClock


def new_store(folder: Path) -> JobStore:
    """Return an empty store below `folder`."""
    return JobStore(folder / "jobs", SystemClock())


def python_job(folder: Path, program: str, *arguments: str, **more: Any) -> JobSpec:
    """Return the wish to run a Python program in `folder`."""
    argv = (sys.executable, "-I", "-S", "-u", "-c", program, *arguments)
    wanted: dict[str, Any] = {"kind": "test", "title": "a test", "grace_s": 1.0, **more}
    return JobSpec(argv=argv, cwd=folder, **wanted)


def run_to_end(store: JobStore, spec: JobSpec, timeout_s: float = 20) -> Job:
    """Run a job and return it over."""
    return ended(store, control.submit(store, spec).id, timeout_s)


def ended(store: JobStore, job_id: str, timeout_s: float = 20) -> Job:
    """Wait for a job and return it over."""
    job = control.wait(store, job_id, timeout_s, poll_s=0.02)
    assert job.state.is_final, job
    return job


def end_all(store: JobStore) -> None:
    """End what a test left running, which is nothing unless it failed."""
    for job in store.list():
        if not job.state.is_final:
            control.cancel(store, job.id)


def eventually(happened: Callable[[], object], what: str, timeout_s: float = 10) -> Any:
    """Wait until `happened()` is true and return what it returned."""
    until = time.monotonic() + timeout_s
    while not (result := happened()):
        assert time.monotonic() < until, f"{what}, not in {timeout_s} s"
        time.sleep(0.01)
    return result


def log_of(store: JobStore, job_id: str) -> str:
    """Return what a job has written so far."""
    path = store.path(job_id) / "log"
    return path.read_text() if path.exists() else ""


def supervisor_pid(store: JobStore, job_id: str) -> int | None:
    """Return the pid of the supervisor that has the job in its arguments, zombies left out."""
    wanted = str(store.path(job_id)).encode()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if wanted in words and any(word.endswith(b"/supervisor.py") for word in words):
                return int(process.name)
    return None


def living(store: JobStore, job_id: str) -> list[int]:
    """Return every process that carries the job's mark, its supervisor left out."""
    mark = f"{JOB_VARIABLE}={store.path(job_id)}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
            except OSError:
                continue
    return found
