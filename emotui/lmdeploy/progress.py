"""What LMDeploy's output says about how far a command has come.

A reader is fed pieces of a log, with the carriage returns that redraw a bar, and answers with a
`Progress` that never runs backwards. The lines were taken from real runs; what is not
recognised changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from emotui.support.language import Message, message
from emotui.support.text import clean_line


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a command has come."""

    phase: Message
    """What it does now."""
    fraction: float | None = None
    """Between 0 and 1; None while there is nothing to measure."""
    detail: str = ""
    """What is counted, in any language: `3/32`."""


class ProgressReader(Protocol):
    """Reads a command's log as it grows."""

    @property
    def progress(self) -> Progress:
        """How far the command has come, by what was fed."""

    def feed(self, text: str) -> None:
        """Take the next piece of the log: a line or a chunk, with its `\\r` and `\\n`.

        A piece may begin or end anywhere; what is cut in two counts for nothing.
        """


def progress_of(kind: str) -> ProgressReader:
    """Return a new reader for a job of `kind`; an unknown kind gets one that measures nothing."""
    return ConvertProgress() if kind == "convert" else NoProgress()


class NoProgress:
    """The reader of a command whose output is not known."""

    progress = Progress(message("Running"))

    def feed(self, text: str) -> None:
        """Take a piece of the log, and learn nothing."""


_BREAK = re.compile(r"[\r\n]+")
_BAR = re.compile(r"Convert to turbomind format: +\d+%\|[^|]*\| (\d+)/(\d+) \[")
_PIECE = re.compile(r"(?:\*\*\* splitting|### copying) layers\.(\d+)\.\S+, shape=")
_SETTINGS = re.compile(
    r"(?:model_name|model_format|inferred_model_format|input_model_registered_name) *[: ]"
)
_PIECES = 8
"""The most pieces that one layer is written in (4-bit weights; plain ones take 5)."""


class ConvertProgress:
    """The reader of `lmdeploy convert`: the bar counts layers, and each layer names its pieces."""

    def __init__(self) -> None:
        self._phase = message("Starting LMDeploy")
        self._done = 0
        self._total: int | None = None
        self._layer = -1
        self._pieces = 0
        self._fraction: float | None = None

    @property
    def progress(self) -> Progress:
        """How far the conversion has come."""
        detail = "" if self._total is None else f"{self._done}/{self._total}"
        return Progress(self._phase, self._fraction, clean_line(detail))

    def feed(self, text: str) -> None:
        """Take the next piece of the log."""
        for record in _BREAK.split(text):
            if record:
                self._take(record)

    def _take(self, record: str) -> None:
        if bar := _BAR.search(record):
            self._total = int(bar[2])
            self._done = max(self._done, min(int(bar[1]), self._total))
        elif piece := _PIECE.match(record):
            layer = int(piece[1])
            self._pieces = self._pieces + 1 if layer == self._layer else 1
            self._layer = layer
            self._done = max(self._done, layer)
        elif self._total is None and record.startswith("create workspace in directory"):
            self._phase = message("Preparing the workspace")
        elif self._total is None and _SETTINGS.match(record):
            self._phase = message("Reading the model")
        self._measure()

    def _measure(self) -> None:
        if not self._total:
            return
        within = min(self._pieces, _PIECES - 1) / _PIECES if self._layer >= self._done else 0.0
        fraction = min(1.0, (self._done + within) / self._total)
        self._fraction = max(self._fraction or 0.0, fraction)
        done = self._done >= self._total
        self._phase = message("Finishing the workspace") if done else message("Writing the layers")
