"""A real program on a real pseudo-terminal: what a person at a keyboard sees and does.

A thread reads what the program writes, keeps the bytes, and draws them with pyte. The slave side
stays open here, so that the terminal's settings can be looked at when the program has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import psutil
import pyte

EMOTUI = (sys.executable, "-m", "emotui")
ENDS_WITHIN_S = 2.0

_PRIVATE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=?][0-9;]*\$?[a-gi-km-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)")

KEYS = {
    "enter": b"\r",
    "escape": b"\x1b",
    "tab": b"\t",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f4": b"\x1bOS",
    "f5": b"\x1b[15~",
    "f6": b"\x1b[17~",
    "ctrl+c": b"\x03",
    "ctrl+p": b"\x10",
    "ctrl+q": b"\x11",
}


class TerminalSession:
    """A program on a terminal of `columns` x `rows`; leaving the `with` block kills it."""

    def __init__(
        self,
        argv: Sequence[str] = EMOTUI,
        *,
        environ: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
        reading: bool = True,
        ignore_hangup: bool = False,
    ) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (rows, columns)) if sys.version_info >= (
            3,
            11,
        ) else fcntl.ioctl(
            self.slave,
            termios.TIOCSWINSZ,
            rows.to_bytes(2, "little") + columns.to_bytes(2, "little") + bytes(4),
        )
        self.settings_before = termios.tcgetattr(self.slave)
        self.raw = bytearray()
        self.screen = pyte.Screen(columns, rows)
        self.changed = threading.Condition()
        self.closing = threading.Event()
        self.reading = threading.Event()
        if reading:
            self.reading.set()

        def own_terminal() -> None:
            # Whoever runs the tests may ignore it (nohup does), and children inherit that.
            signal.signal(signal.SIGHUP, signal.SIG_IGN if ignore_hangup else signal.SIG_DFL)
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = psutil.Popen(
            argv,
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            start_new_session=True,
            preexec_fn=own_terminal,
            env={"TERM": "xterm-256color", "COLORTERM": "truecolor", **(environ or os.environ)},
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self) -> TerminalSession:  # noqa: PYI034 (Self is of 3.11)
        return self

    def __exit__(self, *_exception: object) -> None:
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.close_terminal()
        os.close(self.slave)

    # -- what it shows ----------------------------------------------------------------------

    def _read(self) -> None:
        stream = pyte.ByteStream(self.screen)
        while not self.closing.is_set():
            # Never blocked in a read: the descriptor may be closed, and its number used again.
            if not self.reading.wait(0.05) or not select.select([self.master], [], [], 0.05)[0]:
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            with self.changed:
                self.raw += data
                stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data))
                self.changed.notify_all()

    def text(self) -> str:
        """What stands on the screen."""
        with self.changed:
            return "\n".join(self.screen.display)

    def wait_until(self, happened: Callable[[], bool], what: str, timeout_s: float = 10) -> None:
        """Wait until `happened()`; else fail with `what` and the screen."""
        end = time.monotonic() + timeout_s
        while not happened():
            with self.changed:
                self.changed.wait(0.02)
            if time.monotonic() > end:
                raise AssertionError(f"{what}, not in {timeout_s} s; the screen:\n{self.text()}")

    def wait_for(self, text: str, timeout_s: float = 10) -> None:
        """Wait until `text` stands on the screen."""
        self.wait_until(lambda: text in self.text(), f"waited for {text!r}", timeout_s)

    def wait_gone(self, text: str, timeout_s: float = 10) -> None:
        """Wait until `text` stands on the screen no more."""
        self.wait_until(lambda: text not in self.text(), f"waited for no {text!r}", timeout_s)

    def modes(self) -> dict[int, bool]:
        """The private modes of the terminal that were switched, and how they stand now."""
        modes = {}
        with self.changed:
            raw = bytes(self.raw)
        for numbers, letter in _PRIVATE.findall(raw):
            for number in numbers.split(b";"):
                modes[int(number)] = letter == b"h"
        return modes

    # -- what is done to it --------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Type bytes."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.master, rest) :]

    def press(self, *keys: str) -> None:
        """Press keys by name; a key without a name is typed as it is."""
        for key in keys:
            self.send(KEYS.get(key, key.encode()))

    def close_terminal(self) -> None:
        """Take the terminal away, as a dropped connection does."""
        if self.master >= 0:
            self.closing.set()
            self.reader.join()
            os.close(self.master)
            self.master = -1

    def wait_exit(self, timeout_s: float = ENDS_WITHIN_S) -> int:
        """Wait for the end of the program and return its exit status."""
        try:
            return self.process.wait(timeout_s)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            raise AssertionError(f"still running after {timeout_s} s") from None

    def unread(self) -> int:
        """How many bytes wait for the terminal to read them."""
        return int.from_bytes(fcntl.ioctl(self.master, termios.FIONREAD, bytes(4)), sys.byteorder)

    def is_restored(self) -> bool:
        """Say whether the terminal is as it was before the program started."""
        modes = self.modes()
        off = (1000, 1002, 1003, 1004, 1006, 1015, 1016, 1049, 2004, 2026, 2048)
        return (
            not any(modes.get(mode) for mode in off)
            and modes.get(25, True)
            and modes.get(7, True)
            and termios.tcgetattr(self.slave) == self.settings_before
        )
