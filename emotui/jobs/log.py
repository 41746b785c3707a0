"""Read a job's log, which the command wrote byte by byte and nobody touches.

Two readers, one meaning. `LogIndex` jumps to any line of a log of any size and keeps two numbers
for each 64 KiB of it; `LogReader` goes through it once, forwards, and follows its growth. For
both, lines end at `\\n`; of a line that was redrawn with `\\r` the last drawing counts; invalid
UTF-8 becomes U+FFFD; terminal controls go; an immense line is cut and says by how much. What a
line is depends on the bytes of the file alone, never on the pieces in which they arrived.
"""

from __future__ import annotations

import os
import re
from array import array
from bisect import bisect_left
from collections import OrderedDict
from pathlib import Path

from emotui.support.language import _
from emotui.support.text import clean

MAX_CHARS = 4096
"""How much of a line is shown."""

_MAX_BYTES = 4 * MAX_CHARS
_BLOCK = 1 << 16
_KEPT_BLOCKS = 16
_NEWLINE = re.compile(b"\n")


def shown(head: bytes, length: int) -> str:
    """Return what a person sees of `length` bytes that begin with `head`.

    `head` holds all of them, or at least 16 KiB, in which 4096 characters fit for sure.
    """
    if length == len(head) and length <= MAX_CHARS:
        return clean(head.decode("utf-8", "replace"))
    # Escaped surrogates let us count how many bytes the characters that are shown stand for.
    kept = head.decode("utf-8", "surrogateescape")[:MAX_CHARS].encode("utf-8", "surrogateescape")
    text = clean(kept.decode("utf-8", "replace"))
    rest = length - len(kept)
    return text + _(" … [{count} bytes more]").format(count=rest) if rest else text


class LineSplitter:
    """Turns bytes, in pieces of any size, into lines; keeps at most 16 KiB of a line."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._length = 0
        self._returned = False  # the next byte overwrites the line from its beginning

    def feed(self, data: bytes) -> list[str]:
        """Take the next piece; return the lines that it ended."""
        *ended, rest = data.split(b"\n")
        lines = []
        for part in ended:
            self._extend(part)
            lines.append(self.open_line)
            self._head, self._length, self._returned = bytearray(), 0, False
        self._extend(rest)
        return lines

    @property
    def open_line(self) -> str:
        """What the line that has not ended yet shows now."""
        return shown(bytes(self._head), self._length)

    def _extend(self, part: bytes) -> None:
        body = part.rstrip(b"\r")
        if body:
            begin = body.rfind(b"\r") + 1
            if begin or self._returned:
                self._head, self._length = bytearray(), 0
            self._length += len(body) - begin
            room = _MAX_BYTES - len(self._head)
            if room > 0:
                self._head += body[begin : begin + room]
            self._returned = False
        self._returned = self._returned or len(body) < len(part)


class LogReader:
    """Goes through a log once, from `offset` on, and on as it grows."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self._splitter = LineSplitter()

    def read(self, limit_bytes: int = 1 << 20) -> list[str] | None:
        """Return the lines that end in the next bytes; None when there are no new bytes."""
        try:
            with self.path.open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size < self.offset:
                    self.offset, self._splitter = 0, LineSplitter()
                data = os.pread(file.fileno(), limit_bytes, self.offset)
        except FileNotFoundError:
            return None
        if not data:
            return None
        self.offset += len(data)
        return self._splitter.feed(data)

    @property
    def open_line(self) -> str:
        """What the line that has not ended yet shows now; empty when there is none."""
        return self._splitter.open_line


