"""The `transformers` engine on a real model: the whole way from a request to its tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tiny_model import make_tiny_llama

from emotui.engine.client import EngineClient, EngineDied, EngineSpec, Ready, Sampling
from emotui.engine.protocol import Done, Token

pytestmark = pytest.mark.integration
HELLO = [{"role": "user", "content": "hello, how are you?"}]


@pytest.fixture(scope="module")
def model(lmdeploy_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose tokenizer has a chat template."""
    return make_tiny_llama(lmdeploy_python, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def base_model(lmdeploy_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without a chat template, its weights as safetensors."""
    folder = tmp_path_factory.mktemp("models") / "base"
    return make_tiny_llama(lmdeploy_python, folder, chat_template=False, safetensors=True)


@asynccontextmanager
async def loaded(
    python: Path, model: Path, tmp_path: Path
) -> AsyncIterator[tuple[EngineClient, Ready]]:
    env = {"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
    client = EngineClient(
        EngineSpec("transformers", python, model, env=env), tmp_path / "worker.log"
    )
    try:
        await client.start()
        yield client, await client.load(timeout_s=120)
    finally:
        await client.close()


async def answer(
    client: EngineClient, messages: list[dict[str, str]], sampling: Sampling
) -> tuple[str, Done]:
    pieces = []
    async for event in client.generate(messages, sampling):
        if isinstance(event, Token):
            pieces.append(event.text)
    assert isinstance(event, Done)
    return "".join(pieces), event


async def test_a_conversation_streams_stops_and_goes_on(
    lmdeploy_python: Path, model: Path, tmp_path: Path
) -> None:
    async with loaded(lmdeploy_python, model, tmp_path) as (client, ready):
        assert (ready.engine, ready.device, ready.template) == ("transformers", "cpu", "tokenizer")
        assert ready.session_len == 2048

        first, done = await answer(client, HELLO, Sampling(max_tokens=24, seed=5))
        assert (done.finish_reason, done.tokens) == ("length", 24)
        assert done.prompt_tokens is not None
        assert done.first_token_seconds is not None
        assert 0 < done.first_token_seconds < done.seconds

        again, _ = await answer(client, HELLO, Sampling(max_tokens=24, seed=5))
        other, _ = await answer(client, HELLO, Sampling(max_tokens=24, seed=6))
        assert first == again != other

        greedy = Sampling(max_tokens=12, temperature=0.0)
        assert (await answer(client, HELLO, greedy))[0] == (await answer(client, HELLO, greedy))[0]

        turns = [*HELLO, {"role": "assistant", "content": first}, *HELLO]
        _, second = await answer(client, turns, Sampling(max_tokens=4))
        assert second.prompt_tokens is not None
        assert second.prompt_tokens > done.prompt_tokens + 20

        async for event in client.generate(HELLO, Sampling(max_tokens=1800, temperature=0.0)):
            if isinstance(event, Token) and event.n > 5:
                await client.stop()
        assert isinstance(event, Done)
        assert event.finish_reason == "stopped"
        assert event.tokens < 100

        _, last = await answer(client, HELLO, Sampling(max_tokens=3))
        assert last.tokens == 3


async def test_a_prompt_that_fills_the_model_leaves_no_room(
    lmdeploy_python: Path, model: Path, tmp_path: Path
) -> None:
    async with loaded(lmdeploy_python, model, tmp_path) as (client, _):
        long = [{"role": "user", "content": "hello " * 3000}]
        _, done = await answer(client, long, Sampling(max_tokens=4))
    assert (done.finish_reason, done.tokens) == ("length", 0)
    assert done.prompt_tokens is not None
    assert done.prompt_tokens > 2048


async def test_a_base_model_gets_plain_text(
    lmdeploy_python: Path, base_model: Path, tmp_path: Path
) -> None:
    async with loaded(lmdeploy_python, base_model, tmp_path) as (client, ready):
        _, done = await answer(client, HELLO, Sampling(max_tokens=4))
    assert ready.template == "none"
    assert done.tokens == 4


async def test_chinese_arrives_whole(lmdeploy_python: Path, model: Path, tmp_path: Path) -> None:
    # A hot model draws from its whole vocabulary, bytes and characters mixed at random.
    hot = Sampling(max_tokens=200, temperature=1.0, top_p=1.0, top_k=40, seed=1)
    async with loaded(lmdeploy_python, model, tmp_path) as (client, _):
        text, _ = await answer(client, [{"role": "user", "content": "你好"}], hot)
    assert any("\u4e00" <= char <= "\u9fff" for char in text)
    assert not text.endswith("\ufffd")


async def test_a_broken_model_says_why(lmdeploy_python: Path, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    (broken / "pytorch_model.bin").write_bytes(b"not a model")
    with pytest.raises(EngineDied) as caught:
        async with loaded(lmdeploy_python, broken, tmp_path):
            pass
    assert "Error" in caught.value.last_words
    assert "File" not in caught.value.last_words


async def test_a_load_is_left_at_once(lmdeploy_python: Path, model: Path, tmp_path: Path) -> None:
    client = EngineClient(
        EngineSpec("transformers", lmdeploy_python, model, env={"CUDA_VISIBLE_DEVICES": ""}),
        tmp_path / "worker.log",
    )
    await client.start()
    importing = asyncio.Event()
    loading = asyncio.create_task(client.load(lambda _: importing.set()))
    await importing.wait()
    loading.cancel()
    await asyncio.wait_for(client.close(), 10)
    await asyncio.wait([loading])
    assert not client.alive
