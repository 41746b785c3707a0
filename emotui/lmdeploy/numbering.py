"""Version numbers, ordered as Python's packages order them."""

from __future__ import annotations

import re
from functools import total_ordering

_FORM = re.compile(
    r"\s*v?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>a|alpha|b|beta|c|rc|pre|preview)[-_.]?(?P<pre_number>\d*))?"
    r"(?:[-_.]?post[-_.]?(?P<post>\d*))?"
    r"(?:[-_.]?dev[-_.]?(?P<dev>\d*))?"
    r"(?:\+[a-z0-9._-]*)?\s*",
    re.IGNORECASE,
)
_PRE_ORDER = {"a": 0, "alpha": 0, "b": 1, "beta": 1}

Key = tuple[tuple[int, ...], int, int, int]


@total_ordering
class Version:
    """A version such as `0.2.4`, `0.2.4+HEAD`, `0.14.0a1` or `0.10.0.post1`.

    What follows a `+` (a build) does not take part in comparisons, and `0.9` equals `0.9.0`.
    Raises `ValueError` for text that is no version; `Version.parse` answers None instead.
    """

    __slots__ = ("_key", "_written", "text")

    def __init__(self, text: str) -> None:
        match = _FORM.fullmatch(text)
        if match is None:
            raise ValueError(text)
        self.text = text.strip()
        self._written = tuple(int(part) for part in match["release"].split("."))
        self._key = _key(match)

    @classmethod
    def parse(cls, text: str | None) -> Version | None:
        """Return the version that `text` writes, None when it writes none."""
        try:
            return cls(text) if text else None
        except ValueError:
            return None

    @property
    def release(self) -> tuple[int, ...]:
        """The numbers, without trailing zeros: `(0, 2, 4)`."""
        return self._key[0]

    def starts_with(self, prefix: Version) -> bool:
        """Say whether this is `prefix` or one of its patches: 2.1.2 starts with 2.1 and 2."""
        wanted = prefix._written
        return (self._written + (0,) * len(wanted))[: len(wanted)] == wanted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"


def _key(match: re.Match[str]) -> Key:
    """Return what orders versions: release, then dev < a < b < rc < final < post."""
    release = [int(part) for part in match["release"].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre = match["pre"]
    dev = match["dev"]
    if pre is not None:
        stage, number = _PRE_ORDER.get(pre.lower(), 2), int(match["pre_number"] or 0)
    elif match["post"] is not None:
        stage, number = 4, int(match["post"] or 0)
    elif dev is not None:
        stage, number = -1, 0
    else:
        stage, number = 3, 0
    return tuple(release), stage, number, -1 if dev is not None else 0
