"""Preflight checks of a conversion: what would fail late, or succeed and be wrong.

LMDeploy finds most of this out after minutes, in a traceback, or not at all: the model then
answers nonsense. Each check answers with a finding, or with None when there is nothing to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emotui.lmdeploy.commands import Value
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions
from emotui.lmdeploy.templates import READER_PREFIXES, reader_prefix
from emotui.lmdeploy.versions import Features
from emotui.models.folder import ModelFolder
from emotui.operations.convert_machine import check_machine
from emotui.operations.convert_values import default_template, template_option
from emotui.operations.services import Services
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the checks look at."""

    installation: Installation
    options: CommandOptions
    model: ModelFolder
    values: Mapping[str, Value]

    @property
    def features(self) -> Features | None:
        return self.installation.features

    @property
    def template(self) -> str:
        return str(self.values.get(template_option(self.options), ""))


def check_conversion(
    services: Services,
    installation: Installation,
    options: CommandOptions,
    model: ModelFolder,
    values: Mapping[str, Value],
    destination: Path,
) -> list[Finding]:
    """Return what speaks against the conversion, the urgent first."""
    subject = _Subject(installation, options, model, values)
    checks = (
        _complete, _architecture, _head_size, _reader, _template, _format, _group_size,
        _parallelism, _tokenizer, _own_code,
    )  # fmt: skip
    found = [finding for check in checks if (finding := check(subject)) is not None]
    found += check_machine(services, model, destination)
    return sorted(found, key=lambda finding: finding.status.rank)


def _finding(
    name: str,
    title: Message,
    status: Status,
    evidence: Message,
    why: Message,
    remedy: Message | None = None,
) -> Finding:
    return Finding(
        id=f"convert.{name}",
        title=title,
        status=status,
        evidence=evidence,
        why=why,
        remedy=None if remedy is None else Remedy(remedy),
    )


def _complete(s: _Subject) -> Finding | None:
    if not s.model.problems:
        return None
    return _finding(
        "model",
        message("Model folder"),
        Status.FAILURE,
        s.model.problems[0],
        message("The conversion would fail, or miss weights."),
        message("Download or merge the model again, into a folder of its own."),
    )


def _architecture(s: _Subject) -> Finding | None:
    features = s.features
    if features is None:
        return None
    known = {
        "InternLM2ForCausalLM": features.knows_internlm2,
        "Qwen2ForCausalLM": features.knows_qwen2,
    }
    name = s.model.architecture
    if default_template(s.installation, s.model) is not None or known.get(name or ""):
        return None
    return _finding(
        "architecture",
        message("Architecture"),
        Status.FAILURE if name in known else Status.WARNING,
        message(
            "The model is a {architecture}, which LMDeploy {version} is not known to convert.",
            architecture=name or "?",
            version=s.installation.lmdeploy,
        ),
        message("Each version reads certain architectures only."),
        message("Use a later version; `emotui models show` says what the folder is."),
    )


def _head_size(s: _Subject) -> Finding | None:
    features, size = s.features, s.model.head_size
    if features is None or size is None or size in features.head_sizes:
        return None
    return _finding(
        "head-size",
        message("Head size"),
        Status.FAILURE,
        message("The attention heads of this model have size {size}.", size=size),
        message(
            "TurboMind of LMDeploy {version} runs these sizes only: {sizes}.",
            version=s.installation.lmdeploy,
            sizes=", ".join(map(str, features.head_sizes)),
        ),
    )


def _reader(s: _Subject) -> Finding | None:
    if s.features is None or not s.features.model_name_chooses_reader:
        return None
    wanted = reader_prefix(s.model.architecture)
    prefix = s.template.split("-")[0]
    given = prefix if prefix in READER_PREFIXES else None
    if given == wanted or s.model.architecture is None:
        return None
    if wanted is not None and given is not None and given.startswith(wanted):
        return None  # baichuan2 reads what baichuan does
    return _finding(
        "reader",
        message("Model name"),
        Status.FAILURE,
        message(
            "{name} does not belong to {architecture}.",
            name=s.template,
            architecture=s.model.architecture,
        ),
        message(
            "In LMDeploy {version} the first part of the name also chooses how the weights are "
            "read.",
            version=s.installation.lmdeploy,
        ),
        message(
            "Use {name}.", name=default_template(s.installation, s.model) or wanted or "llama2"
        ),
    )


