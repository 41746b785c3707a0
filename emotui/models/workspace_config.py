"""The values of a workspace's configuration: `config.ini` (to 0.5.3) or `config.yaml` (0.6 on).

Only what describes the model is read, and leniently; editing belongs to the workspace package.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

from emotui.models.reading import count, read_bytes
from emotui.support.errors import BrokenFileError
from emotui.support.text import clean_line

INI = "config.ini"
YAML = "config.yaml"
_LIMIT = 1 << 20
_SIGN = "num_layer"
"""The key that every workspace's configuration has."""


def read_values(path: Path) -> Mapping[str, str] | None:
    """Return the values of a workspace's configuration by key, None when it is something else.

    Raises `BrokenFileError` when the file cannot be read.
    """
    text = read_bytes(path, _LIMIT).decode("utf-8-sig", "replace")
    values = _from_yaml(text) if path.name == YAML else _from_ini(path, text)
    return values if _SIGN in values else None


def whole(values: Mapping[str, str], *keys: str) -> int | None:
    """Return the first of the keys that holds a positive whole number."""
    for key in keys:
        try:
            value = count(int(values.get(key, "")))
        except ValueError:
            continue
        if value is not None:
            return value
    return None


def text(values: Mapping[str, str], *keys: str) -> str | None:
    """Return the first of the keys that holds text."""
    for key in keys:
        value = values.get(key, "").strip()
        if value and value.lower() not in {"none", "null"}:
            return clean_line(value[:200])
    return None


def _from_ini(path: Path, content: str) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(content)
    except configparser.Error as error:
        raise BrokenFileError(
            "{path} cannot be read: {reason}", path=path, reason=error.message
        ) from error
    for section in parser.sections():
        if _SIGN in parser[section]:
            return dict(parser[section])
    return {}


def _from_yaml(content: str) -> dict[str, str]:
    """Return the scalars one level below the top, which is all that the file has of interest.

    The file is what PyYAML's `safe_dump` wrote of two levels of mappings, so lines are enough;
    lists and deeper levels are passed over.
    """
    values: dict[str, str] = {}
    level = 0
    for line in content.splitlines():
        stripped = line.strip()
        indent = len(line) - len(line.lstrip(" "))
        key, colon, value = stripped.partition(":")
        if not colon or stripped.startswith(("#", "-")):
            continue
        if indent == 0:
            level = 0
        elif level == 0 or indent == level:
            level = indent
            values.setdefault(key.strip(), value.split(" #")[0].strip().strip("'\""))
    return values
