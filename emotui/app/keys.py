"""Keys as keyboards name them, and which keys are worth telling a person about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import ActiveBinding

_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "full_stop": ".",
    "comma": ",",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "delete": "Del",
    "insert": "Ins",
}


def key_name(key: str) -> str:
    """Return a key as keyboards name it: `Ctrl+P`, `F1`, `Shift+Tab`, `?`."""
    *modifiers, last = key.split("+")
    if modifiers:
        name = _NAMES.get(last, last.upper() if len(last) == 1 else last.capitalize())
        return "+".join([*(modifier.capitalize() for modifier in modifiers), name])
    if len(last) == 1:
        return last
    return _NAMES.get(last, last.capitalize())


def own_bindings(bindings: Iterable[ActiveBinding]) -> Iterator[ActiveBinding]:
    """Yield the bindings of EmoTUI, which have an id and say what they do; the screen's first.

    Those that Textual's widgets bring along speak English and are what anybody would try.
    """
    own = [
        active
        for active in bindings
        if active.binding.id and active.binding.description and active.enabled
    ]
    yield from sorted(own, key=_rank)


def _rank(active: ActiveBinding) -> tuple[int, bool]:
    name = active.binding.id or ""
    groups = ("", "go.", "app.", "app.quit")
    group = max(rank for rank, start in enumerate(groups) if name.startswith(start))
    return group, active.binding.priority


def key_table(bindings: Iterable[ActiveBinding]) -> Iterator[tuple[str, str]]:
    """Yield (keys, description), one row an action."""
    rows: dict[str, tuple[list[str], str]] = {}
    for active in own_bindings(bindings):
        binding = active.binding
        keys, _description = rows.setdefault(binding.action, ([], binding.description))
        keys.append(key_name(binding.key))
    for keys, description in rows.values():
        yield "  ".join(keys), description
