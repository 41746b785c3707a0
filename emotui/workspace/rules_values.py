"""Rules about single values: can LMDeploy read them, are they allowed, are they used."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.schema import Key, Kind, keys
from emotui.workspace.subject import Subject
from emotui.workspace.values import describe_choices, is_readable, range_of, read_number

_COMMENT = re.compile(r"^(?P<value>.*?)\s+[;#]")


def readable_values(subject: Subject) -> Iterator[Finding]:
    """Every value is of its kind; a comment behind a value is part of it."""
    for key, value in _known(subject):
        if is_readable(key, value):
            continue
        comment = _COMMENT.match(value)
        yield Finding(
            f"config.{key.name}.kind",
            message("{key} can be read", key=key.name),
            Status.FAILURE,
            message("{key} = {value}", key=key.name, value=value or '""'),
            message(
                "LMDeploy takes a comment behind a value for a part of it, and stops with an error."
            )
            if comment
            else message(
                "It must be {range}; LMDeploy stops with an error.",
                range=range_of(key, subject.reader),
            ),
            subject.remedy(
                message("Take the comment away, or give it a line of its own."),
                f"{key.name}={comment['value']}",
            )
            if comment and is_readable(key, comment["value"])
            else Remedy(message("Set {key} to an allowed value.", key=key.name)),
        )


def allowed_values(subject: Subject) -> Iterator[Finding]:
    """Numbers lie in their range, choices are known to the version."""
    for key, value in _known(subject):
        number = read_number(value)
        if number is None or not is_readable(key, value):
            continue
        if key.minimum is not None and number < key.minimum:
            yield Finding(
                f"config.{key.name}.range",
                message("{key} is in its range", key=key.name),
                Status.FAILURE,
                message("{key} = {value}", key=key.name, value=value),
                message("It must be {range}.", range=range_of(key, subject.reader)),
                Remedy(message("Set {key} to an allowed value.", key=key.name)),
            )
        elif key.kind is Kind.SWITCH and number not in (0, 1):
            yield Finding(
                f"config.{key.name}.range",
                message("{key} is in its range", key=key.name),
                Status.WARNING,
                message("{key} = {value}", key=key.name, value=value),
                message("It is a switch: 0 is off, anything else is read as on."),
                subject.remedy(message("Write 1."), f"{key.name}=1"),
            )


def weight_type(subject: Subject) -> Iterator[Finding]:
    """The type of the weights is one that the engine has."""
    key = keys()["weight_type"]
    value = subject.values.get(key.name)
    known = {choice.value for choice in key.choices_in(subject.reader)}
    if value is not None and value not in known:
        yield Finding(
            "config.weight_type.choice",
            message("The engine knows the type of the weights"),
            Status.FAILURE,
            message("weight_type = {value}", value=value or '""'),
            message(
                "LMDeploy {versions} knows: {choices}. It stops on any other.",
                versions=subject.reader.label,
                choices=describe_choices(key, subject.reader),
            ),
            Remedy(message("Convert the model again.")),
        )


def unknown_keys(subject: Subject) -> Iterator[Finding]:
    """A key that no version knows has no effect, and nothing says so."""
    for name in subject.values:
        if name in keys():
            continue
        near = difflib.get_close_matches(name, keys(), n=1)
        yield Finding(
            f"config.{name}.unknown",
            message("{key} is a known key", key=name),
            Status.WARNING,
            message("No version of LMDeploy that reads config.ini knows {key}.", key=name),
            message("LMDeploy ignores unknown keys without a word."),
            Remedy(message("Did you mean {near}?", near=near[0]))
            if near
            else Remedy(
                message("Remove it if nothing of yours reads it."),
                ("emotui", "config", "unset", str(subject.path), name),
            ),
        )


def unread_keys(subject: Subject) -> Iterator[Finding]:
    """A key of other versions has no effect on the one that reads the file."""
    for key, _value in _known(subject):
        if subject.reader.within(key.written) is False:
            yield Finding(
                f"config.{key.name}.unread",
                message("{key} is read", key=key.name),
                Status.WARNING,
                message(
                    "LMDeploy {versions} does not write {key}.",
                    versions=subject.reader.label,
                    key=key.name,
                ),
                message("A version that does not know a key ignores it without a word."),
                Remedy(message("Do not rely on it with this version.")),
            )


def required_keys(subject: Subject) -> Iterator[Finding]:
    """Without the shape of the model the engine does not start."""
    for key in keys().values():
        if key.name in subject.values or not key.required:
            continue
        needed = subject.reader.within(key.required)
        if needed is not False and subject.values:
            yield Finding(
                f"config.{key.name}.missing",
                message("{key} is there", key=key.name),
                Status.FAILURE if needed else Status.WARNING,
                message("The file has no {key}.", key=key.name),
                message("The engine ends with an error when the shape of the model is incomplete."),
                Remedy(message("Put it back (emotui config undo), or convert the model again.")),
            )


def _known(subject: Subject) -> Iterator[tuple[Key, str]]:
    for name, value in subject.values.items():
        if name in keys():
            yield keys()[name], value


VALUE_RULES = (
    readable_values,
    allowed_values,
    weight_type,
    unknown_keys,
    unread_keys,
    required_keys,
)