def _template(s: _Subject) -> Finding | None:
    if s.options.templates.get(s.template, True) is not False:
        return None
    return _finding(
        "template",
        message("Model name"),
        Status.WARNING,
        message("{name} passes prompts to the model as they are.", name=s.template),
        message("That is right for a base model; a chat model would answer without end."),
        message(
            "For a chat model use {name}.", name=default_template(s.installation, s.model) or "-"
        ),
    )


def _format(s: _Subject) -> Finding | None:
    quantization = s.model.quantization
    actual = "hf" if quantization is None else quantization.method
    given = s.values.get("model_format") or "hf"
    if given == actual or (given == "llama" and quantization is None):
        return None
    return _finding(
        "format",
        message("Weight format"),
        Status.FAILURE,
        message(
            "The weights are {actual}, but they would be read as {given}.",
            actual=actual,
            given=given,
        ),
        message("The conversion would stop at a tensor that is not there."),
        message(
            "Use --model-format {actual}, or a version of LMDeploy that knows it.", actual=actual
        ),
    )


def _group_size(s: _Subject) -> Finding | None:
    quantization = s.model.quantization
    given = s.values.get("group_size")
    if quantization is None or quantization.group_size is None or given is None:
        return None
    if str(given) == str(quantization.group_size):
        return None
    return _finding(
        "group-size",
        message("Group size"),
        Status.FAILURE,
        message(
            "The weights were quantized in groups of {actual}, not of {given}.",
            actual=quantization.group_size,
            given=given,
        ),
        message("LMDeploy would convert without a word, and the weights would be wrong."),
        message("Use --group-size {actual}.", actual=quantization.group_size),
    )


def _parallelism(s: _Subject) -> Finding | None:
    tp = int(str(s.values.get("tp", 1)))
    heads = s.model.kv_heads or s.model.heads
    if heads is None or heads % tp == 0:
        return None
    return _finding(
        "tp",
        message("GPUs (tp)"),
        Status.FAILURE,
        message(
            "{heads} key/value heads cannot be shared evenly by {tp} GPUs.", heads=heads, tp=tp
        ),
        message("Each GPU holds whole heads."),
        message("Use a number of GPUs that divides {heads}.", heads=heads),
    )


def _tokenizer(s: _Subject) -> Finding | None:
    needs_model = s.features is not None and s.features.convert_needs_tokenizer_model
    accepted = {"tokenizer.model", "qwen.tiktoken"} if needs_model else set()
    files = set(s.model.tokenizer_files)
    if s.values.get("tokenizer_path") or (files & accepted if needs_model else files):
        return None
    return _finding(
        "tokenizer",
        message("Tokenizer"),
        Status.FAILURE,
        message("The model folder has no tokenizer.model."),
        message("LMDeploy {version} does not convert without it.", version=s.installation.lmdeploy),
        message("Copy it from the base model, or name it with --tokenizer-path."),
    )


def _own_code(s: _Subject) -> Finding | None:
    if not s.model.remote_code:
        return None
    asked = s.options.get("trust_remote_code") is not None
    if asked and s.values.get("trust_remote_code"):
        return None
    return _finding(
        "own-code",
        message("The model's own code"),
        Status.WARNING,
        message("The model folder brings Python files."),
        message("This version runs them only when it is told to.")
        if asked
        else message("This version of LMDeploy runs them without asking."),
        message("Convert only what you trust; --trust-remote-code lets them run.")
        if asked
        else message("Convert only what you trust."),
    )
