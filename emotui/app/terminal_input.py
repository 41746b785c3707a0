"""Bytes from a terminal, made into Textual's events, whatever the bytes are.

Textual's own reader dies of one byte that is not UTF-8, takes half a character for the end of
the input, dies of numbers that are too large, and types a sequence that it does not know, so that
a stray answer of the terminal presses keys. Here its parser is given one complete key or
sequence at a time; what it cannot read is dropped. Pastes never reach it: they are collected
here, end when the terminal forgets to end them, and are cleaned. Written for textual 8.2.
"""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Callable, Iterator

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.constants import ESCAPE_DELAY
from textual.events import Key, Paste, Resize
from textual.message import Message

from emotui.support.text import clean

LONGEST_PASTE = 4 << 20
"""Characters of a paste that are kept."""

FLOOD = 256
"""Characters without an escape, read at once, that are a paste and not typing: a terminal
without bracketed paste must not press every key of a pasted text. Enter at its end is a key."""

PASTE_IDLE_S = 1.5
"""How long an unfinished paste may be silent until it counts as finished."""

FLOOD_IDLE_S = 0.05
"""The same of a paste without marks, of which silence is the only end."""

_LARGEST_SIDE = 4096
_MARK = len(BRACKETED_PASTE_START) - 1

_TOKEN = re.compile(
    r"(?P<text>[^\x1b]+)"
    r"|(?P<sequence>\x1b\[M[^\x1b]{3}|\x1b\[\[[^\x1b]"  # the old mouse, the console
    r"|\x1b\[(?:[35-8]|2[34]?)\$(?![@-~])"  # rxvt
    r"|\x1b\[(?![M\[])[ -?]*[@-~]|\x1bO[^\x1b])"  # CSI, SS3
    r"|(?P<string>\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\))"  # OSC, DCS, SOS, PM, APC
    r"|(?P<start>\x1b(?:\[(?:M[^\x1b]{0,2}|\[|[ -?]*)|O|[\]PX^_][^\x07\x1b]*\x1b?)?\Z)"
    r"|(?P<broken>\x1b(?:\[[ -?]*|[\]PX^_][^\x07\x1b]*(?=\x1b)))"
    r"|\x1b(?P<alt>[^\x1b])"
    r"|(?P<escape>\x1b)",
    re.DOTALL,
)
"""What is typed, in complete pieces; `start` is the last piece when more of it may come."""


class TerminalInput:
    """The state between two reads: half a character, half a sequence, half a paste."""

    def __init__(self, *, debug: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self.debug = debug
        self.now = now
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._parser = XTermParser(debug)
        self._held = ""
        self._paste: list[str] | None = None
        self._flood: list[str] = []
        self._last_read = now()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the events in `data` and in what waited for it."""
        self._last_read = self.now()
        text = self._held + self._decoder.decode(data)
        self._held = ""
        while text:
            if self._paste is None:
                before, mark, text = text.partition(BRACKETED_PASTE_START)
                yield from self._typed(before, last=not mark)
                self._paste = [] if mark else None
            else:
                text, ended = self._collect(text)
                if ended:
                    yield from self._end_paste()

    def tick(self) -> Iterator[Message]:
        """Yield the events that only the passing of time makes: a lone Escape, a paste's end."""
        silent_s = self.now() - self._last_read
        if self._paste is not None:
            if silent_s >= PASTE_IDLE_S:
                yield from self._end_paste()
        elif self._flood and silent_s >= FLOOD_IDLE_S:
            yield from self._end_flood()
        elif self._held and silent_s >= ESCAPE_DELAY:
            held, self._held = self._held, ""
            if held == "\x1b":
                yield Key("escape", held)
            elif len(held) == 2:
                yield from self._alt(held[1])

    @property
    def is_waiting(self) -> bool:
        """Whether time will make an event, so that `tick` should be called soon."""
        return bool(self._held or self._flood)

    def _collect(self, text: str) -> tuple[str, bool]:
        """Keep a part of a paste; return what follows it, and whether it ended."""
        assert self._paste is not None
        part, mark, rest = text.partition(BRACKETED_PASTE_END)
        if not mark:
            part, self._held = part[:-_MARK], part[-_MARK:]  # perhaps the first half of the mark
        if sum(map(len, self._paste)) < LONGEST_PASTE:
            self._paste.append(part)
        return rest, bool(mark)

    def _end_paste(self) -> Iterator[Message]:
        text = "".join([*(self._paste or ()), self._held])[:LONGEST_PASTE]
        self._paste = None
        self._held = ""
        yield Paste(clean_paste(text))

    def _typed(self, text: str, *, last: bool) -> Iterator[Message]:
        """Yield the events of `text`, which is the `last` that was read."""
        for token in _TOKEN.finditer(text):
            kind, piece = token.lastgroup, token[token.lastgroup or 0]
            if kind == "text" and (self._flood or len(piece) >= FLOOD):
                self._flood.append(piece)
                continue
            if self._flood:
                yield from self._end_flood()
            if kind == "start" and last:
                self._held = piece
            elif kind in ("text", "sequence"):
                yield from self._parsed(piece)
            elif kind == "alt":
                yield from self._alt(piece)
            elif kind == "escape":
                yield Key("escape", piece)

    def _end_flood(self) -> Iterator[Message]:
        text = "".join(self._flood)[:LONGEST_PASTE]
        self._flood = []
        body = text.removesuffix("\r")
        yield Paste(clean_paste(body))
        if body != text:
            yield Key("enter", "\r")

    def _parsed(self, piece: str) -> Iterator[Message]:
        known = False
        try:
            for event in self._parser.feed(piece):
                if isinstance(event, Resize) and not _is_believable(event):
                    break
                known = True
                yield event
        except Exception:  # noqa: BLE001 (numbers too large, sizes of nothing: of many kinds)
            known = False
        if not known:
            self._forget(piece)

    def _forget(self, piece: str) -> None:
        """Drop what the parser holds of a sequence that it does not know."""
        former, self._parser = self._parser, XTermParser(self.debug)
        if "t" not in piece:  # the size that it counts the mouse's pixels in was not believed
            self._parser.mouse_pixels = former.mouse_pixels
            self._parser.terminal_size = former.terminal_size
            self._parser.terminal_pixel_size = former.terminal_pixel_size

    def _alt(self, character: str) -> Iterator[Message]:
        if character in "\r\n":
            yield Key("alt+enter", None)  # Textual's table forgets the modifier of this one
            return
        keys = list(self._parser._sequence_to_key_events("\x1b" + character))
        yield from keys or self._parser._sequence_to_key_events(character, alt=True)


def clean_paste(text: str) -> str:
    """Return a pasted text without terminal controls; its lines end with newlines."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "\t".join(clean(part) for part in lines.split("\t"))


def _is_believable(event: Resize) -> bool:
    width, height = event.size
    pixels = event.pixel_size
    return (
        0 < width <= _LARGEST_SIDE
        and 0 < height <= _LARGEST_SIDE
        and (pixels is None or (pixels.width > 0 and pixels.height > 0))
    )