class LogIndex:
    """Finds any line of a log, which may be growing, without holding its text."""

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.start = start
        """Where the first line begins; an index of a tail begins behind a newline."""
        self._clear()

    def _clear(self) -> None:
        self._end = self.start
        self._newlines = array("Q", [0])  # how many there are before each block
        self._returns = array("q", [-1])  # where the last \r of each block is
        self._total = 0
        self._last_is_newline = True
        self._breaks: OrderedDict[tuple[int, int], list[int]] = OrderedDict()

    def __len__(self) -> int:
        return self._total + (not self._last_is_newline)

    @property
    def size_bytes(self) -> int:
        """How much of the file is taken in, counted from the file's beginning."""
        return self._end

    def extend(self, limit_bytes: int = 8 << 20) -> bool:
        """Take in what has been appended; True while there is more."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            size = os.fstat(descriptor).st_size
            if size < self._end:
                self.start = 0
                self._clear()
            until = min(size, self._end + limit_bytes)
            while self._end < until:
                room = _BLOCK - (self._end - self.start) % _BLOCK
                data = os.pread(descriptor, min(room, until - self._end), self._end)
                if not data:
                    break
                self._take(data)
            return self._end < size
        finally:
            os.close(descriptor)

    def _take(self, data: bytes) -> None:
        last_return = data.rfind(b"\r")
        if last_return >= 0:
            self._returns[-1] = self._end + last_return
        self._total += data.count(b"\n")
        self._end += len(data)
        self._last_is_newline = data.endswith(b"\n")
        if (self._end - self.start) % _BLOCK == 0:
            self._newlines.append(self._total)
            self._returns.append(-1)

    def line(self, number: int) -> str:
        """Return a line, counted from 0; empty where there is none."""
        if not 0 <= number < len(self):
            return ""
        end = self._begin(number + 1) - 1 if number < self._total else self._end
        begin = self._begin(number)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self._text(descriptor, begin, end)
        finally:
            os.close(descriptor)

    def _begin(self, number: int) -> int:
        """Return where a line begins: behind the newline with that number."""
        if number == 0:
            return self.start
        block = bisect_left(self._newlines, number) - 1
        within = self._breaks_in(block)[number - self._newlines[block] - 1]
        return self.start + block * _BLOCK + within + 1

    def _breaks_in(self, block: int) -> list[int]:
        begin = self.start + block * _BLOCK
        key = (block, min(self._end - begin, _BLOCK))
        breaks = self._breaks.pop(key, None)
        if breaks is None:
            with self.path.open("rb", buffering=0) as file:
                data = os.pread(file.fileno(), key[1], begin)
            breaks = [found.start() for found in _NEWLINE.finditer(data)]
        self._breaks[key] = breaks
        while len(self._breaks) > _KEPT_BLOCKS:
            self._breaks.popitem(last=False)
        return breaks

    def _text(self, descriptor: int, begin: int, end: int) -> str:
        while end > begin:
            piece = os.pread(descriptor, min(_BLOCK, end - begin), max(begin, end - _BLOCK))
            body = piece.rstrip(b"\r")
            end -= len(piece) - len(body)
            if body or not piece:
                break
        else:
            return ""
        found = body.rfind(b"\r")
        if found >= 0:
            begin = end - len(body) + found + 1
        elif end - len(body) > begin:
            begin = self._last_return(descriptor, begin, end - len(body)) + 1
        head = os.pread(descriptor, min(end - begin, _MAX_BYTES), begin)
        return shown(head, end - begin)

    def _last_return(self, descriptor: int, begin: int, end: int) -> int:
        r"""Return where the last \r in a long stretch is, `begin - 1` when there is none."""
        block = (end - 1 - self.start) // _BLOCK
        edge = max(begin, self.start + block * _BLOCK)
        found = os.pread(descriptor, end - edge, edge).rfind(b"\r")
        if found >= 0:
            return edge + found
        for earlier in range(block - 1, (begin - self.start) // _BLOCK - 1, -1):
            if self._returns[earlier] >= begin:
                return self._returns[earlier]
        return begin - 1


def tail_offset(path: Path, lines: int) -> int:
    """Return where the last `lines` lines of a file begin, reading backwards from its end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        offset = os.fstat(descriptor).st_size
        if lines <= 0 or offset == 0:
            return offset
        # The newline at the very end closes the last line; it does not begin another.
        offset -= os.pread(descriptor, 1, offset - 1) == b"\n"
        while offset > 0:
            begin = max(0, offset - _BLOCK)
            data = os.pread(descriptor, offset - begin, begin)
            count = data.count(b"\n")
            if count >= lines:
                place = len(data)
                for _number in range(lines):
                    place = data.rfind(b"\n", 0, place)
                return begin + place + 1
            lines -= count
            offset = begin
        return 0
    finally:
        os.close(descriptor)
