"""Themes: TOML files, ours and the user's, checked before Textual sees them.

    name = "emo-dark"
    dark = true
    [colors]        primary secondary accent foreground background surface panel
                    success warning error boost: "#rrggbb" or a colour name
    [variables]     Textual's theme variables, as texts

Textual accepts nonsense and dies at the next style update, so a file is checked whole here;
what is wrong is reported with file and key, and the other themes are not touched by it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import Theme

from emotui.support.language import Message, message

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_THEME = "emo-dark"

COLOURS = (
    "primary",
    "secondary",
    "accent",
    "foreground",
    "background",
    "surface",
    "panel",
    "success",
    "warning",
    "error",
    "boost",
)
_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,63}$")
_VARIABLE = re.compile(r"^[a-z][a-z0-9-]*$")
_VARIABLE_VALUE = re.compile(r"^[#\w .,%()-]+$")


@dataclass(frozen=True, slots=True)
class ThemeProblem(Exception):
    """Why a theme file is not usable."""

    message: Message


def shipped_themes() -> Path:
    """Return the folder of our own themes, in the wheel or in the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "themes"
    return inside if inside.is_dir() else package.parent / "themes"


def load_themes(folders: Iterable[Path]) -> tuple[dict[str, Theme], list[Message]]:
    """Read every theme of `folders`, later ones replacing earlier ones of the same name.

    Returns the usable themes by name, and what was wrong with the others.
    """
    themes: dict[str, Theme] = {}
    problems: list[Message] = []
    for folder in folders:
        for path in sorted(folder.glob("*.toml")):
            try:
                theme = read_theme(path)
            except ThemeProblem as problem:
                problems.append(problem.message)
            else:
                themes[theme.name] = theme
    return themes, problems


def read_theme(path: Path) -> Theme:
    """Return the theme in `path`; raises `ThemeProblem` naming file and key."""
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeProblem(
            message("Theme file {path} cannot be read: {error}", path=path, error=error)
        ) from error
    name = document.pop("name", path.stem)
    if not isinstance(name, str) or not _NAME.match(name):
        raise _wrong(path, "name", name, "a-z 0-9 - _")
    dark = document.pop("dark", True)
    if not isinstance(dark, bool):
        raise _wrong(path, "dark", dark, "true, false")
    colours = _colours(path, document.pop("colors", {}))
    variables = _variables(path, document.pop("variables", {}))
    for key in document:
        raise _wrong(path, key, document[key], "name, dark, [colors], [variables]")
    if "primary" not in colours:
        raise _wrong(path, "colors.primary", None, "#rrggbb")
    theme = Theme(name=name, dark=dark, variables=variables, **colours)  # type: ignore[arg-type]
    try:
        theme.to_color_system().generate()
    except Exception as error:  # noqa: BLE001 (Textual's builder raises many kinds)
        raise ThemeProblem(
            message("Theme file {path} cannot be used: {error}", path=path, error=error)
        ) from error
    return theme


def _colours(path: Path, table: object) -> dict[str, str]:
    if not isinstance(table, Mapping):
        raise _wrong(path, "colors", table, "[colors]")
    for key, value in table.items():
        if key not in COLOURS:
            raise _wrong(path, f"colors.{key}", value, ", ".join(COLOURS))
        try:
            Color.parse(value)
        except (ColorParseError, TypeError, AttributeError) as error:
            raise _wrong(path, f"colors.{key}", value, "#rrggbb") from error
    return dict(table)


def _variables(path: Path, table: object) -> dict[str, str]:
    if not isinstance(table, Mapping):
        raise _wrong(path, "variables", table, "[variables]")
    for key, value in table.items():
        usable = isinstance(value, str) and _VARIABLE_VALUE.match(value)
        if not (_VARIABLE.match(key) and usable):
            raise _wrong(path, f"variables.{key}", value, "# a-z 0-9 . , % ( ) -")
    return dict(table)


def _wrong(path: Path, key: str, value: object, allowed: str) -> ThemeProblem:
    return ThemeProblem(
        message(
            "Theme file {path}: {key} is {value}, but must be: {allowed}",
            path=path,
            key=key,
            value=repr(value),
            allowed=allowed,
        )
    )
