"""What a check or a rule answers: a finding with its status, evidence, reason and remedy.

Checks of the machine and rules about a workspace speak in findings; the faces only draw them.
Every sentence is a `Message`, so a finding follows a switch of language after it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from emotui.support.language import N_, Message, message


class Status(Enum):
    """How a finding stands; the value is what scripts read."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"

    @property
    def label(self) -> Message:
        """The word that people read."""
        return Message(_LABELS[self])

    @property
    def rank(self) -> int:
        """The order in which people want to see findings: 0 is the most urgent."""
        return _RANKS[self]


_LABELS = {
    Status.OK: N_("ok"),
    Status.WARNING: N_("warning"),
    Status.FAILURE: N_("failure"),
    Status.UNKNOWN: N_("unknown"),
}
_RANKS = {Status.FAILURE: 0, Status.WARNING: 1, Status.UNKNOWN: 2, Status.OK: 3}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about a finding."""

    text: Message
    command: tuple[str, ...] | None = None
    """The exact command that does it, as an argv list; None when there is no such command."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check or rule."""

    id: str
    """A stable dotted name for scripts: `driver.present`."""
    title: Message
    status: Status
    evidence: Message
    """What was seen."""
    why: Message
    """Why it matters."""
    remedy: Remedy | None = None

    def to_json(self) -> dict[str, object]:
        """Return the finding as the document that `--json` prints, in the active language."""
        remedy = self.remedy or Remedy(message("Nothing to do."))
        return {
            "id": self.id,
            "title": str(self.title),
            "status": self.status.value,
            "evidence": str(self.evidence),
            "why": str(self.why),
            "remedy": {
                "text": str(remedy.text),
                "command": None if remedy.command is None else list(remedy.command),
            },
        }


def has_failure(findings: Iterable[Finding]) -> bool:
    """Say whether any finding is a failure."""
    return any(finding.status is Status.FAILURE for finding in findings)
