"""What jobs promise when things are killed, filled up or taken away."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
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
from terminal_session import TerminalSession

from emotui.jobs import control
from emotui.jobs.job import Job, JobState
from emotui.jobs.store import JobStore

RUNS = [pytest.param(20, id="short"), pytest.param(300, id="long", marks=pytest.mark.long)]
BATCH = 10
DETACH = "import os, subprocess; subprocess.Popen(['sleep', '0.3'], start_new_session=True)\n"
FAIL_SOON = DETACH + "import time; time.sleep(0.15); raise SystemExit(7)"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    store = new_store(tmp_path)
    yield store
    end_all(store)


def start_unheard(store: JobStore, job_id: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-I", "-S", str(control.SUPERVISOR), str(store.path(job_id))]
    return subprocess.Popen(argv, stdin=-3, stdout=-3, start_new_session=True)


def kill_supervisor(store: JobStore, job_id: str) -> None:
    while (pid := supervisor_pid(store, job_id)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_told_truly(store: JobStore, job_id: str) -> bool:
    """Say whether what the record says of a job whose supervisor is dead agrees with /proc."""
    before, job, after = living(store, job_id), store.get(job_id), living(store, job_id)
    if job.exit_status is not None or job.signal is not None:
        return (job.state, job.exit_status) == (JobState.FAILED, 7)
    if job.state is JobState.RUNNING:
        return bool(before)
    # A process that is about to become the command ends at the gate; the detached one is short.
    return job.state in (JobState.LOST, JobState.STARTING, JobState.QUEUED) and not (
        before and after and command_is_among(store, job_id, after)
    )


def command_is_among(store: JobStore, job_id: str, pids: list[int]) -> bool:
    record = store.state_record(job_id)
    return record is not None and record.child[0] in pids


@pytest.mark.parametrize("runs", RUNS)
def test_a_supervisor_killed_at_any_instant_never_makes_a_false_record(
    store: JobStore, tmp_path: Path, runs: int
) -> None:
    chance = random.Random(20260801)
    seen: dict[JobState, int] = {}
    for _batch in range(runs // BATCH):
        ids = [store.create(python_job(tmp_path, FAIL_SOON)).id for _number in range(BATCH)]
        processes = [start_unheard(store, job_id) for job_id in ids]
        for job_id in ids:
            time.sleep(chance.uniform(0, 0.06))
            kill_supervisor(store, job_id)
        for process in processes:
            process.wait()
        for job_id in ids:
            eventually(lambda job_id=job_id: is_told_truly(store, job_id), f"{job_id}: truth", 1)
            eventually(lambda job_id=job_id: not living(store, job_id), f"{job_id}: processes")
            job = store.get(job_id)
            assert job.state is not JobState.RUNNING, job
            assert job.state is not JobState.SUCCEEDED, job
            seen[job.state] = seen.get(job.state, 0) + 1
    assert sum(seen.values()) == runs


SUBMIT = """
import sys
from pathlib import Path
from jobs_at_work import new_store, python_job
from emotui.jobs import control
folder = Path(sys.argv[1])
for program in sys.argv[2:]:
    print(control.submit(new_store(folder), python_job(folder, program)).id, flush=True)
input()
"""


def test_when_everything_of_ours_is_killed_the_next_start_tells_the_truth(
    store: JobStore, tmp_path: Path
) -> None:
    programs = ["raise SystemExit(5)", "print('x' * 20)", "import time; time.sleep(60)"]
    submitter = submitting_process(tmp_path, *programs)
    assert submitter.stdout is not None
    ids = [submitter.stdout.readline().decode().strip() for _program in programs]
    ended(store, ids[0])
    ended(store, ids[1])
    submitter.kill()
    submitter.communicate()
    kill_supervisor(store, ids[2])
    for pid in living(store, ids[2]):
        os.kill(pid, signal.SIGKILL)
    again = new_store(tmp_path)
    eventually(lambda: again.get(ids[2]).state is JobState.LOST, "the lost job", 1)
    jobs = {job.id: job for job in again.list()}
    assert (jobs[ids[0]].state, jobs[ids[0]].exit_status) == (JobState.FAILED, 5)
    assert (jobs[ids[1]].state, jobs[ids[1]].exit_status) == (JobState.SUCCEEDED, 0)
    assert log_of(again, ids[1]) == "x" * 20 + "\n"
    assert jobs[ids[2]].exit_status is None


def submitting_process(folder: Path, *programs: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-c", SUBMIT, str(folder), *programs]
    return subprocess.Popen(argv, stdin=-1, stdout=-1, env=environ)


@pytest.mark.parametrize("way", ["SIGKILL", "SIGHUP"])
def test_a_job_outlives_the_terminal_and_the_process_that_started_it(
    store: JobStore, tmp_path: Path, way: str
) -> None:
    program = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nprint('went on')"
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-c", SUBMIT, str(tmp_path), program]
    with TerminalSession(argv, environ=environ) as terminal:
        eventually(lambda: store.list() and store.list()[0].state is JobState.RUNNING, "a job")
        job_id = store.list()[0].id
        terminal.wait_for(job_id)
        os.killpg(terminal.process.pid, getattr(signal, way))
        terminal.close_terminal()
        assert terminal.wait_exit() == -getattr(signal, way)
    assert store.get(job_id).state is JobState.RUNNING
    (tmp_path / "go").touch()
    job = ended(store, job_id)
    assert (job.state, job.exit_status) == (JobState.SUCCEEDED, 0)
    assert log_of(store, job_id) == "went on\n"


WRITER = """
import sys
from pathlib import Path
from emotui.support.files import write_atomic
for number in range(10**9):
    write_atomic(Path(sys.argv[1]), b'{"number": %d, "filler": "%s"}' % (number, b"x" * 5000))
    print(number, flush=True)
