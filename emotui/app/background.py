"""Work that blocks, kept off the event loop without holding the end of the app.

Textual's thread workers run in a pool that Python waits for when it ends; a driver or a disk
that hangs would hold `q` for as long. Here the thread is a daemon: the worker that awaits can
be cancelled at any time, and nobody waits for the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Answer = TypeVar("Answer")


async def in_background(work: Callable[[], Answer], name: str = "background") -> Answer:
    """Run `work` in a daemon thread and return what it returns, or raise what it raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def run() -> None:
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 (it is raised again where it is awaited)
            _deliver(loop, partial(_fail, future, error))
        else:
            _deliver(loop, partial(_succeed, future, answer))

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def _succeed(future: asyncio.Future[Answer], answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)


def _deliver(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
        loop.call_soon_threadsafe(call)
