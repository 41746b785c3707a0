"""An output gets its name when the job has succeeded and everything is there; never else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_at_work import end_all, ended, new_store, python_job, run_to_end

from emotui.jobs import control
from emotui.jobs.job import Job, JobState, Publish
from emotui.jobs.publishing import publish
from emotui.jobs.store import JobStore

WRITE = (
    "import os; os.makedirs('out.partial/w'); open('out.partial/w/config.ini', 'w').write('new')"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = new_store(tmp_path)
    yield store
    end_all(store)


def wanted(folder: Path, *required: str, replace: bool = False) -> Publish:
    return Publish(folder / "out.partial", folder / "out", replace, required)


def run(store: JobStore, folder: Path, program: str, publish: Publish) -> Job:
    return run_to_end(store, python_job(folder, program, publish=publish))


def old_output(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "old").write_text("old")


def test_a_complete_output_gets_its_name(store: JobStore, tmp_path: Path) -> None:
    job = run(store, tmp_path, WRITE, wanted(tmp_path, "w/config.*", "w"))
    assert (job.state, job.reason) == (JobState.SUCCEEDED, None)
    assert (tmp_path / "out/w/config.ini").read_text() == "new"
    assert not (tmp_path / "out.partial").exists()


def test_a_missing_file_fails_the_job_and_leaves_the_output(
    store: JobStore, tmp_path: Path
) -> None:
    job = run(store, tmp_path, WRITE, wanted(tmp_path, "w/config.ini", "w/norm*"))
    assert (job.state, job.exit_status) == (JobState.FAILED, 0)
    assert "w/norm* is missing" in str(job.reason)
    assert str(tmp_path / "out.partial") in str(job.reason)
    assert (tmp_path / "out.partial/w/config.ini").exists()
    assert not (tmp_path / "out").exists()


def test_an_output_that_was_never_written_fails_the_job(store: JobStore, tmp_path: Path) -> None:
    job = run(store, tmp_path, "pass", wanted(tmp_path))
    assert job.state is JobState.FAILED
    assert "out.partial is missing" in str(job.reason)


def test_a_failed_command_publishes_nothing(store: JobStore, tmp_path: Path) -> None:
    job = run(store, tmp_path, f"{WRITE}; raise SystemExit(2)", wanted(tmp_path))
    assert (job.state, job.exit_status) == (JobState.FAILED, 2)
    assert str(tmp_path / "out.partial") in str(job.reason)
    assert not (tmp_path / "out").exists()


def test_a_cancelled_command_publishes_nothing(store: JobStore, tmp_path: Path) -> None:
    patient = (
        f"import signal, time, sys; {WRITE}; "
        "signal.signal(15, lambda *_: sys.exit(0)); time.sleep(60)"
    )
    job = control.submit(store, python_job(tmp_path, patient, publish=wanted(tmp_path)))
    while not (tmp_path / "out.partial/w/config.ini").exists():
        control.wait(store, job.id, 0.05)
    control.cancel(store, job.id)
    job = ended(store, job.id)
    assert job.state is JobState.CANCELLED
    assert str(tmp_path / "out.partial") in str(job.reason)
    assert not (tmp_path / "out").exists()


def test_an_existing_destination_is_not_touched(store: JobStore, tmp_path: Path) -> None:
    old_output(tmp_path)
    job = run(store, tmp_path, WRITE, wanted(tmp_path))
    assert job.state is JobState.FAILED
    assert "exists meanwhile" in str(job.reason)
    assert (tmp_path / "out/old").read_text() == "old"
    assert (tmp_path / "out.partial/w/config.ini").exists()


def test_a_destination_that_is_to_be_replaced_is_gone_after(
    store: JobStore, tmp_path: Path
) -> None:
    old_output(tmp_path)
    job = run(store, tmp_path, WRITE, wanted(tmp_path, replace=True))
    assert (job.state, job.reason) == (JobState.SUCCEEDED, None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobs", "out"]
    assert not (tmp_path / "out/old").exists()


def test_a_link_in_the_place_of_the_destination_keeps_what_it_points_to(
    store: JobStore, tmp_path: Path
) -> None:
    old_output(tmp_path)
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    run(store, tmp_path, WRITE, wanted(tmp_path, replace=True))
    assert (tmp_path / "elsewhere/old").read_text() == "old"
    assert (tmp_path / "out/w/config.ini").exists()


def as_record(publish: Publish) -> dict[str, object]:
    return {
        "partial": str(publish.partial),
        "destination": str(publish.destination),
        "replace": publish.replace,
        "required": list(publish.required),
    }


@pytest.fixture
def failing_rename(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A disk on which the partial folder cannot be renamed."""
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.name == "out.partial":
            raise OSError(28, "No space left on device")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("failing_rename")
def test_a_rename_that_fails_puts_the_old_output_back(tmp_path: Path) -> None:
    old_output(tmp_path)
    (tmp_path / "out.partial").mkdir()
    reason = publish(as_record(wanted(tmp_path, replace=True)), "id")  # type: ignore[arg-type]
    assert reason is not None
    assert reason["code"] == "publish-failed"
    assert "No space left" in reason["error"]
    assert (tmp_path / "out/old").read_text() == "old"
    assert (tmp_path / "out.partial").is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_takes_no_names_fails_the_job(store: JobStore, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    write = WRITE.replace("out.partial", str(place / "out.partial"))
    program = f"{write}; os.chmod({str(place)!r}, 0o500)"
    job = run_to_end(store, python_job(tmp_path, program, publish=wanted(place)))
    place.chmod(0o700)
    assert job.state is JobState.FAILED
    assert "could not be renamed" in str(job.reason)
    assert (place / "out.partial").is_dir()


def test_the_supervisor_needs_the_standard_library_only(tmp_path: Path) -> None:
    job_store = new_store(tmp_path)
    show = "import sys; print('site' in sys.modules)"
    job = run_to_end(job_store, python_job(tmp_path, show))
    assert job.state is JobState.SUCCEEDED
    probe = (
        "import sys; sys.path.append(sys.argv[1]); import emotui.jobs.supervisor; "
        "print(sorted(name for name in sys.modules if name.startswith('emotui.')))"
    )
    root = str(Path(__file__).resolve().parents[3])
    job = run_to_end(job_store, python_job(tmp_path, probe, root))
    loaded = (job_store.path(job.id) / "log").read_text()
    assert job.state is JobState.SUCCEEDED, loaded
    assert eval(loaded) == [
        "emotui.jobs",
        "emotui.jobs.disk",
        "emotui.jobs.processes",
        "emotui.jobs.publishing",
        "emotui.jobs.supervisor",
        "emotui.support",
        "emotui.support.files",
    ]
