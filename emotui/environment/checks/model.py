"""Is the model folder that was named whole?"""

from __future__ import annotations

from emotui.environment.subject import Subject
from emotui.models.folder import ModelFolder, ModelKind
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


def check_folder(subject: Subject) -> list[Finding]:
    """See what the folder is and what it lacks; without a model there is nothing to say."""
    if subject.model is None:
        return []
    try:
        model = subject.model()
    except EmotuiError as error:
        return [_finding(Status.FAILURE, error.message)]
    evidence = message(
        "{path}: {kind}, {size}.",
        path=model.path,
        kind=Message(_KINDS[model.kind]),
        size=format_bytes(model.size_bytes),
    )
    if model.problems:
        return [_finding(Status.FAILURE, problem, model) for problem in model.problems]
    if model.warnings:
        return [_finding(Status.WARNING, warning, model) for warning in model.warnings]
    return [_finding(Status.OK, evidence)]


def _finding(status: Status, evidence: Message, model: ModelFolder | None = None) -> Finding:
    why = message("A folder that lacks a file fails late, after minutes of loading.")
    command = None if model is None else ("emotui", "models", "show", str(model.path))
    remedy = Remedy(message("Copy what is missing from where the model came from."), command)
    return Finding(
        "model.folder", TITLE, status, evidence, why, None if status is Status.OK else remedy
    )
