"""How far a job is, read from its log once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from jobs_at_work import new_store, python_job

from emotui.jobs.job import Job, JobState
from emotui.lmdeploy.progress import Progress
from emotui.operations import jobs as operations
from emotui.operations.jobs import ProgressWatch
from emotui.support.language import message


class Counting:
    """A reader that keeps what it is fed."""

    def __init__(self) -> None:
        self.fed: list[str] = []

    @property
    def progress(self) -> Progress:
        return Progress(message("Counting"), detail=str(len(self.fed)))

    def feed(self, text: str) -> None:
        self.fed.append(text)


@pytest.fixture
def reader() -> Counting:
    return Counting()


@pytest.fixture
def watch(reader: Counting) -> ProgressWatch:
    return ProgressWatch(lambda _kind: reader)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    store = new_store(tmp_path)
    return replace(store.create(python_job(tmp_path, "")), state=JobState.RUNNING)


def write(job: Job, data: bytes) -> None:
    with job.log_path.open("ab") as file:
        file.write(data)


def test_whole_records_are_fed_once(watch: ProgressWatch, reader: Counting, job: Job) -> None:
    write(job, b"one\ntwo\nthr")
    watch.look(job)
    watch.look(job)
    write(job, b"ee\n")
    watch.look(job)
    assert reader.fed == ["one\ntwo\n", "three\n"]


def test_a_bar_counts_although_it_waits_for_its_next_drawing(
    watch: ProgressWatch, reader: Counting, job: Job
) -> None:
    write(job, b"head\n\r 10% 1/10")
    watch.look(job)
    assert reader.fed[-1] == " 10% 1/10"


def test_a_record_cut_by_the_chunk_border_is_fed_whole(
    watch: ProgressWatch, reader: Counting, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_CHUNK", 3)
    write(job, "进度一\n进度二\n".encode())
    watch.look(job)
    assert reader.fed == ["进度一\n", "进度二\n"]


def test_of_an_immense_log_the_end_is_read(
    watch: ProgressWatch, reader: Counting, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "_PROGRESS_TAIL_BYTES", 8)
    write(job, b"old line\nnew one\n")
    watch.look(job)
    assert reader.fed == ["new one\n"]


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.STARTING])
def test_before_the_start_there_is_none(watch: ProgressWatch, job: Job, state: JobState) -> None:
    assert watch.look(replace(job, state=state)) is None


def test_a_success_is_all_of_it_without_reading(
    watch: ProgressWatch, reader: Counting, job: Job
) -> None:
    progress = watch.look(replace(job, state=JobState.SUCCEEDED))
    assert progress is not None
    assert (progress.fraction, reader.fed) == (1.0, [])


def test_a_job_without_a_log_yet_has_the_readers_first_word(watch: ProgressWatch, job: Job) -> None:
    progress = watch.look(job)
    assert progress is not None
    assert progress.detail == "0"
