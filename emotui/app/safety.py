"""What stands between foreign text, signals and bytes, and the user's terminal.

`SAFE_LINES` is the last gate: no control character of any widget passes it. `SafeDriver`
reads a terminal that may send anything or vanish. `end_on_signals` ends the app when the
machine or the connection wants it gone. Written for textual 8.2.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import re
import selectors
import signal
import threading
from collections.abc import Callable

from rich.segment import Segment
from textual._xterm_parser import XTermParser
from textual.color import Color
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Event
from textual.filter import LineFilter

HARD_END_S = 1.8
"""Seconds after a signal until the process ends without asking anyone."""

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


class SafeLines(LineFilter):
    """Delete control characters from every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments without control characters, in text and in links."""
        safe = []
        for text, style, control in segments:
            if not text.isprintable():
                text = _CONTROL.sub("", text)
            if style is not None and style.link and _CONTROL.search(style.link):
                style = style.update_link(None)
            safe.append(Segment(text, style, control))
        return safe


SAFE_LINES = SafeLines()


class SafeDriver(LinuxDriver):
    """A terminal driver that survives invalid bytes and ends the app when the terminal is gone.

    Textual's own dies of one byte that is not UTF-8, and spins when the terminal vanishes.
    """

    def run_input_thread(self) -> None:
        """Read the terminal until the app ends; its end of file ends the app."""
        parser = XTermParser(self._debug)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.1):
                    data = self._read()
                    if not data:
                        self._terminal_is_gone()
                        return
                    for event in parser.feed(decoder.decode(data)):
                        self.process_message(event)
                for event in parser.tick():
                    self.process_message(event)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, 4096)
        except InterruptedError:  # pragma: no cover (PEP 475 retries on its own)
            return b"\x00"
        except OSError:
            return b""

    def _terminal_is_gone(self) -> None:
        if self.exit_event.is_set():
            return
        force_end_later(128 + signal.SIGHUP)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._app.exit, None, 128 + signal.SIGHUP)

    def send_message(self, message: Event) -> None:  # type: ignore[override]
        """Pass a message to the app, unless its loop has ended meanwhile."""
        with contextlib.suppress(RuntimeError):
            super().send_message(message)


def end_on_signals(end: Callable[[int], None]) -> None:
    """Call `end(status)` on SIGTERM and SIGHUP, and end the process anyway soon after."""
    loop = asyncio.get_running_loop()

    def wanted(number: signal.Signals) -> None:
        force_end_later(128 + number)
        end(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, wanted, number)


def force_end_later(status: int) -> None:
    """End the process after `HARD_END_S`, whatever blocks it: a terminal that does not read."""
    timer = threading.Timer(HARD_END_S, os._exit, (status,))
    timer.daemon = True
    timer.start()
