"""The worker's process: how it is started, what it inherits, how its whole group is ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import SubprocessStreamProtocol
from collections.abc import Mapping
from pathlib import Path

from emotui.engine.protocol import MAX_LINE_BYTES, EngineSpec
from emotui.support.files import PRIVATE_FILE, make_private_folder

WORKER = Path(__file__).parent / "worker"

_NEVER_INHERITED = (
    "LD_PRELOAD",
    "PYTHONSTARTUP",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONEXECUTABLE",
)


def worker_environment(
    environ: Mapping[str, str], delta: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the environment of a worker: the user's, without what must not be inherited.

    PYTHONPATH and LD_LIBRARY_PATH stay as the user has them, since LMDeploy may come in that
    way; `delta` has the last word. Its output is not buffered and its crashes leave a trace.
    """
    wanted = {name: value for name, value in environ.items() if name not in _NEVER_INHERITED}
    wanted |= {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1", "PYTHONUTF8": "1"}
    wanted.setdefault("TOKENIZERS_PARALLELISM", "false")
    for name, value in delta.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = value
    return wanted


class WorkerProcess:
    """A running worker: two pipes and a process group."""

    def __init__(self, transport: asyncio.SubprocessTransport, protocol: _Protocol) -> None:
        self._transport = transport
        self._pid = transport.get_pid()
        assert protocol.stdin is not None
        assert protocol.stdout is not None
        self.input = protocol.stdin
        self.output = protocol.stdout
        self.exited = protocol.exited
        """Set when the worker itself is gone, whoever else still holds its pipes."""

    @property
    def status(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._transport.get_returncode()

    def write(self, line: bytes) -> None:
        """Send a line; nothing happens when the worker is gone."""
        if self.status is None and not self.input.is_closing():
            with contextlib.suppress(OSError, RuntimeError):
                self.input.write(line)

    def signal_group(self, number: int) -> None:
        """Send a signal to the worker and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, number)

    async def end(self, grace_s: float) -> None:
        """End the group: end of input, then SIGTERM, then SIGKILL; return when it is gone.

        A cancelled call kills at once.
        """
        try:
            with contextlib.suppress(OSError, RuntimeError):
                self.input.close()
            for number in (None, signal.SIGTERM, signal.SIGKILL):
                if number is not None:
                    self.signal_group(number)
                if await self._is_gone(None if number == signal.SIGKILL else grace_s):
                    break
        finally:
            if self.status is None:
                self.signal_group(signal.SIGKILL)

    def release(self) -> None:
        """Close the pipes; for a worker that is gone."""
        self._transport.close()

    async def _is_gone(self, timeout_s: float | None) -> bool:
        await asyncio.wait([self.exited], timeout=timeout_s)
        return self.exited.done()


class _Protocol(SubprocessStreamProtocol):
    """Tells when the process itself has exited.

    `Process.wait()` waits for the end of its pipes too (up to Python 3.12 and later again), and
    a child that the worker forked may hold them for ever.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=MAX_LINE_BYTES, loop=loop)
        self.exited: asyncio.Future[None] = loop.create_future()

    def process_exited(self) -> None:
        super().process_exited()
        if not self.exited.done():
            self.exited.set_result(None)


async def start_process(
    spec: EngineSpec, log: Path, environ: Mapping[str, str], worker: Path = WORKER
) -> WorkerProcess:
    """Start a worker in a session of its own, its standard error going to the file `log`.

    Raises `OSError` when the interpreter cannot be started.
    """
    make_private_folder(log.parent)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, PRIVATE_FILE)
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: _Protocol(loop),
            str(spec.python),
            "-u",
            str(worker),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=descriptor,
            cwd=str(log.parent),
            env=worker_environment(environ, spec.env),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    return WorkerProcess(transport, protocol)
