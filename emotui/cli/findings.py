"""Findings as text: for people in aligned columns, for reports in Markdown."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence

import click

from emotui.support.finding import Finding, Status
from emotui.support.language import _
from emotui.support.shell import joined
from emotui.support.text import cell_width, clean, clean_line, pad

_COLOURS = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.FAILURE: "red",
    Status.UNKNOWN: "bright_black",
}
_PIECES = re.compile(
    r"\s*(?:[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\uffef]|[!-\u10ff\u1200-\u2e7f]+)"
)
"""What a line may be broken between: Chinese anywhere, other words at their spaces."""
_NARROW = 24
"""Cells that a column of sentences needs; with fewer left, they stand below the title."""
_NEVER_FIRST = "，。；：！？、）》”’"


def use_colour() -> bool:
    """Say whether standard output is a terminal that wants colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def line_width() -> int | None:
    """Return the cells of a line on the terminal, None where nothing should be broken."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_findings(findings: Sequence[Finding]) -> None:
    """Print status, title and evidence of each finding; below it why and what to do."""
    if not findings:
        return
    words = {status: str(status.label) for status in Status}
    first = max(map(cell_width, words.values()))
    second = max(cell_width(str(finding.title)) for finding in findings)
    indent, width = first + second + 4, line_width()
    narrow = width is not None and width - indent < _NARROW
    if narrow:
        indent, second = 2, 0
    for finding in findings:
        word = pad(words[finding.status], first)
        if use_colour():
            word = click.style(word, fg=_COLOURS[finding.status], bold=True)
        room = None if width is None else max(width - indent, _NARROW)
        head = f"{word}  {pad(clean_line(str(finding.title)), second)}"
        lines = wrap(str(finding.evidence), room)
        if narrow:
            click.echo(head)
        else:
            click.echo(f"{head}  {lines.pop(0)}")
        for line in (*lines, *_advice(finding, room)):
            click.echo(" " * indent + line)


def _advice(finding: Finding, width: int | None) -> Iterable[str]:
    if finding.status is Status.OK:
        return
    yield from wrap(str(finding.why), width)
    if finding.remedy is None:
        return
    yield from wrap(_("To do: {remedy}").format(remedy=finding.remedy.text), width)
    if finding.remedy.command is not None:
        yield "$ " + joined(finding.remedy.command)


def wrap(text: str, width: int | None) -> list[str]:
    """Return `text` in lines of at most `width` cells, Chinese counting two; None: one line."""
    text = clean_line(text)
    if width is None or cell_width(text) <= width:
        return [text]
    lines = [""]
    for piece in _PIECES.findall(text):
        # A full stop stays with what it ends, in the two cells that are kept for it.
        room = width if piece.strip() in _NEVER_FIRST else width - 2
        if lines[-1] and cell_width(lines[-1] + piece) > room:
            lines.append(piece.lstrip())
        else:
            lines[-1] += piece
    return lines


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return `rows` as lines whose columns are aligned by cells."""
    widths = [max(cell_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; what stands in the cells is only text."""
    lines = [head, ["---"] * len(head), *([_cell(text) for text in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", clean(text)).replace("\n", " ")
