"""The real worker, run by path, with stand-ins for the engines' libraries."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emotui.engine import protocol
from emotui.engine.client import EngineClient, EngineDied, EngineSpec, Ready, Sampling
from emotui.engine.process import WORKER
from emotui.engine.protocol import Done, Token

PIPELINES = Path(__file__).with_name("pipelines")
HELLO = [{"role": "user", "content": "hello"}]


def client_for(
    tmp_path: Path, pipeline: str, options: Mapping[str, object], engine: str = "turbomind"
) -> EngineClient:
    env = {"PYTHONPATH": str(PIPELINES / pipeline), "EMOTUI_SEEN": str(tmp_path / "seen")}
    spec = EngineSpec(
        "turbomind" if engine == "turbomind" else "transformers",
        Path(sys.executable),
        Path("/models/m"),
        env=env,
        options=options,
    )
    return EngineClient(spec, tmp_path / "worker.log")


@asynccontextmanager
async def loaded(
    tmp_path: Path, pipeline: str, **options: object
) -> AsyncIterator[tuple[EngineClient, Ready]]:
    client = client_for(tmp_path, pipeline, options)
    try:
        await client.start()
        yield client, await client.load()
    finally:
        await client.close()


def seen(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (tmp_path / "seen").read_text().splitlines()]


async def answer(client: EngineClient, text: str = "hello", **sampling: object) -> tuple[str, Done]:
    pieces = []
    async for event in client.generate([{"role": "user", "content": text}], Sampling(**sampling)):
        if isinstance(event, Token):
            pieces.append(event.text)
    assert isinstance(event, Done)
    return "".join(pieces), event


def worker_constants() -> dict[str, object]:
    """The constants of the worker's side, without importing it here."""
    found: dict[str, object] = {}
    for line in (WORKER / "emotui_wire.py").read_text().splitlines():
        name, _, value = line.partition(" = ")
        if name.isupper() and name.replace("_", "").isalpha():
            found[name] = eval(value)
    return found


def test_both_sides_agree_on_version_and_limit() -> None:
    theirs = worker_constants()
    assert theirs["PROTOCOL"] == protocol.PROTOCOL
    assert theirs["MAX_LINE_BYTES"] == protocol.MAX_LINE_BYTES
    assert 12 * int(str(theirs["MAX_TEXT"])) < protocol.MAX_LINE_BYTES


