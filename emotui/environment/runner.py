"""Runs checks side by side, each within its own time.

A check that hangs becomes an unknown finding and holds no other; its thread is a daemon, so it
does not hold the end of the process either. A check that fails in a way that it did not
foresee becomes unknown as well, with the error as evidence.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from emotui.environment.subject import Subject
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message

STEP_S = 0.3
"""Seconds between two tellings of what was found so far."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the machine."""

    id: str
    """The id of its finding, and of the unknown one when it does not answer."""
    title: Message
    run: Callable[[Subject], list[Finding]]
    limit_s: float = 25.0


@dataclass(slots=True)
class _Run:
    check: Check
    done: threading.Event = field(default_factory=threading.Event)
    findings: list[Finding] = field(default_factory=list)


def run_checks(
    checks: Sequence[Check],
    subject: Subject,
    seen: Callable[[list[Finding]], None] | None = None,
) -> list[Finding]:
    """Return the findings of all checks, in the order of `checks`.

    While some have not answered, `seen` is told now and then what the others found.
    """
    runs = [_Run(check) for check in checks]
    started = time.monotonic()
    for each in runs:
        threading.Thread(target=_run, args=(each, subject), name=each.check.id, daemon=True).start()
    answered = 0
    while waiting := [run for run in runs if _left_s(run, started) > 0]:
        waiting[0].done.wait(min(STEP_S, _left_s(waiting[0], started)))
        done = sum(run.done.is_set() for run in runs)
        if seen is not None and answered < done < len(runs):
            answered = done
            seen([finding for run in runs if run.done.is_set() for finding in run.findings])
    found: list[Finding] = []
    for run in runs:
        found += run.findings if run.done.is_set() else [_silent(run.check)]
    return found


def _left_s(run: _Run, started: float) -> float:
    """Return the seconds that are still worth waiting for this check."""
    if run.done.is_set():
        return 0.0
    return started + run.check.limit_s - time.monotonic()


def _run(run: _Run, subject: Subject) -> None:
    try:
        run.findings = run.check.run(subject)
    except Exception as error:  # noqa: BLE001 (one check's fault must not cost the others)
        run.findings = [_broken(run.check, error)]
    finally:
        run.done.set()


def _silent(check: Check) -> Finding:
    return Finding(
        check.id,
        check.title,
        Status.UNKNOWN,
        message("No answer within {seconds} s.", seconds=f"{check.limit_s:g}"),
        message("What was asked hangs: often a driver in trouble or a folder on a dead network."),
        Remedy(message("Check again; if it still hangs, look at the system's log.")),
    )


def _broken(check: Check, error: Exception) -> Finding:
    return Finding(
        check.id,
        check.title,
        Status.UNKNOWN,
        message("The check itself failed: {error}.", error=f"{type(error).__name__}: {error}"),
        message("Nothing is known about this part of the machine."),
        Remedy(message("Please report it with the text above.")),
    )
