"""The state of a job, read from its folder alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jobs_at_work import new_store, python_job

from emotui.jobs import inspection
from emotui.jobs.inspection import inspect
from emotui.jobs.job import Job, JobState, Publish
from emotui.jobs.processes import boot_clock, boot_id, open_lock, read_stat, take_lock

DEAD = [2**22 + 1, 1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = new_store(tmp_path)
    return store.path(store.create(python_job(tmp_path, "pass")).id)


def write_state(folder: Path, **changed: Any) -> None:
    record = {
        "state": "running",
        "boot": boot_id(),
        "host": os.uname().nodename,
        "supervisor": DEAD,
        "child": DEAD,
        "started": 1_800_000_000.0,
    }
    (folder / "lock").touch()
    (folder / "state.json").write_text(json.dumps(record | changed))


def write_end(folder: Path, **changed: Any) -> None:
    record = {
        "state": "succeeded",
        "started": 1_800_000_000.0,
        "ended": 1_800_000_060.0,
        "seconds": 60.0,
        "exit_status": 0,
        "signal": None,
        "leftovers": [],
        "reason": None,
    }
    (folder / "exit.json").write_text(json.dumps(record | changed))


def change_spec(folder: Path, **changed: Any) -> None:
    path = folder / "spec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


def test_a_new_job_is_queued(folder: Path) -> None:
    assert inspect(folder).state is JobState.QUEUED


def test_a_job_that_no_supervisor_took_is_lost_after_a_while(folder: Path) -> None:
    change_spec(folder, boot_seconds=boot_clock() - inspection.START_LIMIT_S - 1)
    job = inspect(folder)
    assert job.state is JobState.LOST
    assert "never started" in str(job.reason)


def test_a_job_that_was_queued_before_a_reboot_is_lost(folder: Path) -> None:
    change_spec(folder, boot="another boot")
    assert inspect(folder).state is JobState.LOST


def test_a_touched_lock_without_a_record_is_a_start(folder: Path) -> None:
    (folder / "lock").touch()
    assert inspect(folder).state is JobState.STARTING


def test_a_held_lock_without_a_record_is_a_start(folder: Path) -> None:
    lock = open_lock(str(folder / "lock"))
    assert take_lock(lock)
    change_spec(folder, boot_seconds=boot_clock() - 1000)
    state = inspect(folder).state
    os.close(lock)
    assert state is JobState.STARTING


def test_a_held_lock_with_a_record_runs_whatever_the_pids_say(folder: Path) -> None:
    write_state(folder)
    lock = open_lock(str(folder / "lock"))
    assert take_lock(lock)
    job = inspect(folder)
    os.close(lock)
    assert job.state is JobState.RUNNING
    assert job.started is not None


def test_asking_for_a_stop_is_told_while_it_runs(folder: Path) -> None:
    write_state(folder)
    (folder / "stop").touch()
    lock = open_lock(str(folder / "lock"))
    assert take_lock(lock)
    job = inspect(folder)
    os.close(lock)
    assert "asked to stop" in str(job.reason)


def test_a_free_lock_and_a_dead_command_is_lost(folder: Path) -> None:
    write_state(folder)
    job = inspect(folder)
    assert job.state is JobState.LOST
    assert job.exit_status is None
    assert "unknown" in str(job.reason)


def test_a_command_that_outlived_its_supervisor_still_runs(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=-1, start_new_session=True)
    stat = read_stat(process.pid)
    assert stat is not None
    write_state(folder, child=[process.pid, stat.start])
    alive = inspect(folder)
    process.communicate(b"\n")
    assert alive.state is JobState.RUNNING
    assert "supervisor was killed" in str(alive.reason)
    assert inspect(folder).state is JobState.LOST


def test_another_process_with_the_same_pid_is_not_the_command(folder: Path) -> None:
    stat = read_stat(os.getpid())
    assert stat is not None
    write_state(folder, child=[os.getpid(), stat.start - 1])
    assert inspect(folder).state is JobState.LOST


def test_a_zombie_is_dead(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    stat = read_stat(process.pid)
    assert stat is not None
    write_state(folder, child=[process.pid, stat.start])
    state = inspect(folder).state
    process.wait()
    assert state is JobState.LOST


def test_a_reboot_loses_a_running_job_even_if_the_pid_lives(folder: Path) -> None:
    stat = read_stat(os.getpid())
    assert stat is not None
    write_state(folder, boot="another boot", child=[os.getpid(), stat.start])
    job = inspect(folder)
    assert job.state is JobState.LOST
    assert "restarted" in str(job.reason)


def test_a_job_of_another_machine_is_not_called_rebooted(folder: Path) -> None:
    write_state(folder, boot="another boot", host="gpu-7")
    job = inspect(folder)
    assert job.state is JobState.LOST
    assert "gpu-7" in str(job.reason)


def test_the_record_of_the_end_beats_everything(folder: Path) -> None:
    write_state(folder, boot="another boot")
    write_end(folder, state="failed", exit_status=3, reason={"code": "exit-status", "number": 3})
    job = inspect(folder)
    assert (job.state, job.exit_status, job.seconds) == (JobState.FAILED, 3, 60.0)
    assert str(job.reason) == "The command ended with exit status 3."


def test_signals_are_named(folder: Path) -> None:
    reason = {"code": "signal", "number": 9}
    write_end(folder, state="failed", exit_status=None, signal=9, reason=reason)
    assert "9 (SIGKILL)" in str(inspect(folder).reason)


def test_a_full_disk_is_named_beside_the_exit_status(folder: Path) -> None:
    reason = {"code": "exit-status", "number": 1, "full": "/data"}
    write_end(folder, state="failed", exit_status=1, reason=reason)
    assert "/data is full" in str(inspect(folder).reason)


def test_leftover_processes_are_named(folder: Path) -> None:
    write_end(folder, leftovers=[41, 42])
    job = inspect(folder)
    assert job.leftovers == (41, 42)
    assert "41, 42" in str(job.reason)


@pytest.mark.parametrize("reason", [{"code": "from the future"}, {"code": "exit-status"}])
def test_an_unknown_reason_is_shown_as_it_is(folder: Path, reason: dict[str, str]) -> None:
    write_end(folder, state="failed", exit_status=1, reason=reason)
    assert reason["code"] in str(inspect(folder).reason)


BROKEN = {
    "empty": b"",
    "half": b'{"state": "succ',
    "a list": b"[1, 2]",
    "nested": b"[" * 100_000,
    "binary": bytes(range(256)),
    "no fields": b"{}",
    "wrong types": b'{"state": 5, "argv": 7, "child": "x", "created": {}, "ended": []}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_end_is_lost_and_never_a_success(folder: Path, content: bytes) -> None:
    write_state(folder)
    (folder / "exit.json").write_bytes(content)
    job = inspect(folder)
    assert (job.state, job.exit_status) == (JobState.LOST, None)
    assert "exit.json" in str(job.damage)
    assert "damaged" in str(job.reason)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_spec_costs_the_spec_only(folder: Path, content: bytes) -> None:
    (folder / "spec.json").write_bytes(content)
    write_end(folder)
    job = inspect(folder)
    assert (job.state, job.exit_status) == (JobState.SUCCEEDED, 0)
    assert job.spec.title == job.id
    assert "spec.json" in str(job.damage)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_state_does_not_hide_that_it_runs(folder: Path, content: bytes) -> None:
    (folder / "state.json").write_bytes(content)
    lock = open_lock(str(folder / "lock"))
    assert take_lock(lock)
    held = inspect(folder)
    os.close(lock)
    assert held.state is JobState.STARTING
    assert inspect(folder).state is JobState.LOST


def test_a_success_needs_exit_status_0(folder: Path) -> None:
    write_end(folder, exit_status=None)
    assert inspect(folder).state is JobState.LOST


@pytest.mark.parametrize("reason", ["a word", [1], 7])
def test_a_reason_that_is_none_is_damage(folder: Path, reason: object) -> None:
    write_end(folder, reason=reason)
    job = inspect(folder)
    assert job.state is JobState.LOST
    assert "exit.json" in str(job.damage)


def test_an_end_that_is_no_end_is_damage(folder: Path) -> None:
    write_end(folder, state="running")
    assert inspect(folder).state is JobState.LOST


def published(tmp_path: Path) -> tuple[Path, Job]:
    store = new_store(tmp_path)
    publish = Publish(tmp_path / "out.partial", tmp_path / "out")
    job = store.create(python_job(tmp_path, "pass", publish=publish))
    return store.path(job.id), job


def test_a_lost_job_says_where_its_partial_output_is(tmp_path: Path) -> None:
    folder, _job = published(tmp_path)
    write_state(folder)
    (tmp_path / "out.partial").mkdir()
    assert str(tmp_path / "out.partial") in str(inspect(folder).reason)


def test_a_lost_job_without_output_speaks_of_none(tmp_path: Path) -> None:
    folder, _job = published(tmp_path)
    write_state(folder)
    assert "out.partial" not in str(inspect(folder).reason)


def test_an_old_output_that_was_left_aside_is_named(tmp_path: Path) -> None:
    folder, job = published(tmp_path)
    write_end(folder)
    (tmp_path / f"out.replaced-{job.id}").mkdir()
    assert f"out.replaced-{job.id}" in str(inspect(folder).reason)
