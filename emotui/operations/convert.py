"""Convert a model to TurboMind's format, as a job.

`plan` looks at everything before anything is started and answers with the exact command and
with findings; `start` hands the command to a job. `convert` itself deletes its destination
first, so it is never given one that matters: it writes `<destination>.partial`, and the job
gives that its name only when the conversion ended well and the workspace is whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from emotui.jobs.control import submit
from emotui.jobs.job import Job, JobSpec, Publish
from emotui.lmdeploy.commands import Value, convert_argv
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions
from emotui.models.folder import ModelFolder, ModelKind, inspect
from emotui.operations.convert_checks import check_conversion
from emotui.operations.convert_place import (
    check_place,
    default_destination,
    partial_of,
    place_of,
)
from emotui.operations.convert_values import complete_values
from emotui.operations.installations import command_options
from emotui.operations.services import Services
from emotui.support.errors import NotFoundError, RefusedError, UsageError
from emotui.support.files import make_private_folder
from emotui.support.finding import Finding, Status, has_failure
from emotui.support.language import Message, message
from emotui.support.shell import joined

REQUIRED = ("norm*.weight", "output*.weight", "tok_embeddings*.weight")
"""What TurboMind cannot start without; a conversion that ended early lacks some of them."""
WEIGHTS = "triton_models/weights"


@dataclass(frozen=True, slots=True)
class ConvertRequest:
    """What a person asks for; None means "decide for me"."""

    model: Path
    destination: Path | None = None
    model_name: str | None = None
    model_format: str | None = None
    group_size: int | None = None
    tp: int | None = None
    tokenizer_path: Path | None = None
    extra: Mapping[str, Value] = field(default_factory=dict)
    """Further options of that version, by `dest`."""
    replace: bool = False
    """Whether an existing workspace may be replaced once the new one is whole."""
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class ConvertPlan:
    """What would be done, and what speaks against it."""

    request: ConvertRequest
    installation: Installation
    model: ModelFolder
    values: Mapping[str, Value]
    """Every value of the command by `dest`, defaults chosen."""
    spec: JobSpec
    destination: Path
    partial: Path
    findings: Sequence[Finding]
    """Preflight checks; a failure can be overruled by force."""
    refusals: Sequence[Finding]
    """What no force overrules: it would lose something."""

    @property
    def argv(self) -> tuple[str, ...]:
        """The exact command of the conversion."""
        return self.spec.argv

    @property
    def problem(self) -> Finding | None:
        """The first thing that keeps it from starting without force."""
        failures = [finding for finding in self.findings if finding.status is Status.FAILURE]
        return next(iter([*self.refusals, *failures]), None)

    def commands(self, environ: Mapping[str, str]) -> list[str]:
        """Return the exact commands, shell-quoted, one a line: convert, then the renaming.

        Variables that the job sets differently from `environ` stand before the command.
        """
        changed = self.changed_variables(environ)
        prefix = ["env", *changed] if changed else []
        return [joined([*prefix, *self.argv]), *map(joined, self.moves())]

    def changed_variables(self, environ: Mapping[str, str]) -> list[str]:
        """Return what the job sets differently from `environ`, each as NAME=VALUE."""
        return [
            f"{name}={value}"
            for name, value in self.spec.env.items()
            if value is not None and environ.get(name) != value
        ]

    def moves(self) -> list[list[str]]:
        """Return what follows a conversion that ended well."""
        aside = self.destination.parent / f"{self.destination.name}.replaced"
        moves = [["mv", str(self.partial), str(self.destination)]]
        if self.request.replace and os.path.lexists(self.destination):
            moves.insert(0, ["mv", str(self.destination), str(aside)])
            moves.append(["rm", "-r", str(aside)])
        return moves


def plan(services: Services, request: ConvertRequest) -> ConvertPlan:
    """Look at the model, the installation and the destination; nothing is changed.

    May start the installation's interpreter: call it in a worker. Raises `NotFoundError` when
    the model or LMDeploy is absent, `RefusedError` when this version cannot convert,
    `UsageError` for values that are not allowed, and `BrokenFileError`.
    """
    installation = services.installations.get(request.python)
    refuse_without_convert(services, installation)
    options = command_options(services, installation, "convert")
    return plan_with(services, request, installation, options, inspect(request.model))


def plan_with(
    services: Services,
    request: ConvertRequest,
    installation: Installation,
    options: CommandOptions,
    model: ModelFolder,
) -> ConvertPlan:
    """Plan with an installation and a model that are known already: fast enough for each key."""
    if model.kind is ModelKind.WORKSPACE:
        raise UsageError(
            "{model} is a TurboMind workspace already. Convert the Hugging Face model that it "
            "was made from.",
            model=model.path,
        )
    destination = place_of(request.destination or default_destination(model))
    partial = partial_of(destination)
    values = complete_values(_asked(request), installation, options, model)
    values |= {"model_path": str(model.path), "dst_path": str(partial)}
    spec = JobSpec(
        kind="convert",
        title=f"{model.name} -> {destination.name}",
        argv=tuple(convert_argv(installation, options, values)),
        cwd=services.paths.state,
        env=_environment(services, installation),
        publish=Publish(partial, destination, request.replace, _required(installation)),
    )
    jobs = services.jobs.list()
    return ConvertPlan(
        request=request,
        installation=installation,
        model=model,
        values=values,
        spec=spec,
        destination=destination,
        partial=partial,
        findings=check_conversion(services, installation, options, model, values, destination),
        refusals=check_place(services, model, destination, replace=request.replace, jobs=jobs),
    )


def start(services: Services, plan: ConvertPlan, *, force: bool = False) -> Job:
    """Start the planned conversion as a job; raises `RefusedError` when a check says no.

    `force` goes on where a preflight check says no, but never where something would be lost.
    The destination is looked at once more, since time has passed.
    """
    with services.jobs.alone():  # so that no two begin to write one destination
        refusals = check_place(
            services,
            plan.model,
            plan.destination,
            replace=plan.request.replace,
            jobs=services.jobs.list(),
        )
        plan = replace(plan, refusals=refusals)
        problem = plan.problem
        if problem is not None and (refusals or not force):
            raise RefusedError("{evidence} {why}", evidence=problem.evidence, why=problem.why)
        make_private_folder(plan.spec.cwd)
        return submit(services.jobs, plan.spec, services.environ)


def can_start(plan: ConvertPlan, *, force: bool = False) -> bool:
    """Say whether `start` would start."""
    return not plan.refusals and (force or not has_failure(plan.findings))


def as_sentence(finding: Finding) -> Message:
    """Return a finding as running text: what was seen, why it matters, what to do."""
    if finding.remedy is None:
        return message("{evidence} {why}", evidence=finding.evidence, why=finding.why)
    return message(
        "{evidence} {why} {remedy}",
        evidence=finding.evidence,
        why=finding.why,
        remedy=finding.remedy.text,
    )


def _asked(request: ConvertRequest) -> dict[str, Value]:
    named: dict[str, Value] = {
        "model_name": request.model_name,
        "model_format": request.model_format,
        "group_size": request.group_size,
        "tp": request.tp,
        "tokenizer_path": request.tokenizer_path,
    }
    asked = {**request.extra, **{dest: v for dest, v in named.items() if v is not None}}
    return {dest: value for dest, value in asked.items() if value is not None and value != ""}


def _environment(services: Services, installation: Installation) -> dict[str, str | None]:
    delta = installation.environment(services.environ)
    # Jobs do not inherit PYTHONPATH anyway.
    return {name: value for name, value in delta.items() if value is not None}


def _required(installation: Installation) -> tuple[str, ...]:
    features = installation.features
    name = "yaml" if features is not None and features.workspace_config == "yaml" else "ini"
    return tuple(f"{WEIGHTS}/{file}" for file in (f"config.{name}", *REQUIRED))


def refuse_without_convert(services: Services, installation: Installation) -> None:
    """Raise when this version cannot convert, saying what to do instead."""
    if installation.lmdeploy is None:
        raise NotFoundError(
            "{python} has no LMDeploy. Install it there, or choose another installation with "
            "--python or in the settings.",
            python=installation.python,
        )
    features = installation.features
    if features is None or features.has_convert:
        return
    others = [
        other
        for other in services.installations.list()
        if other.features is not None and other.features.has_convert
    ]
    if others:
        raise RefusedError(
            "LMDeploy {version} has no `convert`: from 0.10 on it loads the model folder itself, "
            "so chat with it directly. For a workspace, use LMDeploy {other}: --python {python}",
            version=installation.lmdeploy,
            other=others[0].lmdeploy,
            python=others[0].python,
        )
    raise RefusedError(
        "LMDeploy {version} has no `convert`: from 0.10 on it loads the model folder itself, so "
        "chat with it directly. For a workspace, install LMDeploy 0.2.4 in an environment of its "
        "own.",
        version=installation.lmdeploy,
    )
