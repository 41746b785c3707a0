"""Waiting for what a test is about, instead of for some time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.pilot import Pilot

LIMIT_S = 30.0


async def happens(condition: Callable[[], object], what: str = "it") -> None:
    """Wait until `condition` holds, while everything else goes on."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.01)


async def until(pilot: Pilot[Any], condition: Callable[[], object], what: str = "it") -> None:
    """Wait until `condition` holds and the app has drawn it; for an app that comes to rest."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await pilot.pause(0.01)
    await pilot.pause()
