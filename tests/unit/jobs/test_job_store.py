"""The folders that jobs live in."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from jobs_at_work import new_store, python_job

from emotui.jobs.job import JobSpec, JobState, Publish
from emotui.jobs.processes import boot_clock, open_lock, take_lock
from emotui.jobs.store import JobStore
from emotui.support.errors import NotFoundError, RefusedError, UsageError


class TickingClock:
    """Each look at it is a second later."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 1, tzinfo=timezone.utc)

    def now(self) -> datetime:
        self.time += timedelta(seconds=1)
        return self.time

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs", TickingClock())


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    return python_job(tmp_path, "pass")


def finish(store: JobStore, job_id: str) -> None:
    with store.claim(job_id):
        store.write_end(job_id, JobState.FAILED, {"code": "exit-status", "number": "1"})


def test_what_was_asked_comes_back_as_it_was(store: JobStore, tmp_path: Path) -> None:
    spec = JobSpec(
        kind="convert",
        title="Convert 模型",
        argv=("lmdeploy", "convert", "a b", os.fsdecode(b"caf\xe9"), "$HOME"),
        cwd=tmp_path,
        env={"CUDA_VISIBLE_DEVICES": "0", "HF_HOME": None},
        publish=Publish(tmp_path / "p", tmp_path / "d", replace=True, required=("*.ini", "a/b")),
        grace_s=3.5,
        log_limit_bytes=12345,
    )
    assert store.get(store.create(spec).id).spec == spec


def test_files_are_for_the_user_alone(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    store.request_stop(job.id)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [store.folder, store.path(job.id), *store.path(job.id).iterdir()]
    }
    assert modes == {"jobs": 0o700, job.id: 0o700, "spec.json": 0o600, "stop": 0o600}


def test_the_inherited_environment_is_not_stored(
    store: JobStore, spec: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "canary-4711")
    job = store.create(replace(spec, env={"A": "1"}))
    record = json.loads((store.path(job.id) / "spec.json").read_text())
    assert record["env"] == {"A": "1"}
    assert "canary-4711" not in str(record)


def test_jobs_are_listed_newest_first(store: JobStore, spec: JobSpec) -> None:
    made = [store.create(spec).id for _number in range(3)]
    assert [job.id for job in store.list()] == made[::-1]


def test_a_store_without_a_folder_is_empty(store: JobStore) -> None:
    assert store.list() == []
    assert not store.folder.exists()


