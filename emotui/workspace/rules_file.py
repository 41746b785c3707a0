"""Rules about the file as such: what both of LMDeploy's readers make of its bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.ini import MAX_LINE_BYTES, SECTION
from emotui.workspace.schema import Kind, keys
from emotui.workspace.subject import Subject

_COMMENT = re.compile(r"(?:^|\s);")
"""Where the C++ reader begins a comment; for a number ConfigParser has failed before."""


def readable(subject: Subject) -> Iterator[Finding]:
    """The file is an INI file with the section that TurboMind reads."""
    if SECTION not in subject.document.sections:
        yield Finding(
            "config.file.section",
            message("The file has the section [{section}]", section=SECTION),
            Status.FAILURE,
            message(
                "Its sections are: {sections}.",
                sections=", ".join(subject.document.sections) or "-",
            ),
            message("TurboMind reads that section only, for every family of models."),
            Remedy(message("Convert the model again.")),
        )
        return
    yield Finding(
        "config.file.readable",
        message("The file can be read"),
        Status.OK,
        message(
            "{count} keys in [{section}], as LMDeploy {versions} writes them.",
            count=len(subject.values),
            section=SECTION,
            versions=subject.writer.label,
        ),
        message("LMDeploy loads a workspace only when it can read this file."),
    )


def byte_order_mark(subject: Subject) -> Iterator[Finding]:
    """ConfigParser takes a byte order mark for text before the first section."""
    if subject.document.has_bom:
        yield Finding(
            "config.file.bom",
            message("No byte order mark"),
            Status.FAILURE,
            message("The file begins with the three bytes of a byte order mark."),
            message("LMDeploy's parser reads them as text before the section and stops."),
            Remedy(message("Save the file as UTF-8 without a byte order mark in an editor.")),
        )


def regenerated(subject: Subject) -> Iterator[Finding]:
    """LMDeploy writes the values anew for the C++ engine, which must be able to read them."""
    for key, value in subject.values.items():
        if key not in keys():
            continue
        line = f"{key} = {value}"
        size = len(line.encode("utf-8", "replace"))
        is_cut = keys()[key].kind is Kind.TEXT and _COMMENT.search(value)
        if size <= MAX_LINE_BYTES and "%" not in value and value.isprintable() and not is_cut:
            continue
        yield Finding(
            f"config.{key}.text",
            message("{key} reaches the engine", key=key),
            Status.FAILURE,
            message("{key} = {value} ({size} bytes)", key=key, value=value, size=size),
            message(
                "The engine reads lines of up to {limit} bytes without “%”, “;”, control "
                "characters or continuation lines; otherwise it fails or sees something else.",
                limit=MAX_LINE_BYTES,
            ),
            Remedy(message("Write a short value on one line.")),
        )


def other_sections(subject: Subject) -> Iterator[Finding]:
    """Keys outside the section are not seen."""
    ours = keys()
    lost = sorted(
        f"[{section}] {key}"
        for section, values in subject.document.sections.items()
        if section != SECTION
        for key in values
        if key in ours
    )
    if lost:
        yield Finding(
            "config.file.other-sections",
            message("Settings stand in the section that is read"),
            Status.WARNING,
            message("Elsewhere: {keys}.", keys=", ".join(lost)),
            message("TurboMind reads [{section}] only; these have no effect.", section=SECTION),
            Remedy(message("Move them into [{section}] in an editor.", section=SECTION)),
        )


FILE_RULES = (readable, byte_order_mark, regenerated, other_sections)
