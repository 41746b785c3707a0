"""What a job is: what was asked (`JobSpec`), and what is known of it (`Job`).

Both are plain values. The store makes them from the files of the job's folder each time that
somebody asks, so two readers cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from types import MappingProxyType

from emotui.support.language import N_, Message
from emotui.support.shell import joined, quoted

DEFAULT_GRACE_S = 10.0
DEFAULT_LOG_LIMIT = 1 << 30


class JobState(str, Enum):
    """Where a job is in its life; the values are the words of `emotui jobs --json`."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    """It is over and nobody knows how; never a success."""

    def __str__(self) -> str:
        return self.value

    @property
    def is_final(self) -> bool:
        """Whether the job is over."""
        return self in _FINAL

    @property
    def label(self) -> Message:
        """The state as a word for a person."""
        return Message(_LABELS[self])


_FINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.LOST})
_LABELS = {
    JobState.QUEUED: N_("queued"),
    JobState.STARTING: N_("starting"),
    JobState.RUNNING: N_("running"),
    JobState.SUCCEEDED: N_("succeeded"),
    JobState.FAILED: N_("failed"),
    JobState.CANCELLED: N_("cancelled"),
    JobState.LOST: N_("lost"),
}


@dataclass(frozen=True, slots=True)
class Publish:
    """What becomes of a job's output when, and only when, its exit status is 0."""

    partial: Path
    """The folder that the job writes into."""
    destination: Path
    """The name that the folder gets when everything is there; both lie on one file system."""
    replace: bool = False
    """Whether an existing destination is put aside before and deleted after."""
    required: tuple[str, ...] = ()
    """Glob patterns, relative to `partial`; each must match something."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What is asked: a command and where its output goes."""

    kind: str
    """What sort of work, such as `convert`; names the reader of its progress."""
    title: str
    """One line for a person."""
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    """What differs from the environment of whoever submits; None takes a variable away."""
    publish: Publish | None = None
    grace_s: float = DEFAULT_GRACE_S
    """How long the processes may take to end politely after a stop was asked for."""
    log_limit_bytes: int = DEFAULT_LOG_LIMIT
    """Disk that the log may take; beyond it the middle is given back to the disk."""

    @property
    def command(self) -> str:
        """The command as one could type it into a shell."""
        return joined(self.argv)

    @property
    def environment(self) -> str:
        """The changes to the environment, as one could type them behind `env`."""
        gone = [f"-u {quoted(name)}" for name, value in self.env.items() if value is None]
        given = [f"{n}={quoted(v)}" for n, v in self.env.items() if v is not None]
        return " ".join([*gone, *given])


@dataclass(frozen=True, slots=True)
class Job:
    """What is known of a job at one moment."""

    id: str
    spec: JobSpec
    state: JobState
    created: datetime
    log_path: Path
    started: datetime | None = None
    """When its command was started; None before, and when that is not known."""
    ended: datetime | None = None
    """When it was over; None before, and when that is not known."""
    seconds: float | None = None
    """How long it took, by a clock that nobody sets; None before the end or when unknown."""
    exit_status: int | None = None
    """The exit status of its command; None when it has none (yet) or nobody knows it."""
    signal: int | None = None
    """The signal that ended its command, if one did."""
    reason: Message | None = None
    """Why it is in this state, and where what it wrote can be found, where that needs saying."""
    leftovers: tuple[int, ...] = ()
    """Processes that it started and that were still there when its command had ended."""
    damage: Message | None = None
    """What of its record cannot be read; the other fields hold what could be."""

    def elapsed_s(self, now: datetime) -> float | None:
        """Return the seconds that it has run or that it took; None when that is not known."""
        if self.seconds is not None:
            return self.seconds
        if self.started is None or (self.state.is_final and self.ended is None):
            return None
        return max(0.0, ((self.ended or now) - self.started).total_seconds())