async def test_the_old_pipeline_streams_in_the_room_that_is_left(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessionless", model_name="llama2") as (client, ready):
        text, done = await answer(client, max_tokens=500)
    assert (ready.engine, ready.template, ready.session_len) == ("turbomind", "builtin:llama2", 64)
    # "[user]hello" and a start token are 12 of 64 tokens; the old engine wants one more free.
    assert (done.finish_reason, done.tokens, done.prompt_tokens) == ("length", 51, 12)
    assert text.startswith("1 2 3 ")
    assert "\ufffd" not in text


async def test_the_old_pipeline_gets_the_options_that_it_knows(tmp_path: Path) -> None:
    options = {"quant_policy": 4, "cache_max_entry_count": 0.3, "unknown": 1, "device": "cuda"}
    async with loaded(tmp_path, "sessionless", model_name="llama2", **options):
        pass
    facts = seen(tmp_path)[0]
    assert facts["model_name"] == "llama2"
    config = facts["config"]
    assert isinstance(config, dict)
    assert (config["quant_policy"], config["cache_max_entry_count"]) == (4, 0.3)
    assert (config["model_name"], config["max_batch_size"]) == (None, 128)


async def test_the_old_pipeline_is_stopped_by_its_session(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessionless", model_name="llama2", session_len=10**6) as (
        client,
        _,
    ):
        async for event in client.generate(HELLO, Sampling(max_tokens=500_000)):
            if isinstance(event, Token) and event.n == 3:
                await client.stop()
        assert isinstance(event, Done)
        assert event.finish_reason == "stopped"
        _, done = await answer(client, max_tokens=2)
    assert done.tokens == 2
    assert {"stopped": 1} in seen(tmp_path)


async def test_a_template_that_leaves_the_prompt_raw_counts_as_none(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessionless", model_name="base") as (client, ready):
        await answer(client, max_tokens=2)
    assert ready.template == "none"
    assert seen(tmp_path)[-1]["prompt"] == "user: hello\nassistant:"


async def test_a_conversation_that_fills_the_session_leaves_no_room(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessionless", model_name="llama2") as (client, _):
        _, done = await answer(client, text="x" * 80)
    assert (done.finish_reason, done.tokens) == ("length", 0)


async def test_temperature_zero_is_greedy_in_both_forms(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessionless", model_name="llama2") as (client, _):
        await answer(client, max_tokens=1, temperature=0.0)
    async with loaded(tmp_path, "sessions") as (client, _):
        await answer(client, max_tokens=1, temperature=0.0)
    old, new = (fact["gen_config"] for fact in seen(tmp_path) if "gen_config" in fact)
    assert isinstance(old, dict)
    assert isinstance(new, dict)
    assert (old["top_k"], old["temperature"]) == (1, 1.0)
    assert (new["top_k"], new["do_sample"]) == (1, False)


async def test_the_new_pipeline_streams_and_uses_the_tokenizers_template(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessions") as (client, ready):
        text, done = await answer(client, max_tokens=3, seed=7)
    assert ready.template == "tokenizer"
    assert (text, done.finish_reason, done.tokens) == ("1 2 3 ", "length", 3)
    assert done.first_token_seconds is not None
    assert done.first_token_seconds <= done.seconds
    config = seen(tmp_path)[-1]["gen_config"]
    assert isinstance(config, dict)
    assert (config["random_seed"], config["do_sample"]) == (7, True)


async def test_the_new_pipeline_is_stopped_by_its_session(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessions", session_len=10**6) as (client, _):
        async for event in client.generate(HELLO, Sampling(max_tokens=500_000)):
            if isinstance(event, Token) and event.n == 3:
                await client.stop()
        assert isinstance(event, Done)
        assert event.finish_reason == "stopped"
    assert {"aborted": True} in seen(tmp_path)


async def test_an_error_of_the_engine_ends_the_answer_and_not_the_worker(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessions") as (client, _):
        _, done = await answer(client, text="fail")
        _, again = await answer(client, max_tokens=1)
    assert (done.finish_reason, done.error) == ("error", "the engine is out of blocks")
    assert again.finish_reason == "length"


async def test_remote_code_is_trusted_only_when_told(tmp_path: Path) -> None:
    async with loaded(tmp_path, "sessions"):
        pass
    async with loaded(tmp_path, "sessions", trust_remote_code=True):
        pass
    assert [fact["trust"] for fact in seen(tmp_path)] == [False, True]


async def test_a_library_that_is_missing_is_told_in_its_own_words(tmp_path: Path) -> None:
    words = "ImportError: libcudart.so.11.0: cannot open shared object file"
    (tmp_path / "torch.py").write_text(
        "raise ImportError('libcudart.so.11.0: cannot open shared object file')"
    )
    client = client_for(tmp_path, str(tmp_path), {}, engine="transformers")
    await client.start()
    with pytest.raises(EngineDied, match="libcudart") as caught:
        await client.load()
    assert caught.value.status == 1
    assert not client.alive
    await client.close()
    assert "Traceback" in client.log_path.read_text()
    assert client.last_words() == words


async def test_an_answer_before_loading_is_an_error(tmp_path: Path) -> None:
    client = client_for(tmp_path, "sessions", {})
    await client.start()
    _, done = await answer(client)
    await client.close()
    assert (done.finish_reason, done.error) == ("error", "RuntimeError: no model is loaded")
