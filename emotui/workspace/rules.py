"""What is impossible or hazardous in a `config.ini`, as findings.

A rule is a function from a `Subject` to findings. The rules stand in families: the file as
such (`rules_file`), single values (`rules_values`), what goes together (`rules_engine`), and
the weight files beside it (`rules_weights`). The id of a finding is `config.KEY.WHAT`, so that
a face can show it at its key; `config.file.WHAT` and `config.weights.WHAT` are about the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.rules_engine import ENGINE_RULES
from emotui.workspace.rules_file import FILE_RULES
from emotui.workspace.rules_values import VALUE_RULES
from emotui.workspace.rules_weights import WEIGHT_RULES
from emotui.workspace.subject import Subject

Rule = Callable[[Subject], Iterable[Finding]]

_RULES: tuple[Rule, ...] = (*FILE_RULES, *VALUE_RULES, *ENGINE_RULES, *WEIGHT_RULES)


def check_config(subject: Subject) -> list[Finding]:
    """Return every finding about a `config.ini`, the most urgent first."""
    found = [finding for rule in _RULES for finding in rule(subject)]
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
