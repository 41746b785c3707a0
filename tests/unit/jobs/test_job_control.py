"""Jobs that really run: how they start, what they inherit, how they end."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from jobs_at_work import (
    end_all,
    ended,
    eventually,
    living,
    log_of,
    new_store,
    python_job,
    run_to_end,
    supervisor_pid,
)

from emotui.jobs import control
from emotui.jobs.control import environment
from emotui.jobs.job import JobState
from emotui.jobs.processes import read_stat
from emotui.jobs.store import JobStore
from emotui.support.errors import RefusedError


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = new_store(tmp_path)
    yield store
    end_all(store)


def test_a_success_keeps_status_times_and_output(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, python_job(tmp_path, "print('done')"))
    assert (job.state, job.exit_status, job.signal) == (JobState.SUCCEEDED, 0, None)
    assert job.reason is None
    assert job.started is not None
    assert job.ended is not None
    assert job.created <= job.started <= job.ended
    assert job.seconds is not None
    assert log_of(store, job.id) == "done\n"


def test_a_failure_keeps_its_exit_status(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, python_job(tmp_path, "raise SystemExit(3)"))
    assert (job.state, job.exit_status, job.signal) == (JobState.FAILED, 3, None)


def test_a_death_by_signal_keeps_the_signal(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, python_job(tmp_path, "import os; os.kill(os.getpid(), 9)"))
    assert (job.state, job.exit_status, job.signal) == (JobState.FAILED, None, 9)


def test_submit_returns_a_job_that_runs(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    control.cancel(store, job.id)
    assert job.state is JobState.RUNNING
    assert job.started is not None


def test_a_program_that_does_not_exist_fails_with_its_name(store: JobStore, tmp_path: Path) -> None:
    spec = replace(python_job(tmp_path, ""), argv=("no-such-program", "x"))
    job = run_to_end(store, spec)
    assert (job.state, job.exit_status, job.started) == (JobState.FAILED, None, None)
    assert "no-such-program: No such file" in str(job.reason)


def test_a_folder_that_does_not_exist_fails_with_its_name(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, replace(python_job(tmp_path, ""), cwd=tmp_path / "gone"))
    assert job.state is JobState.FAILED
    assert str(tmp_path / "gone") in str(job.reason)


def test_a_supervisor_that_cannot_start_fails_the_job(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    job = control.submit(store, python_job(tmp_path, ""))
    assert job.state is JobState.FAILED
    assert "supervisor could not start it" in str(job.reason)


def test_a_supervisor_that_dies_at_once_fails_the_job_with_its_last_words(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise MemoryError('no room')")
    monkeypatch.setattr(control, "SUPERVISOR", broken)
    job = control.submit(store, python_job(tmp_path, ""))
    assert job.state is JobState.FAILED
    assert "no room" in str(job.reason)


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def environment_of_a_job(store: JobStore, spec: object, environ: dict[str, str]) -> dict[str, str]:
    job = control.submit(store, spec, environ)  # type: ignore[arg-type]
    ended(store, job.id)
    found = json.loads(log_of(store, job.id))
    assert isinstance(found, dict)
    return found


def test_the_environment_is_inherited_with_the_delta_on_top(
    store: JobStore, tmp_path: Path
) -> None:
    spec = python_job(tmp_path, SHOW, env={"B": "given", "C": None, "PYTHONPATH": "/mine"})
    inherited = {"A": "1", "B": "2", "C": "3", "PYTHONPATH": "/theirs", "LD_PRELOAD": ""}
    found = environment_of_a_job(store, spec, inherited)
    assert found["A"] == "1"
    assert found["B"] == "given"
    assert "C" not in found
    assert found["PYTHONPATH"] == "/mine"
    assert "LD_PRELOAD" not in found
    assert found["PYTHONUNBUFFERED"] == "1"


def test_what_belongs_to_our_own_program_is_not_inherited() -> None:
    ours = dict.fromkeys(("LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME"), "x")
    assert environment(ours | {"PATH": "/bin"}) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}


def test_the_job_knows_its_folder(store: JobStore, tmp_path: Path) -> None:
    found = environment_of_a_job(store, python_job(tmp_path, SHOW), {})
    assert Path(found["EMOTUI_JOB"]).parent == store.folder


def test_files_that_the_job_makes_have_the_users_mode_not_the_supervisors(
    store: JobStore, tmp_path: Path
) -> None:
    before = os.umask(0o027)
    run_to_end(store, python_job(tmp_path, "open('made', 'w').close()"))
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o640
    assert all(path.stat().st_mode & 0o077 == 0 for path in store.folder.rglob("*"))


SESSION = """
import os
print(os.getsid(0) == os.getpid(), os.isatty(0), os.read(0, 1), sorted(os.listdir('/proc/self/fd')))
"""


def test_the_command_leads_a_session_and_has_no_input_and_no_foreign_descriptor(
    store: JobStore, tmp_path: Path
) -> None:
    kept = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(kept, True)
    job = run_to_end(store, python_job(tmp_path, SESSION))
    os.close(kept)
    # The fourth descriptor is the listing's own.
    assert log_of(store, job.id) == "True False b'' ['0', '1', '2', '3']\n"


def test_the_job_is_nobodys_child(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    pid = supervisor_pid(store, job.id)
    assert pid is not None
    supervisor = read_stat(pid)
    control.cancel(store, job.id)
    ended(store, job.id)
    assert supervisor is not None
    assert supervisor.parent != os.getpid()
    assert supervisor.session != os.getsid(0)


def test_a_cancelled_job_is_cancelled_whatever_its_exit_status(
    store: JobStore, tmp_path: Path
) -> None:
    polite = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(143)); "
        "print('up'); time.sleep(60)"
    )
    job = control.submit(store, python_job(tmp_path, polite))
    eventually(lambda: "up" in log_of(store, job.id), "the handler")
    control.cancel(store, job.id)
    job = ended(store, job.id)
    assert (job.state, job.exit_status) == (JobState.CANCELLED, 143)
    assert "on request" in str(job.reason)


def test_a_stop_that_was_asked_for_before_the_start_runs_nothing(
    store: JobStore, tmp_path: Path
) -> None:
    job = store.create(python_job(tmp_path, "open('ran', 'w')"))
    control.cancel(store, job.id)
    subprocess.run(
        [sys.executable, "-I", "-S", str(control.SUPERVISOR), str(store.path(job.id))], check=True
    )
    assert ended(store, job.id).state is JobState.CANCELLED
    assert not (tmp_path / "ran").exists()


def test_cancelling_twice_is_cancelling_once(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    control.cancel(store, job.id)
    control.cancel(store, job.id)
    assert ended(store, job.id).state is JobState.CANCELLED


def test_a_job_that_is_over_cannot_be_cancelled(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, python_job(tmp_path, ""))
    with pytest.raises(RefusedError, match="succeeded"):
        control.cancel(store, job.id)


def test_a_second_supervisor_runs_nothing(store: JobStore, tmp_path: Path) -> None:
    job = run_to_end(store, python_job(tmp_path, "print('once')"))
    before = (store.path(job.id) / "exit.json").read_bytes()
    again = [sys.executable, "-I", "-S", str(control.SUPERVISOR), str(store.path(job.id))]
    subprocess.run(again, check=True)
    eventually(lambda: supervisor_pid(store, job.id) is None, "the second supervisor's end")
    assert log_of(store, job.id) == "once\n"
    assert (store.path(job.id) / "exit.json").read_bytes() == before


def test_sigterm_to_the_supervisor_ends_the_job_and_says_so(
    store: JobStore, tmp_path: Path
) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    pid = supervisor_pid(store, job.id)
    assert pid is not None
    os.kill(pid, 15)
    job = ended(store, job.id)
    assert job.state is JobState.CANCELLED
    assert "SIGTERM" in str(job.reason)


@pytest.mark.parametrize("number", [1, 2, 13])
def test_signals_of_a_terminal_do_not_touch_the_supervisor(
    store: JobStore, tmp_path: Path, number: int
) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(0.3)"))
    pid = supervisor_pid(store, job.id)
    assert pid is not None
    os.kill(pid, number)
    assert ended(store, job.id).state is JobState.SUCCEEDED


LEAVE = "import subprocess; subprocess.Popen(['sleep', '30'], start_new_session=True)"


def test_processes_left_after_a_success_are_told_not_killed(
    store: JobStore, tmp_path: Path
) -> None:
    job = run_to_end(store, python_job(tmp_path, LEAVE))
    left = living(store, job.id)
    for pid in left:
        os.kill(pid, 9)
    assert job.state is JobState.SUCCEEDED
    assert list(job.leftovers) == left
    assert str(left[0]) in str(job.reason)


def test_waiting_can_be_given_up(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    began = time.monotonic()
    seen = control.wait(store, job.id, timeout_s=0.1)
    control.cancel(store, job.id)
    assert seen.state is JobState.RUNNING
    assert time.monotonic() - began < 5


def test_an_immense_log_gives_its_middle_back(store: JobStore, tmp_path: Path) -> None:
    write = "import sys\nfor n in range(6000): print(f'{n:01023d}')\nprint('up'); input()"
    hold = f"import time\n{write.replace('input()', 'time.sleep(60)')}"
    job = control.submit(store, python_job(tmp_path, hold, log_limit_bytes=4 << 20))
    path = store.path(job.id) / "log"
    eventually(lambda: log_of(store, job.id).endswith("up\n"), "the log")
    eventually(lambda: path.stat().st_blocks * 512 < 4 << 20, "the hole")
    control.cancel(store, job.id)
    text = log_of(store, job.id)
    assert text.startswith("0" * 1023 + "\n")
    assert f"{5999:01023d}\nup\n" in text
    assert len(text) == 6000 * 1024 + 3
