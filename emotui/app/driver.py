"""The terminal driver: Textual's, made to survive any bytes and to end however it is told to.

Ways to end, each within `HARD_END_S` and with the terminal restored: SIGTERM, SIGHUP, SIGINT, and
a terminal that is gone. A signal handler may interrupt anything, so it only puts the exit status
into a queue; a thread of its own takes it from there, asks the app to end, and ends the process
when the app cannot. Written for textual 8.2.
"""

from __future__ import annotations

import contextlib
import os
import queue
import selectors
import signal
import sys
import termios
import threading
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.events import MouseMove, Resize
from textual.message import Message

from emotui.app.terminal_input import TerminalInput
from emotui.app.terminal_output import TerminalOutput

HARD_END_S = 1.5
"""Seconds from the wish to end until the process ends without asking anyone."""

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

_BUSY = 100
"""Events that may wait for the app before reading pauses (and mouse moves are left out)."""


class SafeDriver(LinuxDriver):
    """A terminal driver for terminals that send anything, stop reading, or vanish."""

    def __init__(
        self,
        app: App[Any],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stdout__ is not None
        # Textual writes to standard error, which a user may have sent to a file.
        self.output = TerminalOutput(sys.__stdout__.fileno())
        self._file = self.output  # type: ignore[assignment]
        self.drawing = False
        """Whether the terminal is in the app's hands now."""
        self.wanted_ends: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.former_handlers: dict[signal.Signals, Any] = {}
        threading.Thread(target=self._end_when_wanted, name="emotui-end", daemon=True).start()

    # -- the app's hold on the terminal ------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal; from now on signals end the app cleanly."""
        if self.drawing:
            # Stopped and continued from outside, with no chance to let go: the shell may have
            # changed the terminal since, and Textual would take that for the user's state.
            self.suspend_application_mode()
        self.drawing = True
        self.output.resume()
        for number in SIGNALS:
            self.former_handlers[number] = signal.signal(number, self._on_signal)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def resume_application_mode(self) -> None:
        """Take the terminal back, and draw everything: who had it meanwhile left it empty."""
        super().resume_application_mode()
        self._app.call_later(self._app.refresh, layout=True)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        super().stop_application_mode()
        self.drawing = False

    def close(self) -> None:
        """Wait until all is written; where drawing was cut short, put the terminal in order."""
        super().close()
        self.output.restore()
        while self.former_handlers:
            signal.signal(*self.former_handlers.popitem())

    def _sigtstp_application(self, *_arguments: object) -> None:
        # Not inside the signal handler: it may have interrupted the very queue it writes to.
        self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_arguments: object) -> None:
        self._loop.call_soon_threadsafe(super()._sigcont_application)

    # -- reading ------------------------------------------------------------------------

    def run_input_thread(self) -> None:
        """Read the terminal until the app ends; the terminal's end ends the app."""
        terminal = TerminalInput(debug=self._debug)
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(0.02 if terminal.is_waiting else 0.1):
                    data = self._read()
                    if not data:
                        self.wanted_ends.put(128 + signal.SIGHUP)
                        return
                    for event in terminal.feed(data):
                        self.process_message(event)
                for event in terminal.tick():
                    self.process_message(event)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, 4096)
        except OSError:
            return b""

    def process_message(self, message: Message) -> None:
        """Pass on what is worth it: no size that was not asked for, no moves in a traffic jam."""
        if isinstance(message, Resize) and not self._in_band_window_resize:
            return
        while self._app.message_queue_size > _BUSY and not self.exit_event.wait(0.01):
            if isinstance(message, MouseMove):
                return
        super().process_message(message)

    def send_message(self, message: Message) -> None:
        """Pass a message to the app, unless its loop has ended meanwhile."""
        if not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                super().send_message(message)

    # -- ending -------------------------------------------------------------------------

    def _on_signal(self, number: int, _frame: object) -> None:
        self.wanted_ends.put(128 + number)  # may be interrupted by itself: see queue.SimpleQueue

    def _end_when_wanted(self) -> None:
        status = self.wanted_ends.get()
        self.output.hurry()
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._app.exit, None, status)
        # As a daemon this thread does not keep the process when the app ends in time.
        threading.Event().wait(HARD_END_S)
        if self.drawing:
            if self.attrs_before is not None:
                with contextlib.suppress(termios.error):
                    termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
            self.output.restore(at_once=True)
        os._exit(status)
