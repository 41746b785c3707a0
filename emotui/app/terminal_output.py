"""The terminal as Textual's writer thread sees it: a file that never raises and can be hurried.

A terminal may vanish (every write fails) or stop reading (every write waits). The first must
not end in a traceback, and the second must not keep the app from ending when it is told to.
"""

from __future__ import annotations

import contextlib
import os
import select
import termios
import time

RESTORE = (
    b"\x18\x1b\\"  # end whatever sequence was cut short
    b"\x1b[?2026l"  # draw at once again
    b"\x1b[?2004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # paste, mouse
    b"\x1b[?1004l\x1b[?2048l\x1b[?7h"  # focus and size reports off, lines wrap
    b"\x1b[<u"  # the plain keyboard
    b"\x1b[?1049l\x1b[?25h\x1b[0m"  # the ordinary screen, a cursor, no colours
)
"""What puts a terminal back in order, whatever was being drawn."""

_PIECE = 64 << 10
_SMALL_PIECE = 256
"""What a blocking terminal that is ready takes without making us wait (POLLOUT's promise)."""


class TerminalOutput:
    """Write to the terminal of `fileno` without ever blocking in the system call itself."""

    def __init__(self, fileno: int) -> None:
        self._inherited = fileno
        self._own = _reopened(fileno)
        self._piece = _SMALL_PIECE if self._own is None else _PIECE
        self._deadline: float | None = None
        self._dropping = False

    def fileno(self) -> int:
        """Return the descriptor that is written to."""
        return self._inherited if self._own is None else self._own

    def isatty(self) -> bool:
        """Return True: it is only made for a terminal."""
        return True

    def flush(self) -> None:
        """Do nothing: nothing is buffered here."""

    def write(self, text: str) -> int:
        """Write `text`, or as much of it as the terminal takes before the end."""
        rest = memoryview(text.encode("utf-8", "replace"))
        while rest and not self._dropping:
            if not self._ready():
                continue
            try:
                rest = rest[os.write(self.fileno(), rest[: self._piece]) :]
            except BlockingIOError:
                continue
            except OSError:
                self._dropping = True  # the terminal is gone; the reader notices too
        return len(text)

    def hurry(self, patience_s: float = 0.5) -> None:
        """From `patience_s` on, drop what the terminal does not take at once."""
        self._deadline = time.monotonic() + patience_s

    def resume(self) -> None:
        """Write normally again, after an end that was none (the process was only stopped)."""
        self._deadline = None
        self._dropping = False

    def restore(self, *, at_once: bool = False) -> None:
        """Put the terminal in order when drawing was cut short, or `at_once` when it must be.

        What the terminal has not read is discarded, which makes room for the few bytes that
        it will read when it goes on.
        """
        if not (at_once or self._dropping):
            return
        self._dropping = True
        with contextlib.suppress(termios.error, OSError):
            termios.tcflush(self.fileno(), termios.TCOFLUSH)
            if self._ready(0):
                os.write(self.fileno(), RESTORE)

    def _ready(self, timeout_s: float = 0.1) -> bool:
        """Say whether the terminal takes something now; past the deadline, stop trying."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLOUT)
        if poll.poll(timeout_s * 1000):
            return True
        if self._deadline is not None and time.monotonic() > self._deadline:
            self._dropping = True
        return False


def _reopened(fileno: int) -> int | None:
    """Return a descriptor of the same terminal that does not block, None where that is refused.

    The inherited one is shared with the shell, which must not find it changed.
    """
    try:
        return os.open(os.ttyname(fileno), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return None