"""
WRITER_RUNS = [pytest.param(15, id="short"), pytest.param(1000, id="long", marks=pytest.mark.long)]


@pytest.mark.parametrize("runs", WRITER_RUNS)
def test_a_record_that_was_acknowledged_survives_a_kill(tmp_path: Path, runs: int) -> None:
    chance = random.Random(4)
    path = tmp_path / "record.json"
    for _run in range(runs):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=-1)
        assert writer.stdout is not None
        first = int(writer.stdout.readline())
        time.sleep(chance.uniform(0, 0.02))
        writer.kill()
        acknowledged = [first, *map(int, writer.communicate()[0].split(b"\n")[:-1])]
        record = json.loads(path.read_bytes())
        assert record["number"] in (acknowledged[-1], acknowledged[-1] + 1)


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(4):
    if os.fork() == 0:
        if number % 2:
            os.setsid()
        if number > 1 and os.fork():
            os._exit(0)
        print('up', flush=True)
        time.sleep(60)
print('up', flush=True)
time.sleep(60)
"""
CHAIN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for number in range(4):
    if os.fork() == 0:
        print('up', flush=True)
        while True:
            if os.fork():
                os._exit(0)
            time.sleep(0.002)
print('up', flush=True)
time.sleep(60)
"""


def stopped(store: JobStore, job: Job) -> float:
    """Cancel a job and return how long that took; nothing of it is left."""
    began = time.monotonic()
    control.cancel(store, job.id)
    over = ended(store, job.id)
    took = time.monotonic() - began
    assert over.state is JobState.CANCELLED
    assert living(store, job.id) == []
    assert supervisor_pid(store, job.id) is None or eventually(
        lambda: supervisor_pid(store, job.id) is None, "the supervisor's end"
    )
    return took


@pytest.mark.parametrize("program", [STUBBORN, CHAIN], ids=["tree", "fork chain"])
def test_a_stop_leaves_no_process_of_a_tree_that_ignores_it(
    store: JobStore, tmp_path: Path, program: str
) -> None:
    job = control.submit(store, python_job(tmp_path, program, grace_s=0.5))
    eventually(lambda: log_of(store, job.id).count("up") == 5, "the tree")
    assert stopped(store, job) < 2.5


def test_a_job_that_obeys_is_over_within_a_second(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)", grace_s=60))
    assert stopped(store, job) < 1


def test_a_stopped_process_is_woken_to_obey(store: JobStore, tmp_path: Path) -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    job = control.submit(store, python_job(tmp_path, program, grace_s=60))
    assert stopped(store, job) < 1


def test_an_orphan_is_stopped_with_everything_that_it_started(
    store: JobStore, tmp_path: Path
) -> None:
    job = control.submit(store, python_job(tmp_path, STUBBORN, grace_s=0.2))
    eventually(lambda: log_of(store, job.id).count("up") == 5, "the tree")
    kill_supervisor(store, job.id)
    orphan = store.get(job.id)
    over = control.cancel(store, job.id)
    assert (orphan.state, over.state) == (JobState.RUNNING, JobState.CANCELLED)
    assert living(store, job.id) == []


def test_a_reboot_loses_what_ran(store: JobStore, tmp_path: Path) -> None:
    job = control.submit(store, python_job(tmp_path, "import time; time.sleep(60)"))
    kill_supervisor(store, job.id)
    path = store.path(job.id) / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"boot": "the one before"}))
    rebooted = store.get(job.id)
    for pid in living(store, job.id):
        os.kill(pid, signal.SIGKILL)
    assert (rebooted.state, rebooted.exit_status) == (JobState.LOST, None)
    assert "restarted" in str(rebooted.reason)


def test_looking_at_jobs_spoils_no_start(store: JobStore, tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            new_store(tmp_path).list()

    lookers = [threading.Thread(target=look) for _number in range(4)]
    for looker in lookers:
        looker.start()
    jobs = [run_to_end(store, python_job(tmp_path, "")) for _number in range(10)]
    over.set()
    for looker in lookers:
        looker.join()
    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    eventually(
        lambda: (
            subprocess.run(["umount", str(place)], capture_output=True, check=False).returncode == 0
        ),
        "the end of the disk's users",
    )


def fill(place: Path) -> Path:
    filler = place / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


def test_a_full_disk_makes_no_half_job(small_disk: Path) -> None:
    store = new_store(small_disk)
    store.folder.mkdir(mode=0o700)
    filler = fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        control.submit(store, python_job(small_disk, ""))
    filler.unlink()
    assert list(store.folder.iterdir()) == []


def test_an_end_on_a_full_disk_is_delivered_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    store = new_store(small_disk)
    waits = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nraise SystemExit(3)"
    job = control.submit(store, python_job(tmp_path, waits))
    filler = fill(small_disk)
    (tmp_path / "go").touch()
    eventually(lambda: not living(store, job.id), "the end of the command")
    held = store.get(job.id)
    filler.unlink()
    over = ended(store, job.id, 2)
    assert (held.state, held.exit_status) == (JobState.RUNNING, None)
    assert (over.state, over.exit_status) == (JobState.FAILED, 3)


def test_a_disk_that_the_log_filled_is_named(small_disk: Path, tmp_path: Path) -> None:
    store = new_store(small_disk)
    floods = "import os\nwhile True: os.write(1, b'x' * 4096)"
    job = control.submit(store, python_job(tmp_path, floods))
    eventually(lambda: not living(store, job.id), "the end of the command")
    (store.path(job.id) / "log").unlink()
    over = ended(store, job.id, 2)
    assert (over.state, over.exit_status) == (JobState.FAILED, 1)
    assert "is full" in str(over.reason)
