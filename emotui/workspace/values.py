"""From what a user writes to what stands in the file, and back from the file to a number.

A user may name a meaning (`int8`, `off`, `80%`); the digit is written at the edge, by version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from emotui.support.errors import UsageError
from emotui.support.language import Message, message
from emotui.workspace.era import Era
from emotui.workspace.key import Key, Kind

_LARGEST = 2**31 - 1
"""The engine keeps integers in 32 bits."""


def read_integer(value: str) -> int | None:
    """Return the integer that LMDeploy reads from `value` (`4.0` is 4), None when it fails."""
    try:
        return int(value)
    except ValueError:
        number = read_number(value)
        return int(number) if number is not None and number == int(number) else None


def read_number(value: str) -> float | None:
    """Return the finite number that `value` writes, None when it writes none."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True}
_BOOLEANS |= {"false": False, "0": False, "no": False, "off": False}


def read_boolean(value: str) -> bool | None:
    """Return the truth value that `value` writes, None when it writes none."""
    return _BOOLEANS.get(value.strip().lower())


def integers(values: Mapping[str, str]) -> dict[str, int]:
    """Return the values that are integers."""
    return {
        key: number for key, value in values.items() if (number := read_integer(value)) is not None
    }


def is_readable(key: Key, value: str) -> bool:
    """Say whether LMDeploy can read `value` as the kind that `key` has."""
    if key.kind in (Kind.INTEGER, Kind.SWITCH):
        return read_integer(value) is not None
    if key.kind is Kind.NUMBER:
        return read_number(value) is not None
    return key.kind is Kind.TEXT or read_boolean(value) is not None


def written_form(key: Key, text: str, era: Era) -> str:
    """Return what `text` means for `key`, as these versions of LMDeploy must read it.

    Raises `UsageError` when it is not allowed, or when it depends on the version and the
    versions of `era` differ.
    """
    wanted = text.strip()
    if key.choices:
        return _choice(key, wanted, era)
    if key.kind is Kind.TEXT:
        return wanted
    number = _number(key, wanted)
    _check_range(key, number, wanted)
    return wanted if not wanted.endswith("%") else f"{number:g}"


def describe_choices(key: Key, era: Era) -> str:
    """Return the values that may be written, for a sentence: `fp16 (0), int8 (4)`."""
    return ", ".join(
        f"{choice.names[0]} ({choice.value})" if choice.names else choice.value
        for choice in key.choices_in(era)
    )


def range_of(key: Key, era: Era) -> Message:
    """Return what may be written for `key`, as one phrase."""
    if key.choices:
        return message("one of {choices}", choices=describe_choices(key, era))
    if key.kind is Kind.TEXT:
        return message("text")
    whole = key.kind is Kind.INTEGER
    if key.minimum is None:
        return message("a whole number") if whole else message("a number")
    if whole:
        return message("a whole number, {minimum} or more", minimum=f"{key.minimum:g}")
    return message("a number, {minimum} or more", minimum=f"{key.minimum:g}")


def _choice(key: Key, wanted: str, era: Era) -> str:
    name = wanted.lower()
    fitting = [each for each in key.choices if name in (each.value.lower(), *each.names)]
    sure = [each for each in fitting if era.within((each.span,))]
    if sure:
        return sure[0].value
    possible = [each for each in fitting if era.within((each.span,)) is None]
    if any(wanted == each.value for each in possible):
        return wanted  # the user wrote what shall stand there, not what it shall mean
    if possible:
        raise UsageError(
            "{key}: {value} is written differently by different versions of LMDeploy, and this "
            "file could be of {versions}. Name the version that will read it (--lmdeploy).",
            key=key.name,
            value=wanted,
            versions=era.label,
        )
    raise UsageError(
        "{key} cannot be {value} for LMDeploy {versions}; it takes: {choices}.",
        key=key.name,
        value=wanted,
        versions=era.label,
        choices=describe_choices(key, era),
    )


def _number(key: Key, wanted: str) -> float:
    number: float | None
    if key.kind is Kind.INTEGER:
        try:
            number = int(wanted)
        except ValueError:
            number = None
    elif key.name == "cache_max_entry_count" and wanted.endswith("%"):
        number = read_number(wanted[:-1])
        number = None if number is None else number / 100
    else:
        number = read_number(wanted)
    if number is None or "_" in wanted:
        raise UsageError(
            "{key} must be {range}; {value} is not.",
            key=key.name,
            range=message("a whole number") if key.kind is Kind.INTEGER else message("a number"),
            value=wanted or '""',
        )
    return number


def _check_range(key: Key, number: float, wanted: str) -> None:
    if key.minimum is not None and number < key.minimum:
        raise UsageError(
            "{key} must be {minimum} or more; {value} is less.",
            key=key.name,
            minimum=f"{key.minimum:g}",
            value=wanted,
        )
    if number > _LARGEST:
        raise UsageError(
            "{key} must be {maximum} or less; {value} is more.",
            key=key.name,
            maximum=_LARGEST,
            value=wanted,
        )
