"""What is impossible or hazardous in a `config.ini`, as findings.

A rule is a function from a `Subject` to findings. The rules stand in families: the file as
such (`rules_file`), single values (`rules_values`), what goes together (`rules_engine`), and
the weight files beside it (`rules_weights`). The id of a finding is `config.KEY.WHAT`, so that
a face can show it at its key; `config.file.WHAT` and `config.weights.WHAT` are about the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from emotui.lmdeploy.versions import Features
from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message
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


Rule = Callable[[Subject], Iterable[Finding]]


def check_config(subject: Subject) -> list[Finding]:
    """Return every finding about a `config.ini`, the most urgent first."""
    # Imported here, because the rules are functions of this module's `Subject`.
    from emotui.workspace.rules_engine import ENGINE_RULES
    from emotui.workspace.rules_file import FILE_RULES
    from emotui.workspace.rules_values import VALUE_RULES
    from emotui.workspace.rules_weights import WEIGHT_RULES

    rules: tuple[Rule, ...] = (*FILE_RULES, *VALUE_RULES, *ENGINE_RULES, *WEIGHT_RULES)
    found = [finding for rule in rules for finding in rule(subject)]
    return sorted(found, key=lambda finding: finding.status.rank)


def unreadable(path: Path, error: EmotuiError) -> Finding:
    """Return the finding for a file that LMDeploy could not read at all."""
    return Finding(
        "config.file.readable",
        message("The file can be read"),
        Status.FAILURE,
        error.message,
        message("LMDeploy stops with an error when it loads this workspace."),
        Remedy(message("Correct {path} in an editor.", path=path)),
    )


def about(finding: Finding) -> str:
    """Return the key that a finding is about; `file` and `weights` are no keys."""
    parts = finding.id.split(".")
    return parts[1] if parts[0] == "config" and len(parts) > 2 else ""
