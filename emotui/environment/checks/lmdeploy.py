"""Is there an LMDeploy, and can this version do the task with this model?"""

from __future__ import annotations

from emotui.environment.checks.common import LMDEPLOY_FIRST, NO_LMDEPLOY
from emotui.environment.subject import Subject, Target
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.requirements import python_range
from emotui.lmdeploy.versions import Features
from emotui.models.folder import ModelFolder, ModelKind
from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import N_, Message, message

VERSION_TITLE = message("LMDeploy")
INTERNLM2_TITLE = message("InternLM2 support")
TASK_TITLE = message("Version and task")
PYTHON_TITLE = message("Python")

_WHY_VERSION = message(
    "LMDeploy does the work. Its versions differ in commands, files and the meaning of settings."
)
_NAME_IT = N_(
    "Name an interpreter or environment that has LMDeploy (emotui check --python PATH), or "
    "install one: version 0.2.4 converts to workspaces, a new one runs Hugging Face folders."
)


def check_version(subject: Subject) -> list[Finding]:
    """See whether there is an installation of LMDeploy."""
    try:
        found = subject.installation()
    except EmotuiError as error:
        return [_version(Status.FAILURE, error.message, Remedy(message(_NAME_IT)))]
    if found.lmdeploy is None:
        install = (str(found.python), "-m", "pip", "install", "lmdeploy==0.2.4")
        evidence = message("{python} has no LMDeploy.", python=found.python)
        return [_version(Status.FAILURE, evidence, Remedy(message(_NAME_IT), install))]
    evidence = message(
        "LMDeploy {version} of {python}.", version=found.lmdeploy, python=found.python
    )
    if found.version is None:
        remedy = Remedy(message("Install a released version."))
        return [_version(Status.UNKNOWN, evidence, remedy)]
    return [_version(Status.OK, evidence)]


def _version(status: Status, evidence: Message, remedy: Remedy | None = None) -> Finding:
    return Finding("lmdeploy.version", VERSION_TITLE, status, evidence, _WHY_VERSION, remedy)


def check_internlm2(subject: Subject) -> list[Finding]:
    """See whether this version knows InternLM2, the family of EmoLLM's models."""
    why = message(
        "EmoLLM's models are InternLM2. Versions before 0.2.0 do not know it, and 0.2.0 and "
        "0.2.1 do not know where its answers end."
    )
    installation = subject.known_installation()
    features = None if installation is None else installation.features
    if installation is None or features is None:
        return [
            Finding(
                "lmdeploy.internlm2",
                INTERNLM2_TITLE,
                Status.UNKNOWN,
                NO_LMDEPLOY,
                why,
                LMDEPLOY_FIRST,
            )
        ]
    model = subject.known_model()
    concerned = model is None or model.model_type == "internlm2"
    status, evidence = _internlm2(features, installation.lmdeploy or "", concerned=concerned)
    remedy = Remedy(message("Install LMDeploy 0.2.4 or newer."), _install(installation, "0.2.4"))
    return [
        Finding(
            "lmdeploy.internlm2",
            INTERNLM2_TITLE,
            status,
            evidence,
            why,
            None if status is Status.OK else remedy,
        )
    ]


def _internlm2(features: Features, version: str, *, concerned: bool) -> tuple[Status, Message]:
    if not features.knows_internlm2:
        status = Status.FAILURE if concerned else Status.WARNING
        return status, message("LMDeploy {version} does not know InternLM2.", version=version)
    if not features.internlm2_stops:
        return Status.WARNING, message(
            "LMDeploy {version} knows InternLM2, but can answer without end.", version=version
        )
    return Status.OK, message("LMDeploy {version} knows InternLM2.", version=version)


def check_task(subject: Subject) -> list[Finding]:
    """See whether this version can do the task with this kind of model folder."""
    installation = subject.known_installation()
    features = None if installation is None else installation.features
    if installation is None or features is None:
        return [_task(Status.UNKNOWN, NO_LMDEPLOY, LMDEPLOY_FIRST)]
    version = installation.lmdeploy or ""
    model = subject.known_model()
    if subject.target is Target.CONVERT:
        return [_convert(features, version, model)]
    if subject.target.runs_engine:
        return [_engine(features, version, model)]
    if model is not None and model.kind is not ModelKind.HF:
        evidence = message("{path} is not a checkpoint with 16-bit weights.", path=model.path)
        remedy = Remedy(message("Name the original Hugging Face folder of the model."))
        return [_task(Status.FAILURE, evidence, remedy)]
    return [_task(Status.OK, message("LMDeploy {version} has this command.", version=version))]


