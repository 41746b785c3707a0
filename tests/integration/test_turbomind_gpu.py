"""The worker on the real TurboMind, which its stand-ins in tests/unit/engine imitate.

`EMOTUI_TEST_TURBOMIND` names an interpreter that has LMDeploy, `EMOTUI_TEST_TURBOMIND_MODEL` a
model that it runs: a Hugging Face folder from 0.10 on, a workspace up to 0.5. Needs a GPU.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emotui.engine.client import EngineClient, Sampling
from emotui.engine.protocol import Done, Token
from emotui.operations.engine import engine_spec
from emotui.operations.services import open_services

pytestmark = pytest.mark.gpu
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def client(tmp_path: Path) -> EngineClient:
    """A client for the model that the environment names."""
    python = os.environ.get("EMOTUI_TEST_TURBOMIND")
    model = os.environ.get("EMOTUI_TEST_TURBOMIND_MODEL")
    if not python or not model:
        pytest.skip("EMOTUI_TEST_TURBOMIND and EMOTUI_TEST_TURBOMIND_MODEL are not set")
    services = open_services()
    spec = engine_spec(services, Path(model), engine="turbomind", python=Path(python))
    services.close()
    return EngineClient(spec, tmp_path / "worker.log")


async def test_turbomind_streams_stops_and_goes_on(client: EngineClient) -> None:
    try:
        await client.start()
        ready = await client.load(timeout_s=300)
        assert (ready.engine, ready.device) == ("turbomind", "cuda")
        assert ready.template != "none"
        for _ in range(3):
            stopped = False
            async for event in client.generate(HELLO, Sampling(max_tokens=1500)):
                if isinstance(event, Token) and event.n >= 20 and not stopped:
                    stopped = True
                    await client.stop()
            assert isinstance(event, Done)
            assert event.finish_reason in {"stopped", "stop"}
            assert event.tokens < 1500
        events = [e async for e in client.generate(HELLO, Sampling(max_tokens=8, temperature=0.0))]
        event = events[-1]
        assert isinstance(event, Done)
        assert event.finish_reason in {"length", "stop"}
        assert 1 <= event.tokens <= 9  # 0.5 makes one more than it was asked for
        assert event.first_token_seconds is not None
    finally:
        await client.close()
