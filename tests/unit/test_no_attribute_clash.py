"""No widget, screen or app of ours reuses a name that Textual keeps for itself.

`self._closing = True` in a widget makes the whole app hang at exit: the name belongs to the
message pump. Textual has hundreds of private names and gives no warning, so they are read off
its classes and off live instances.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget

import emotui

APP = Path(emotui.__file__).resolve().parent / "app"

OFFERED = {
    # Public attributes that Textual invites us to set.
    "animation_level",
    "auto_refresh",
    "border_subtitle",
    "border_title",
    "can_focus",
    "disabled",
    "display",
    "highlight",
    "loading",
    "max_lines",
    "sub_title",
    "theme",
    "title",
    "tooltip",
    "virtual_size",
}
MEANT = {
    ("app.py", "DEFAULT_MODE"),  # the first screen, instead of an empty one
}


@pytest.fixture(scope="module")
def taken() -> set[str]:
    names: set[str] = set()
    for one in (Widget(), Screen(), App()):
        names |= set(vars(one)) | set(dir(type(one)))
    return names - OFFERED


def assigned(path: Path) -> list[tuple[str, int]]:
    """What the classes of Textual's kind in a file assign to themselves."""
    module = importlib.import_module(
        ".".join(path.relative_to(APP.parent.parent).with_suffix("").parts)
    )
    found = []
    for kind in ast.parse(path.read_text("utf-8")).body:
        if isinstance(kind, ast.ClassDef) and issubclass(getattr(module, kind.name), MessagePump):
            found += list(assigned_in(kind))
    return found


def assigned_in(kind: ast.ClassDef) -> Iterator[tuple[str, int]]:
    for node in ast.walk(kind):
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        else:
            continue
        for target in targets:
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            ):
                yield target.attr, target.lineno


def test_the_app_is_looked_at() -> None:
    assert assigned(APP / "app.py")


@pytest.mark.parametrize("path", sorted(APP.rglob("*.py")), ids=lambda path: path.stem)
def test_names_are_free(path: Path, taken: set[str]) -> None:
    clashes = [
        f"{path.name}:{line} self.{name}"
        for name, line in assigned(path)
        if name in taken and (path.name, name) not in MEANT
    ]

    assert not clashes, "names that belong to Textual: " + ", ".join(clashes)
