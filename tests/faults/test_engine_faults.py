"""What can go wrong with an engine worker, and what is left afterwards: nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emotui.engine.client import EngineClient, EngineDied, EngineSpec, Sampling
from emotui.engine.process import WORKER
from emotui.engine.protocol import Done, Token

UNIT = Path(__file__).parents[1] / "unit" / "engine"
DOUBLE = UNIT / "worker_double.py"
BLOCKING = UNIT / "pipelines" / "blocking"
HELLO = [{"role": "user", "content": "hello"}]
LONG = Sampling(max_tokens=100_000)

PARENT = """
import asyncio, sys
from pathlib import Path
from emotui.engine.client import EngineClient, EngineSpec

async def main(worker, model, log):
    spec = EngineSpec("turbomind", Path(sys.executable), Path(model))
    client = EngineClient(spec, Path(log), worker=Path(worker))
    await client.start()
    print("started", flush=True)
    await client.load()
    async for _ in client.generate([{"role": "user", "content": "hello"}]):
        pass

asyncio.run(main(*sys.argv[1:]))
"""


def client_for(kind: str, tmp_path: Path, worker: Path = DOUBLE) -> EngineClient:
    spec = EngineSpec("turbomind", Path(sys.executable), Path("/models") / kind)
    return EngineClient(spec, tmp_path / "worker.log", worker=worker)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet counts as ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Look until `condition` holds or the time is over."""
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


def children_of(pid: int) -> list[int]:
    """The processes whose parent is `pid`, and theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                found += [int(entry.name), *children_of(int(entry.name))]
    return found


async def died(client: EngineClient) -> EngineDied:
    """Ask for an answer and return the error that it ends with."""
    with pytest.raises(EngineDied) as caught:
        async for _ in client.generate(HELLO, LONG):
            pass
    return caught.value


async def test_a_worker_killed_in_an_answer_is_noticed_at_once(tmp_path: Path) -> None:
    client = client_for("good", tmp_path)
    await client.start()
    await client.load()
    answer = client.generate(HELLO, LONG)
    await anext(answer)
    killed = time.monotonic()
    client.kill()
    with pytest.raises(EngineDied, match="SIGKILL") as caught:
        async for _ in answer:
            pass
    await client.close()
    assert time.monotonic() - killed < 2
    assert caught.value.signal == signal.SIGKILL
    assert not client.alive


async def test_a_crash_names_its_signal(tmp_path: Path) -> None:
    client = client_for("crashes", tmp_path)
    await client.start()
    await client.load()
    error = await died(client)
    await client.close()
    assert "SIGSEGV" in str(error)
    assert error.signal == signal.SIGSEGV
    assert "Segmentation fault" in error.last_words


async def test_noise_on_the_pipe_is_skipped(tmp_path: Path) -> None:
    client = client_for("noise", tmp_path)
    await client.start()
    await client.load()
    events = [event async for event in client.generate(HELLO, Sampling(max_tokens=2))]
    await client.close()
    assert events[:2] == [Token("1 ", 1), Token("2 ", 2)]


async def test_a_token_of_ten_megabytes_arrives(tmp_path: Path) -> None:
    client = client_for("huge-token", tmp_path)
    await client.start()
    await client.load()
    events = [event async for event in client.generate(HELLO, Sampling(max_tokens=1))]
    await client.close()
    assert isinstance(events[0], Token)
    assert len(events[0].text) == 10_000_000 // 6
    assert isinstance(events[-1], Done)


async def test_a_line_beyond_the_limit_ends_the_worker_with_a_reason(tmp_path: Path) -> None:
    client = client_for("endless-line", tmp_path)
    await client.start()
    await client.load()
    error = await died(client)
    await client.close()
    assert "too long to be a message" in str(error)
    assert not client.alive


async def test_an_exit_at_load_tells_the_last_words_without_the_progress_bar(
    tmp_path: Path,
) -> None:
    client = client_for("exits-at-load", tmp_path)
    await client.start()
    with pytest.raises(EngineDied, match="out of memory") as caught:
        await client.load()
    await client.close()
    assert caught.value.last_words == "[TM][ERROR] CUDA runtime error: out of memory"
    assert caught.value.status == 1


async def test_a_load_without_end_has_a_time_limit(tmp_path: Path) -> None:
    client = client_for("never-ready", tmp_path)
    await client.start()
    with pytest.raises(EngineDied, match="not ready within 0 s"):
        await client.load(timeout_s=0.1)
    assert not client.alive
    await client.close()


async def test_a_load_without_end_can_be_left(tmp_path: Path) -> None:
    client = client_for("never-ready", tmp_path)
    await client.start()
    loading = asyncio.create_task(client.load())
    await asyncio.sleep(0)
    loading.cancel()
    await asyncio.wait([loading])
    await client.close()
    assert loading.cancelled()
    assert not client.alive


async def test_a_worker_that_ignores_stop_is_killed(tmp_path: Path) -> None:
    client = client_for("deaf", tmp_path)
    await client.start()
    await client.load()
    answer = client.generate(HELLO, LONG)
    await anext(answer)
    await client.stop(grace_s=0.1)
    with pytest.raises(EngineDied, match="did not stop"):
        async for _ in answer:
            pass
    assert not client.alive
    await client.close()


async def test_a_frozen_worker_is_closed(tmp_path: Path) -> None:
    client = client_for("good", tmp_path)
    await client.start()
    await client.load()
    assert client._process is not None
    client._process.signal_group(signal.SIGSTOP)
    await asyncio.wait_for(client.close(grace_s=0.1), 10)
    assert not client.alive


async def test_what_a_worker_leaves_behind_is_ended(tmp_path: Path) -> None:
    client = client_for("leaves-a-child", tmp_path)
    await client.start()
    await client.load()
    seen: list[Token] = []
    with pytest.raises(EngineDied, match="exit status is 3"):
        async for event in client.generate(HELLO):
            assert isinstance(event, Token)
            seen.append(event)
    await client.close()
    assert wait_for(lambda: is_gone(int(seen[0].text)), 2)


@pytest.mark.parametrize("moment", ["loading", "answering"])
def test_nothing_is_left_when_the_app_is_killed(moment: str, tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(BLOCKING)}
    marker = tmp_path / moment
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(WORKER), str(marker), str(tmp_path / "worker.log")],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        # The engine makes this file when it hangs, with a child process of its own.
        assert wait_for(marker.exists, 20), (tmp_path / "worker.log").read_text()
        left = children_of(parent.pid)
    finally:
        parent.kill()
        parent.communicate()
    assert len(left) == 2
    assert wait_for(lambda: all(is_gone(pid) for pid in left), 2)
