"""The client against a worker double: streaming, stopping, leaving, dying."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emotui.engine.client import EngineClient, EngineDied, EngineSpec, Sampling
from emotui.engine.process import worker_environment
from emotui.engine.protocol import Done, Loading, Token
from emotui.support.errors import RefusedError

DOUBLE = Path(__file__).with_name("worker_double.py")
HELLO = [{"role": "user", "content": "hello"}]
LONG = Sampling(max_tokens=100_000)


def client_for(kind: str, tmp_path: Path) -> EngineClient:
    spec = EngineSpec("transformers", Path(sys.executable), Path("/models") / kind)
    return EngineClient(spec, tmp_path / "logs" / "worker.log", worker=DOUBLE)


@asynccontextmanager
async def loaded(kind: str, tmp_path: Path) -> AsyncIterator[EngineClient]:
    client = client_for(kind, tmp_path)
    try:
        await client.start()
        await client.load()
        yield client
    finally:
        await client.close()


async def test_it_says_hello_loads_and_answers(tmp_path: Path) -> None:
    client = client_for("good", tmp_path)
    phases: list[Loading] = []
    hello = await client.start()
    ready = await client.load(phases.append)
    events = [event async for event in client.generate(HELLO, Sampling(max_tokens=3))]
    await client.close()
    assert (hello.python, hello.lmdeploy) == ("3.8.0", "0.0.0")
    assert phases == [Loading("weights")]
    assert (ready.engine, ready.template, ready.session_len) == ("double", "tokenizer", 64)
    assert events[:3] == [Token("1 ", 1), Token("2 ", 2), Token("3 ", 3)]
    assert isinstance(events[3], Done)
    assert (events[3].finish_reason, events[3].tokens) == ("length", 3)


async def test_stop_ends_an_answer_and_the_next_one_comes(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        async for event in client.generate(HELLO, LONG):
            if isinstance(event, Token) and event.n == 5:
                await client.stop()
        assert isinstance(event, Done)
        assert event.finish_reason == "stopped"
        assert 5 <= event.tokens < LONG.max_tokens
        again = [event async for event in client.generate(HELLO, Sampling(max_tokens=2))]
        assert again[0] == Token("1 ", 1)
        assert len(again) == 3


async def test_leaving_an_answer_early_stops_it_in_the_worker(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        answer = client.generate(HELLO, LONG)
        await anext(answer)
        await answer.aclose()
        assert client.answering
        await asyncio.wait_for(client.stop(), 10)
        assert not client.answering
        assert client.alive


async def test_a_cancelled_reader_stops_the_answer_too(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        first = asyncio.Event()

        async def read() -> None:
            async for _ in client.generate(HELLO, LONG):
                first.set()

        reader = asyncio.create_task(read())
        await first.wait()
        reader.cancel()
        await asyncio.wait([reader])
        await asyncio.wait_for(client.stop(), 10)
        assert reader.cancelled()
        assert not client.answering


async def test_stop_without_an_answer_does_nothing(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        await client.stop()
        assert client.alive


async def test_closing_leaves_no_task_and_no_process(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    client = client_for("good", tmp_path)
    await client.start()
    await client.close()
    await client.close()
    assert not client.alive
    assert asyncio.all_tasks() == before


async def test_a_worker_that_is_gone_is_not_signalled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loaded("good", tmp_path) as client:
        client.kill()
        await client.wait_ended()
        signals: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "killpg", lambda *given: signals.append(given))
        client.kill()
        await client.close()
    assert signals == []


async def test_a_closed_engine_says_so_when_it_is_asked(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        await client.close()
        with pytest.raises(EngineDied):
            await anext(client.generate(HELLO))


async def test_a_conversation_beyond_every_limit_is_refused(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        with pytest.raises(RefusedError):
            await anext(client.generate([{"role": "user", "content": "x" * (17 << 20)}]))
        assert client.alive


async def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    spec = EngineSpec("transformers", tmp_path / "no-python", Path("/models/good"))
    client = EngineClient(spec, tmp_path / "worker.log", worker=DOUBLE)
    with pytest.raises(EngineDied, match="no-python cannot be started"):
        await client.start()
    await client.close()


async def test_a_log_that_cannot_be_written_is_not_the_interpreters_fault(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file in the way")
    spec = EngineSpec("transformers", Path(sys.executable), Path("/models/good"))
    client = EngineClient(spec, tmp_path / "logs" / "worker.log", worker=DOUBLE)
    with pytest.raises(EngineDied, match=r"log .*worker\.log cannot be written: "):
        await client.start()
    await client.close()


async def test_the_log_is_private(tmp_path: Path) -> None:
    async with loaded("good", tmp_path) as client:
        assert client.log_path.stat().st_mode & 0o777 == 0o600
        assert client.log_path.parent.stat().st_mode & 0o777 == 0o700


def test_a_worker_inherits_pythonpath_but_no_preloaded_library() -> None:
    environ = {"PYTHONPATH": "/site", "LD_LIBRARY_PATH": "/lib", "LD_PRELOAD": "/evil.so"}
    delta = {"PYTHONSTARTUP": None, "CUDA_VISIBLE_DEVICES": "1"}
    found = worker_environment({**environ, "PYTHONSTARTUP": "/rc.py"}, delta)
    assert found["PYTHONPATH"] == "/site"
    assert found["LD_LIBRARY_PATH"] == "/lib"
    assert found["CUDA_VISIBLE_DEVICES"] == "1"
    assert not {"LD_PRELOAD", "PYTHONSTARTUP"} & set(found)


def test_the_delta_has_the_last_word() -> None:
    found = worker_environment({"PYTHONPATH": "/site", "HOME": "/root"}, {"PYTHONPATH": None})
    assert "PYTHONPATH" not in found
    assert found["HOME"] == "/root"
