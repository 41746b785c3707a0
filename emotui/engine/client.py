"""The app's side of an engine worker: start it, load a model, stream answers, end it.

One client is one worker. Everything happens on the event loop that called `start`. An
abandoned or cancelled answer is stopped in the worker; a worker that dies makes every waiting
call raise `EngineDied`, with its last words. `close` leaves no process, task or pipe behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from emotui.engine.failure import EngineDied, not_started, said
from emotui.engine.process import WORKER, WorkerProcess, start_process
from emotui.engine.protocol import (
    PROTOCOL,
    Done,
    EngineSpec,
    Event,
    Failure,
    Hello,
    Loading,
    Messages,
    ProtocolError,
    Ready,
    Sampling,
    Token,
    generate_request,
    load_request,
    parse,
    quit_request,
    stop_request,
)
from emotui.engine.words import last_words
from emotui.support.errors import RefusedError
from emotui.support.language import N_, Message, message

__all__ = [
    "Done",
    "EngineClient",
    "EngineDied",
    "EngineSpec",
    "Failure",
    "Hello",
    "Loading",
    "Messages",
    "Ready",
    "Sampling",
    "Token",
]

HELLO_TIMEOUT_S = 60.0
STOP_GRACE_S = 20.0
END_GRACE_S = 2.0


class EngineClient:
    """A worker and what goes on in it."""

    def __init__(
        self,
        spec: EngineSpec,
        log_path: Path,
        *,
        environ: Mapping[str, str] = os.environ,
        worker: Path = WORKER,
    ) -> None:
        self.spec = spec
        self.log_path = log_path
        """What the worker writes on its standard error."""
        self.hello: Hello | None = None
        self.ready: Ready | None = None
        self._environ = environ
        self._worker = worker
        self._process: WorkerProcess | None = None
        self._life: asyncio.Task[None] | None = None
        self._news: asyncio.Queue[Event | None] = asyncio.Queue()
        self._inboxes: dict[int, asyncio.Queue[Event | None]] = {}
        self._open: set[int] = set()
        self._idle = asyncio.Event()
        self._numbers = itertools.count(1)
        self._reason: Message | None = None
        self._log_at_ready = 0

    @property
    def alive(self) -> bool:
        """Whether the worker's process runs."""
        return self._process is not None and self._process.status is None

    @property
    def answering(self) -> bool:
        """Whether the worker is at work on an answer."""
        return bool(self._open)

    def last_words(self) -> str:
        """Return what the log says about the end: up to three cleaned lines, maybe none.

        Once the model is loaded, complaints from loading it explain nothing any more.
        """
        return last_words(self.log_path, self._log_at_ready)

    async def start(self, timeout_s: float = HELLO_TIMEOUT_S) -> Hello:
        """Start the worker and return what its interpreter has; raises `EngineDied`."""
        try:
            self._process = await start_process(
                self.spec, self.log_path, self._environ, self._worker
            )
        except OSError as error:
            raise not_started(self.spec.python, self.log_path, error) from error
        self._life = asyncio.create_task(self._live(self._process), name="engine-worker")
        event = await self._next_news(timeout_s)
        if not isinstance(event, Hello):
            raise self._death(N_("The engine did not start. {reason}"))
        if event.protocol != PROTOCOL:
            await self._give_up(message("Its worker speaks another version of the protocol."))
            raise self._death(N_("The engine did not start. {reason}"))
        self.hello = event
        return event

    async def load(
        self,
        on_loading: Callable[[Loading], None] | None = None,
        timeout_s: float | None = None,
    ) -> Ready:
        """Load the model; `on_loading` hears of each phase.

        Without `timeout_s` it may take as long as it takes. Raises `EngineDied`.
        """
        self._write(load_request(self.spec))
        event: Event | None = Loading("")
        while isinstance(event, Loading):
            event = await self._next_news(timeout_s)
            if isinstance(event, Loading) and on_loading is not None:
                on_loading(event)
        if isinstance(event, Ready):
            self.ready = event
            with contextlib.suppress(OSError):
                self._log_at_ready = self.log_path.stat().st_size
            return event
        if isinstance(event, Failure):
            if self._life is not None:
                await asyncio.wait([self._life], timeout=END_GRACE_S)  # it leaves by itself
            await self._give_up(said(event.text.strip()))
        raise self._death(N_("The model could not be loaded. {reason}"))

    async def generate(
        self, messages: Messages, sampling: Sampling | None = None
    ) -> AsyncIterator[Token | Done]:
        """Yield the answer's tokens as they come and at last its `Done`.

        Raises `EngineDied`, also when the worker was dead before. Leaving the iterator early
        (break, cancellation) ends the answer in the worker as well.
        """
        if not self.alive:
            raise self._death(N_("The engine ended. {reason}"))
        number = next(self._numbers)
        try:
            request = generate_request(number, messages, sampling or Sampling())
        except ProtocolError as error:
            raise RefusedError(
                "This conversation is too large to be sent to the engine. Start a new one."
            ) from error
        inbox: asyncio.Queue[Event | None] = asyncio.Queue()
        self._inboxes[number] = inbox
        self._open.add(number)
        self._idle.clear()
        try:
            self._write(request)
            while True:
                event = await inbox.get()
                if event is None:
                    raise self._death(N_("The engine ended. {reason}"))
                if isinstance(event, Token | Done):
                    yield event
                if isinstance(event, Done):
                    return
        finally:
            del self._inboxes[number]
            if number in self._open:
                self._write(stop_request(number))

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """End the running answer; kill the worker when it does not obey within `grace_s`."""
        for number in self._open:
            self._write(stop_request(number))
        if self._open and not await _within(self._idle, grace_s):
            await self._give_up(
                message("It did not stop within {seconds} s and was killed.", seconds=int(grace_s))
            )

    async def wait_ended(self) -> EngineDied:
        """Wait until the worker is gone, whoever ended it, and return why."""
        if self._life is not None:
            await asyncio.wait([self._life])
        return self._death(N_("The engine ended. {reason}"))

    async def close(self, grace_s: float = END_GRACE_S) -> None:
        """End the worker and all that it started. May be called twice and at any time.

        It has `grace_s` to leave by itself and as long after SIGTERM; then it is killed.
        """
        self._write(quit_request())
        if self._process is not None:
            await self._process.end(grace_s)
        if self._life is not None:
            await asyncio.wait([self._life])

    def kill(self) -> None:
        """Kill the worker and all that it started, without waiting.

        Nothing happens when it is gone: its number may be somebody else's by now.
        """
        if self._process is not None and self.alive:
            self._process.signal_group(signal.SIGKILL)

    async def _give_up(self, reason: Message) -> None:
        """End a worker that is of no use any more, for `reason`."""
        self._reason = self._reason or reason
        await self.close()

    async def _next_news(self, timeout_s: float | None) -> Event | None:
        try:
            return await asyncio.wait_for(self._news.get(), timeout_s)
        except asyncio.TimeoutError:
            await self._give_up(
                message("It was not ready within {seconds} s.", seconds=int(timeout_s or 0))
            )
            return None

    async def _live(self, process: WorkerProcess) -> None:
        """Accompany a worker from its start to its end."""
        reading = asyncio.create_task(self._read(process), name="engine-reader")
        try:
            await asyncio.wait([process.exited])
            process.signal_group(signal.SIGKILL)  # what it started and left behind
            await asyncio.wait([reading], timeout=END_GRACE_S)
        finally:
            if process.status is None:  # the loop itself ends
                process.signal_group(signal.SIGKILL)
            reading.cancel()
            await asyncio.wait([reading])
            process.release()
            self._open.clear()
            self._idle.set()
            for inbox in (self._news, *self._inboxes.values()):
                inbox.put_nowait(None)

    async def _read(self, process: WorkerProcess) -> None:
        while True:
            try:
                line = await process.output.readline()
            except ValueError:
                self._reason = message("It sent a line that is too long to be a message.")
                process.signal_group(signal.SIGKILL)
                return
            if not line:
                return
            try:
                found = parse(line)
            except ProtocolError:
                continue  # something that got onto the pipe and is no message
            if found is not None:
                self._take(*found)

    def _take(self, event: Event, number: int | None) -> None:
        if isinstance(event, Done) and number is not None:
            self._open.discard(number)
            if not self._open:
                self._idle.set()
        if isinstance(event, Token | Done):
            if number in self._inboxes:  # else its reader has left
                self._inboxes[number].put_nowait(event)
        else:
            self._news.put_nowait(event)

    def _write(self, line: bytes) -> None:
        if self._process is not None:
            self._process.write(line)

    def _death(self, template: str) -> EngineDied:
        """Return the error for a worker that is gone, saying why as well as can be known."""
        status = None if self._process is None else self._process.status
        return EngineDied.of(template, status, self.last_words(), self._reason)


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except asyncio.TimeoutError:
        return False
    return True
