"""Is the model folder that was named whole?"""

from __future__ import annotations

from emotui.environment.subject import Subject
from emotui.models.folder import ModelKind
from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import N_, Message, message
from emotui.support.text import format_bytes

TITLE = message("Model folder")

_KINDS = {
    ModelKind.HF: N_("Hugging Face checkpoint"),
    ModelKind.AWQ: N_("AWQ checkpoint"),
    ModelKind.WORKSPACE: N_("TurboMind workspace"),
}

_WHY = message("A folder that lacks a file fails late, after minutes of loading.")
_WHY_ODD = message("It works, but it can surprise later.")
_NAME = N_("Name the folder of a model: emotui models list shows those that were found.")
_COPY = N_("Copy what is missing from where the model came from.")


def check_folder(subject: Subject) -> list[Finding]:
    """See what the folder is and what it lacks; without a model there is nothing to say."""
    if subject.model is None:
        return []
    try:
        model = subject.model()
    except EmotuiError as error:
        return [_finding(Status.FAILURE, error.message, _WHY, Remedy(message(_NAME)))]
    show = ("emotui", "models", "show", str(model.path))
    if model.problems:
        remedy = Remedy(message(_COPY), show)
        return [_finding(Status.FAILURE, each, _WHY, remedy) for each in model.problems]
    if model.warnings:
        remedy = Remedy(message("See what the folder holds, and decide."), show)
        return [_finding(Status.WARNING, each, _WHY_ODD, remedy) for each in model.warnings]
    evidence = message(
        "{path}: {kind}, {size}.",
        path=model.path,
        kind=Message(_KINDS[model.kind]),
        size=format_bytes(model.size_bytes),
    )
    return [_finding(Status.OK, evidence, _WHY)]


def _finding(
    status: Status, evidence: Message, why: Message, remedy: Remedy | None = None
) -> Finding:
    return Finding("model.folder", TITLE, status, evidence, why, remedy)