def _convert(features: Features, version: str, model: ModelFolder | None) -> Finding:
    if not features.has_convert:
        return _task(
            Status.FAILURE,
            message("LMDeploy {version} cannot convert.", version=version),
            Remedy(
                message(
                    "Talk to the Hugging Face folder directly, without converting, or use "
                    "LMDeploy 0.9.2 or older."
                ),
                None if model is None else ("emotui", "chat", str(model.path)),
            ),
        )
    if model is not None and model.kind is ModelKind.WORKSPACE:
        return _task(
            Status.FAILURE,
            message("{path} is a workspace already.", path=model.path),
            Remedy(message("Talk to it as it is."), ("emotui", "chat", str(model.path))),
        )
    return _task(
        Status.OK,
        message(
            "LMDeploy {version} converts to a workspace with config.{ending}.",
            version=version,
            ending=features.workspace_config or "ini",
        ),
    )


def _engine(features: Features, version: str, model: ModelFolder | None) -> Finding:
    if model is None:
        return _task(Status.OK, _reads(features, version))
    if model.kind is not ModelKind.WORKSPACE:
        if features.turbomind_reads_hf:
            return _task(Status.OK, _reads(features, version))
        return _task(
            Status.FAILURE,
            message("LMDeploy {version} loads workspaces only.", version=version),
            Remedy(message("Convert the model first."), ("emotui", "convert", str(model.path))),
        )
    ending = None if model.config_file is None else model.config_file.suffix.removeprefix(".")
    if features.turbomind_reads_workspace and ending in {None, features.workspace_config}:
        return _task(Status.OK, _reads(features, version))
    return _task(
        Status.FAILURE,
        message(
            "LMDeploy {version} does not load workspaces with config.{ending}.",
            version=version,
            ending=ending or "ini",
        ),
        Remedy(
            message(
                "Use an LMDeploy of the age that made it: up to 0.5.3 for config.ini, 0.6.0 to "
                "0.9.2 for config.yaml; or talk to the original Hugging Face folder."
            )
        ),
    )


def _reads(features: Features, version: str) -> Message:
    if not features.turbomind_reads_workspace:
        return message("LMDeploy {version} loads Hugging Face folders.", version=version)
    if not features.turbomind_reads_hf:
        return message("LMDeploy {version} loads workspaces.", version=version)
    return message(
        "LMDeploy {version} loads Hugging Face folders and workspaces with config.{ending}.",
        version=version,
        ending=features.workspace_config or "ini",
    )


def _task(status: Status, evidence: Message, remedy: Remedy | None = None) -> Finding:
    why = message(
        "Commands came and went: convert and workspaces ended with 0.9.2, and each age reads "
        "its own kind of folder."
    )
    return Finding("lmdeploy.task", TASK_TITLE, status, evidence, why, remedy)


def check_python(subject: Subject) -> list[Finding]:
    """Compare the interpreter's version with those that this LMDeploy has wheels for."""
    why = message("Wheels exist for certain Python versions; on others, imports fail.")
    installation = subject.known_installation()
    version = None if installation is None else installation.version
    if installation is None or version is None:
        return [
            Finding(
                "python.version", PYTHON_TITLE, Status.UNKNOWN, NO_LMDEPLOY, why, LMDEPLOY_FIRST
            )
        ]
    wanted = python_range(version)
    fits = wanted.accepts(installation.python_version)
    evidence = message(
        "Python {python}; LMDeploy {version} has wheels for {minimum} to {maximum}.",
        python=installation.python_version,
        version=installation.lmdeploy or "",
        minimum=wanted.minimum or "",
        maximum=wanted.maximum or "",
    )
    remedy = Remedy(
        message("Make an environment with Python {maximum} for it.", maximum=wanted.maximum or "")
    )
    return [
        Finding(
            "python.version",
            PYTHON_TITLE,
            Status.OK if fits else Status.WARNING,
            evidence,
            why,
            None if fits else remedy,
        )
    ]


def _install(installation: Installation, version: str) -> tuple[str, ...]:
    return (str(installation.python), "-m", "pip", "install", f"lmdeploy=={version}")
