"""What the rules look at: a `config.ini`, its versions, and the weight files beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emotui.lmdeploy.versions import Features
from emotui.support.finding import Remedy, Status
from emotui.support.language import Message
from emotui.workspace.era import Era
from emotui.workspace.ini import IniDocument
from emotui.workspace.values import integers, read_number
from emotui.workspace.weights import WeightFiles


@dataclass(frozen=True)
class Subject:
    """A `config.ini` and what is known around it."""

    document: IniDocument
    reader: Era
    """The versions that will read it."""
    writer: Era
    """The versions that would write it."""
    weights: WeightFiles | None
    """The weight files beside it; None when there are none."""

    @property
    def path(self) -> Path:
        """The file."""
        return self.document.path

    @property
    def workspace(self) -> Path:
        """The workspace's folder, or the file's where it lies in none."""
        inside = self.path.parts[-3:-1] == ("triton_models", "weights")
        return self.path.parents[2] if inside else self.path.parent

    @property
    def values(self) -> Mapping[str, str]:
        """The keys of `[llama]`."""
        return self.document.values

    @cached_property
    def integers(self) -> Mapping[str, int]:
        """The values that are whole numbers."""
        return integers(self.values)

    def number(self, key: str) -> float | None:
        """Return the value of `key` as a number, None when it is none or absent."""
        return read_number(self.values.get(key, ""))

    def severity(self, question: Callable[[Features], object]) -> Status | None:
        """Return how bad it is when only versions that answer yes fail; None: none of them."""
        if self.reader.all(question):
            return Status.FAILURE
        return Status.WARNING if self.reader.any(question) else None

    def set_command(self, *assignments: str) -> tuple[str, ...]:
        """Return the command that sets keys of this file."""
        return ("emotui", "config", "set", str(self.path), *assignments)

    def remedy(self, text: Message, *assignments: str) -> Remedy:
        """Return a remedy that sets keys of this file."""
        return Remedy(text, self.set_command(*assignments))
