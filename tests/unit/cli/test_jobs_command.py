"""`emotui jobs`, as people and scripts use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jobs_at_work import end_all, ended, eventually, log_of, python_job, run_to_end

from emotui.cli.root import run
from emotui.jobs import control
from emotui.jobs.job import Job, JobState, Publish
from emotui.jobs.store import JobStore
from emotui.operations.services import open_services

SLEEP = "import time; print('begun'); time.sleep(60)"
FIELDS = {
    *("id", "kind", "title", "state", "progress", "created", "started", "ended", "exit_status"),
    "command",
}
BAR = (
    "import os, time\n"
    "print('\\rConvert to turbomind format:  50%|#| 16/32 [00:01<00:05]', end='')\n"
    "while not os.path.exists('go'): time.sleep(0.02)"
)


@pytest.fixture
def store(sealed_home: Path) -> Iterator[JobStore]:
    store = open_services().jobs
    yield store
    end_all(store)


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


@pytest.fixture
def over(store: JobStore, tmp_path: Path) -> Job:
    program = "print('one'); print('two \\x1b[31mred'); print('three'); raise SystemExit(3)"
    return run_to_end(store, python_job(tmp_path, program, title="模型 work"))


def test_without_jobs_the_list_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "emotui convert MODEL" in captured.err
    assert run(["jobs", "list", "--json"]) == 0
    assert document(capsys) == []


@pytest.mark.parametrize("command", [["jobs"], ["jobs", "list"]])
def test_the_list_is_a_table(
    command: list[str], over: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    titles, row = capsys.readouterr().out.splitlines()
    assert titles.split() == ["ID", "STATE", "PROGRESS", "TIME", "STARTED", "TITLE"]
    assert row.startswith(f"{over.id}  failed ")
    assert row.endswith("模型 work")


@pytest.mark.parametrize("command", [["jobs", "--json"], ["jobs", "list", "--json"]])
def test_the_list_is_one_document(
    command: list[str], over: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command) == 0
    (listed,) = document(capsys)
    assert set(listed) == FIELDS
    assert listed["state"] == "failed"
    assert listed["exit_status"] == 3
    assert listed["progress"] is None
    assert listed["command"] == list(over.spec.argv)
    assert listed["created"].startswith("20")
    assert listed["created"].endswith("+00:00")


def test_a_running_job_has_progress_between_0_and_1(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = control.submit(store, python_job(tmp_path, BAR, kind="convert"))
    eventually(lambda: "16/32" in log_of(store, job.id), "the bar")
    run(["jobs", "--json"])
    (running,) = document(capsys)
    (tmp_path / "go").touch()
    ended(store, job.id)
    run(["jobs", "--json"])
    (finished,) = document(capsys)
    assert (running["state"], running["progress"]) == ("running", 0.5)
    assert (finished["state"], finished["progress"]) == ("succeeded", 1.0)


def test_a_damaged_record_is_told_beside_the_others(
    store: JobStore, over: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    (store.path(over.id) / "spec.json").write_text("{")
    assert run(["jobs", "list"]) == 0
    captured = capsys.readouterr()
    assert over.id in captured.out
    assert "spec.json" in captured.err


def test_show_tells_everything(over: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "show", over.id[-6:]]) == 0
    text = capsys.readouterr().out
    for part in (over.id, "failed", "exit status 3", "SystemExit(3)", str(over.log_path)):
        assert part in text


def test_show_prints_one_document_a_job(over: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "show", over.id, over.id, "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == second
    assert set(first) > FIELDS
    assert "exit status 3" in first["reason"]
    assert first["log"] == str(over.log_path)


def test_show_names_destination_and_environment(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish = Publish(tmp_path / "p", tmp_path / "d")
    job = run_to_end(store, python_job(tmp_path, "", env={"A": None}, publish=publish))
    run(["jobs", "show", job.id, "--json"])
    shown = document(capsys)
    assert shown["destination"] == str(tmp_path / "d")
    assert shown["environment"] == {"A": None}


def test_logs_are_lines_without_controls(over: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "logs", over.id]) == 0
    assert capsys.readouterr().out == "one\ntwo red\nthree\n"
    assert run(["jobs", "logs", "-n", "1", over.id]) == 0
    assert capsys.readouterr().out == "three\n"
    assert run(["jobs", "logs", "-n", "0", over.id]) == 0
    assert capsys.readouterr().out == ""


def test_raw_logs_are_every_byte(over: Job, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    over.log_path.write_bytes(b"\x00\xff\r\n\x1b[31m\nlast")
    assert run(["jobs", "logs", "--raw", over.id]) == 0
    assert capfdbinary.readouterr().out == b"\x00\xff\r\n\x1b[31m\nlast"
    assert run(["jobs", "logs", "--raw", "-n", "1", over.id]) == 0
    assert capfdbinary.readouterr().out == b"last"


def test_logs_of_several_jobs_are_told_apart(over: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "logs", "-n", "1", over.id, over.id]) == 0
    captured = capsys.readouterr()
    assert captured.out == "three\nthree\n"
    assert captured.err.count(over.id) == 2
    assert run(["jobs", "logs", "-f", over.id, over.id]) == 2


@pytest.mark.parametrize("more", [[], ["--raw"]])
def test_following_a_log_ends_with_the_job_and_misses_nothing(
    more: list[str], store: JobStore, tmp_path: Path
) -> None:
    program = (
        "import os, time\nprint('before')\nwhile not os.path.exists('go'): time.sleep(0.02)\n"
        "for n in range(1000): print(n)\nprint('end', end='')"
    )
    job = control.submit(store, python_job(tmp_path, program))
    argv = [sys.executable, "-m", "emotui", "jobs", "logs", "-f", *more, job.id]
    follower = subprocess.Popen(argv, stdout=subprocess.PIPE)
    assert follower.stdout is not None
    assert follower.stdout.readline() == b"before\n"
    (tmp_path / "go").touch()
    rest = follower.communicate(timeout=20)[0].decode().split()
    assert rest == [*map(str, range(1000)), "end"]
    assert follower.returncode == 0


@pytest.mark.parametrize(("program", "status"), [("", 0), ("raise SystemExit(7)", 1)])
def test_wait_ends_with_how_the_job_ended(
    program: str,
    status: int,
    store: JobStore,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = control.submit(store, python_job(tmp_path, program))
    assert run(["jobs", "wait", job.id]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert job.id in captured.err


def test_wait_tells_progress_and_reason(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = BAR.replace("while not os.path.exists('go'): time.sleep(0.02)", "time.sleep(1)")
    job = control.submit(
        store, python_job(tmp_path, slow + "; raise SystemExit(5)", kind="convert")
    )
    assert run(["jobs", "wait", job.id]) == 1
    told = capsys.readouterr().err
    assert "50%" in told
    assert "exit status 5" in told
    assert f"emotui jobs logs {job.id}" in told


@pytest.mark.parametrize("state", ["cancelled", "lost"])
def test_wait_for_what_did_not_succeed_is_1(state: str, store: JobStore, tmp_path: Path) -> None:
    job = store.create(python_job(tmp_path, ""))
    with store.claim(job.id):
        store.write_end(job.id, JobState(state), {"code": "cancelled"})
    assert run(["jobs", "wait", job.id]) == 1


@pytest.mark.parametrize("command", [["wait"], ["logs", "-f"], ["logs", "-f", "--raw"]])
def test_ctrl_c_ends_the_command_with_130_and_leaves_the_job(
    command: list[str], store: JobStore, tmp_path: Path
) -> None:
    job = control.submit(store, python_job(tmp_path, SLEEP))
    argv = [sys.executable, "-m", "emotui", "jobs", *command, job.id]
    waiting = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert waiting.stdout is not None
    assert waiting.stdout.readline()
    os.killpg(waiting.pid, signal.SIGINT)
    assert b"Traceback" not in waiting.communicate(timeout=20)[0]
    assert waiting.returncode == 130
    assert store.get(job.id).state is JobState.RUNNING


def test_cancel_returns_when_it_is_cancelled(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = [control.submit(store, python_job(tmp_path, SLEEP)) for _number in range(2)]
    assert run(["jobs", "cancel", *(job.id for job in jobs)]) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        [job.id, "cancelled"] for job in jobs
    ]
    assert [store.get(job.id).state for job in jobs] == [JobState.CANCELLED] * 2


def test_what_is_over_is_not_cancelled(over: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["jobs", "cancel", over.id]) == 1
    assert "is over (failed)" in capsys.readouterr().err


def test_one_bad_id_does_not_keep_the_others(
    store: JobStore, over: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["jobs", "remove", "nope", over.id]) == 1
    assert "no job nope" in capsys.readouterr().err
    assert store.list() == []


def test_a_running_job_is_not_removed(
    store: JobStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = control.submit(store, python_job(tmp_path, SLEEP))
    assert run(["jobs", "remove", job.id]) == 1
    assert "Cancel it first" in capsys.readouterr().err
    assert store.get(job.id).state is JobState.RUNNING


@pytest.mark.parametrize("command", ["show", "logs", "wait", "cancel", "remove"])
def test_an_unknown_job_is_1_and_no_job_is_wrong_use(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["jobs", command, "nope"]) == 1
    assert "emotui jobs" in capsys.readouterr().err
    assert run(["jobs", command]) == 2


def test_jobs_load_neither_textual_nor_httpx_nor_sqlite_nor_nvml(over: Job) -> None:
    probe = (
        "import sys; from emotui.cli.root import run; run(['jobs']); "
        "print([n for n in ('textual', 'httpx', 'sqlite3', 'pynvml', 'rich') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[-1] == "[]"
