"""Commands as one can type them into a shell: what is printed does what would be done."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from emotui.support.text import CONTROL

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'", "\\": "\\\\"}


def quoted(text: str) -> str:
    """Return `text` as one word of a shell.

    Characters that act on a terminal, and bytes that are no UTF-8, are written as escapes
    ($'…', which bash, zsh and ksh read): such a word is safe to show and still means the file.
    """
    if not CONTROL.search(text):
        return shlex.quote(text)
    return "$'" + "".join(map(_escaped, text)) + "'"


def joined(words: Iterable[str]) -> str:
    """Return a command in one line."""
    return " ".join(map(quoted, words))


def _escaped(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if not CONTROL.match(char):
        return char
    content = char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "replace")
    return "".join(f"\\x{byte:02x}" for byte in content)
