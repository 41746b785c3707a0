"""Is this machine fit for a task? GPUs, installations and findings in one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emotui.environment.checks import CHECKS
from emotui.environment.runner import Check, run_checks
from emotui.environment.subject import Once, Subject, Target
from emotui.gpu.sample import Gpu, GpuReading
from emotui.lmdeploy.installation import Installation
from emotui.models.folder import inspect
from emotui.operations.services import Services
from emotui.support.errors import NotFoundError
from emotui.support.finding import Finding, Remedy, Status, has_failure
from emotui.support.language import message

DRIVER_WAIT_S = 15.0
"""An idle driver without persistence mode wakes eight GPUs in ten seconds."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    target: Target
    findings: tuple[Finding, ...]
    reading: GpuReading
    installations: tuple[Installation, ...]
    """Those with LMDeploy, and the one that is meant."""
    chosen: Installation | None
    """The one that is meant, None when there is none."""

    @property
    def ok(self) -> bool:
        """No finding is a failure."""
        return not has_failure(self.findings)

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        """The GPUs as they were read."""
        return self.reading.gpus

    @property
    def by_urgency(self) -> list[Finding]:
        """The findings, the most urgent ones first."""
        return sorted(self.findings, key=lambda finding: finding.status.rank)

    def to_json(self) -> dict[str, object]:
        """Return the document that `--json` prints."""
        return {
            "ok": self.ok,
            "target": self.target.value,
            "driver": self.reading.driver,
            "cuda": self.reading.cuda_text,
            "findings": [finding.to_json() for finding in self.findings],
            "gpus": [gpu.to_json() for gpu in self.gpus],
            "installations": [
                {
                    "python": str(each.python),
                    "lmdeploy": each.lmdeploy,
                    "packages": dict(each.packages),
                    "python_version": each.python_version,
                    "source": each.source,
                    "chosen": self.chosen is not None and each.python == self.chosen.python,
                }
                for each in self.installations
            ],
        }


def run(
    services: Services,
    target: Target = Target.CHAT,
    model: Path | None = None,
    python: Path | None = None,
    seen: Callable[[Report], None] | None = None,
) -> Report:
    """Check whether this machine is fit for `target`, with `model` when one is named.

    `python` names the interpreter whose LMDeploy is meant. Takes from a moment to half a
    minute: use a worker, and `seen` to be told in that thread what was found so far. Never
    raises for what it finds; that is what findings are for.
    """
    reading = Once(lambda: services.gpus.read(DRIVER_WAIT_S))
    listed: Once[Sequence[Installation]] = Once(services.installations.list)
    named = python is not None or services.settings.text("lmdeploy.python") is not None

    def find() -> Installation:
        if not named:
            listed()  # so that no interpreter is asked twice at once
        return services.installations.get(python)

    installation = Once(find)
    subject = Subject(
        target=target,
        reading=reading,
        installation=installation,
        output=Path.cwd() if model is None else model.absolute().parent,
        model=None if model is None else Once(lambda: inspect(model.absolute())),
        environ=services.environ,
    )

    def report(findings: Sequence[Finding]) -> Report:
        chosen = installation.peek()
        return Report(
            target=target,
            findings=tuple(findings),
            reading=reading.peek() or services.gpus.read(0),
            installations=_with(chosen, listed.peek() or ()),
            chosen=chosen,
        )

    checks = [*CHECKS, _interpreters(services, listed)]
    return report(
        run_checks(checks, subject, None if seen is None else lambda found: seen(report(found)))
    )


def read_gpus(services: Services, wait_s: float = 0.5) -> GpuReading:
    """Return what the GPUs do now; waits for the driver for `wait_s` seconds at most."""
    return services.gpus.read(wait_s)


def choose(services: Services, python: Path) -> Installation:
    """Use the LMDeploy of this interpreter from now on, where no other is named.

    Returns it. Raises `NotFoundError` when it has no LMDeploy or is no interpreter, and what
    writing the settings raises. Asks the interpreter: use a worker.
    """
    installation = services.installations.get(python)
    if installation.lmdeploy is None:
        raise NotFoundError("{python} has no LMDeploy.", python=installation.python)
    services.settings.set("lmdeploy.python", str(installation.python))
    return installation


def _interpreters(services: Services, listed: Once[Sequence[Installation]]) -> Check:
    """Report the interpreters that the settings name and that do not answer."""
    title = message("Interpreters of the settings")

    def check(_subject: Subject) -> list[Finding]:
        listed()
        return [
            Finding(
                "lmdeploy.interpreters",
                title,
                Status.WARNING,
                problem,
                message("An interpreter that does not answer is not offered."),
                Remedy(
                    message(
                        "Correct lmdeploy.interpreters in {file}.",
                        file=services.paths.settings_file,
                    )
                ),
            )
            for problem in services.installations.problems
        ]

    return Check("lmdeploy.interpreters", title, check)


def _with(chosen: Installation | None, listed: Sequence[Installation]) -> tuple[Installation, ...]:
    if chosen is None or any(each.python == chosen.python for each in listed):
        return tuple(listed)
    return (chosen, *listed)
