"""Text from outside (models, logs, file names, exceptions), made safe to show.

Textual 8.2 removes BEL, BS, VT, FF and CR from content but lets ESC, NUL, the C1 range and
the bidirectional overrides through to the terminal. `clean` is the gate that such text passes
on entry. It ends character by character, so a sequence cut in two by a chunk border cannot
slip through; the worst that is left over is a visible "[31m".
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC
    r"|[PX^_][^\x1b]*\x1b\\"  # DCS, SOS, PM, APC
    r"|[ -/]*[0-~])"  # two-byte escapes
    r"|\x9b[0-?]*[ -/]*[@-~]"  # 8-bit CSI
)
_BIDI = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_TABLE: dict[int, str | None] = dict.fromkeys(
    (*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
)
_TABLE |= dict.fromkeys((*_BIDI, *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}")
_TABLE[ord("\t")] = "    "
CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""A character that acts on a terminal instead of being shown, tab and newline among them."""


def clean(text: str) -> str:
    """Return `text` without terminal controls; newlines stay, tabs become four spaces."""
    if not CONTROL.search(text):
        return text
    return _SEQUENCE.sub("", text).translate(_TABLE)


def clean_line(text: str) -> str:
    """Return `text` cleaned and on one line, for names, titles and table cells."""
    return clean(text).replace("\n", " ")


def last_overwrite(line: str) -> str:
    """Return what a terminal would show of a line that is redrawn with carriage returns."""
    return line.rstrip("\r\n").rsplit("\r", 1)[-1]


def cell_width(text: str) -> int:
    """Return how many terminal cells `text` takes: East Asian wide and full-width count two."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def pad(text: str, width: int) -> str:
    """Return `text` with spaces appended until it is `width` cells wide."""
    return text + " " * max(0, width - cell_width(text))


_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(size_bytes: float) -> str:
    """Return a size in binary units with three significant digits: `15.5 GiB`."""
    size = float(size_bytes)
    for unit in _UNITS:
        if abs(size) < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    if unit == "B":
        return f"{int(size)} B"
    digits = 2 if abs(size) < 10 else 1 if abs(size) < 100 else 0
    return f"{size:.{digits}f} {unit}"


def format_duration(seconds: float) -> str:
    """Return a duration as `4.2 s`, `3 min 05 s` or `2 h 07 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def format_count(number: int) -> str:
    """Return a large number with three significant digits, as models are named: `7.74B`."""
    value = float(number)
    for unit in ("", "K", "M", "B", "T"):
        if abs(value) < 999.5 or unit == "T":
            break
        value /= 1000
    if unit == "":
        return str(number)
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f}{unit}"
