"""Themes: TOML files, ours and the user's, checked before Textual sees them.

    name = "emo-dark"
    dark = true
    [colors]        primary secondary accent foreground background surface panel
                    success warning error boost: "#rrggbb" or a colour name
    [variables]     Textual's theme variables: colours and text styles

Textual accepts nonsense and dies at the next style update, so a file is checked whole here;
what is wrong is reported with file and key, and the other themes are not touched by it.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.css.constants import VALID_STYLE_FLAGS
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
_AUTO = re.compile(r"auto( \d{1,2}%)?")
_ALPHA = re.compile(r" \d{1,2}%\Z")


@dataclass(frozen=True, slots=True)
class ThemeError(Exception):
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
            theme = _read_or_tell(path, problems)
            if theme is not None:
                themes[theme.name] = theme
    return themes, problems


def _read_or_tell(path: Path, problems: list[Message]) -> Theme | None:
    try:
        return read_theme(path)
    except ThemeError as error:
        problems.append(error.message)
        return None


def read_theme(path: Path) -> Theme:
    """Return the theme in `path`; raises `ThemeError` naming file and key."""
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(
            message("Theme file {path} cannot be read: {error}", path=path, error=error)
        ) from error
    name = document.pop("name", path.stem)
    if not isinstance(name, str) or not _NAME.match(name):
        raise _wrong(path, "name", name, "a-z 0-9 - _")
    dark = document.pop("dark", True)
    if not isinstance(dark, bool):
        raise _wrong(path, "dark", dark, "true, false")
    colours = _colours(path, document.pop("colors", {}))
    variables = document.pop("variables", {})
    for key in document:
        raise _wrong(path, key, document[key], "name, dark, [colors], [variables]")
    if "primary" not in colours:
        raise _wrong(path, "colors.primary", None, "#rrggbb")
    theme = Theme(name=name, dark=dark, **colours)  # type: ignore[arg-type]
    try:
        theme.variables = _variables(path, variables, theme.to_color_system().generate())
        theme.to_color_system().generate()
    except ThemeError:
        raise
    except Exception as error:
        # Textual's builder raises many kinds.
        raise ThemeError(
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


def _variables(path: Path, table: object, known: Mapping[str, str]) -> dict[str, str]:
    """Check each variable by the kind of the `known` one of its name: a colour or a text style.

    Textual puts them into its style sheets as they are, and dies of what cannot stand there.
    """
    if not isinstance(table, Mapping):
        raise _wrong(path, "variables", table, "[variables]")
    for key, value in table.items():
        name = f"variables.{key}"
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3) or ["footer-key-foreground", "border"]
            raise _wrong(path, name, value, ", ".join(near))
        if "-style" in key:
            if not (isinstance(value, str) and _is_style(value)):
                raise _wrong(path, name, value, "bold, italic, underline, reverse, dim, none")
        elif not (isinstance(value, str) and _is_colour(value)):
            raise _wrong(path, name, value, "#rrggbb, #rrggbb 50%, auto 87%")
    return dict(table)


def _is_style(value: str) -> bool:
    words = value.split()
    return bool(words) and set(words) <= VALID_STYLE_FLAGS


def _is_colour(value: str) -> bool:
    if _AUTO.fullmatch(value):
        return True
    try:
        Color.parse(_ALPHA.sub("", value))
    except ColorParseError:
        return False
    return True


def _wrong(path: Path, key: str, value: object, allowed: str) -> ThemeError:
    return ThemeError(
        message(
            "Theme file {path}: {key} is {value}, but must be: {allowed}",
            path=path,
            key=key,
            value=repr(value),
            allowed=allowed,
        )
    )