def test_foreign_files_are_no_jobs(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    (store.folder / "notes.txt").touch()
    (store.folder / ".new-20260101-000000-abcdef").mkdir()
    (store.folder / "link").symlink_to(store.path(job.id))
    assert [job.id for job in store.list()] == [job.id]


def test_one_damaged_record_costs_that_one_alone(store: JobStore, spec: JobSpec) -> None:
    good, bad = store.create(spec), store.create(spec)
    (store.path(bad.id) / "spec.json").write_text("{")
    listed = {job.id: job for job in store.list()}
    assert listed[good.id].damage is None
    assert "spec.json" in str(listed[bad.id].damage)


def test_a_unique_beginning_names_a_job(store: JobStore, spec: JobSpec) -> None:
    store.create(spec)
    job = store.create(spec)
    assert store.get(job.id[:15]).id == job.id
    assert store.get(job.id.rpartition("-")[2][:5]).id == job.id


def test_an_ambiguous_beginning_is_refused_with_the_choices(store: JobStore, spec: JobSpec) -> None:
    made = [store.create(spec).id, store.create(spec).id]
    with pytest.raises(UsageError) as error:
        store.get("2026")
    assert all(job_id in str(error.value) for job_id in made)


@pytest.mark.parametrize("name", ["", "nope", "..", "../jobs", "/", "*"])
def test_an_unknown_name_is_not_found(store: JobStore, spec: JobSpec, name: str) -> None:
    store.create(spec)
    with pytest.raises(NotFoundError):
        store.get(name)


def test_removing_takes_the_folder(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    finish(store, job.id)
    store.remove(job.id)
    assert store.list() == []
    assert list(store.folder.iterdir()) == []


def test_a_job_that_is_not_over_is_not_removed(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    with pytest.raises(RefusedError, match="queued"):
        store.remove(job.id)
    assert store.get(job.id).state is JobState.QUEUED


def test_a_job_that_is_over_is_read_once(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    finish(store, job.id)
    store.list()
    (store.path(job.id) / "exit.json").unlink()
    assert store.list()[0].state is JobState.FAILED


def test_a_late_supervisor_brings_a_never_started_job_back(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    path = store.path(job.id) / "spec.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"boot_seconds": boot_clock() - 100}))
    before = store.list()[0].state
    with store.claim(job.id):
        after = store.list()[0].state
    assert (before, after) == (JobState.LOST, JobState.STARTING)


def test_what_another_process_removed_is_not_listed(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    finish(store, job.id)
    assert len(store.list()) == 1
    JobStore(store.folder, TickingClock()).remove(job.id)
    assert store.list() == []


def test_what_was_left_half_made_or_half_removed_is_swept(store: JobStore, spec: JobSpec) -> None:
    store.create(spec)
    left, removed, other = (store.folder / name for name in (".new-a", ".removed-b", ".new-c"))
    for folder in (left, removed, other):
        folder.mkdir()
        (folder / "spec.json").write_text("{}")
    os.utime(left, (1.0, 1.0))
    store.create(spec)
    assert (left.exists(), removed.exists()) == (False, False)
    assert other.exists(), "another process may be making it now"


@pytest.mark.parametrize(
    "change", [{"argv": ()}, {"argv": ("a\0b",)}, {"env": {"A": "\0"}}, {"cwd": Path("/a\0")}]
)
def test_a_command_that_nothing_could_run_is_refused(
    store: JobStore, spec: JobSpec, change: dict[str, object]
) -> None:
    with pytest.raises(UsageError):
        store.create(replace(spec, **change))
    assert store.list() == []


def test_a_folder_that_others_can_change_is_refused(store: JobStore, spec: JobSpec) -> None:
    store.folder.mkdir()
    store.folder.chmod(0o777)
    with pytest.raises(RefusedError, match="chmod 700"):
        store.create(spec)


def make_finished(store: JobStore, spec: JobSpec, count: int) -> None:
    record = (store.path(store.create(spec).id) / "spec.json").read_bytes()
    for number in range(count):
        folder = store.folder / f"20260101-000000-{number:06d}"
        folder.mkdir()
        (folder / "spec.json").write_bytes(record)
        end = {"state": "failed", "ended": 1.8e9, "seconds": 1.0, "exit_status": 1}
        more = {"started": 1.8e9, "signal": None, "leftovers": [], "reason": None}
        (folder / "exit.json").write_text(json.dumps(end | more))


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let threads take turns as often as Python can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless_threads")
def test_threads_list_at_once(store: JobStore, spec: JobSpec) -> None:
    make_finished(store, spec, 300)
    errors: list[Exception] = []

    def look(fresh: JobStore) -> None:
        try:
            fresh.list()
        except RuntimeError as error:
            errors.append(error)

    for _round in range(4):
        fresh = JobStore(store.folder, TickingClock())
        threads = [threading.Thread(target=look, args=(fresh,)) for _thread in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert errors == []


def test_a_thousand_jobs_are_listed_again_without_reading_them(
    store: JobStore, spec: JobSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_finished(store, spec, 1000)
    assert len(store.list()) == 1001
    looked: list[Path] = []
    real = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (looked.append(path), real(path))[1])
    assert len(store.list()) == 1001
    assert len(looked) <= 5


def test_elapsed_time_is_known_when_it_can_be(store: JobStore, spec: JobSpec) -> None:
    job = store.create(spec)
    now = datetime(2026, 11, 1, 1, tzinfo=timezone.utc)
    running = replace(job, state=JobState.RUNNING, started=now - timedelta(seconds=90))
    assert job.elapsed_s(now) is None
    assert running.elapsed_s(now) == 90
    assert replace(running, state=JobState.LOST).elapsed_s(now) is None
    assert replace(running, state=JobState.FAILED, seconds=7.5).elapsed_s(now) == 7.5


def test_the_environment_reads_like_the_arguments_of_env(spec: JobSpec) -> None:
    changed = replace(spec, env={"A": "b c", "HF_HOME": None})
    assert changed.environment == "-u HF_HOME A='b c'"


def test_the_default_store_uses_the_state_folder(tmp_path: Path) -> None:
    assert new_store(tmp_path).folder == tmp_path / "jobs"


def test_removing_waits_for_the_supervisor_that_is_about_to_leave(
    store: JobStore, spec: JobSpec
) -> None:
    job = store.create(spec)
    finish(store, job.id)
    lock = open_lock(str(store.path(job.id) / "lock"))
    assert take_lock(lock)
    leaving = threading.Timer(0.1, os.close, [lock])
    leaving.start()
    store.remove(job.id)
    assert store.list() == []
