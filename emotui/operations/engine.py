"""Which engine answers for a model, and with what options: what `emotui chat` starts.

TurboMind where the installation's version can run the model and a GPU is there, else the model
as PyTorch runs it. A choice that cannot work is refused here, with its reason and what to do,
before minutes of loading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from emotui.engine.protocol import EngineName, EngineSpec
from emotui.gpu.visible import visible_gpus
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.versions import Features, Version, chat_template
from emotui.models.folder import ModelFolder, ModelKind, inspect
from emotui.operations.services import Services
from emotui.support.errors import BrokenFileError, RefusedError, UsageError
from emotui.support.language import Message, message
from emotui.workspace.ini import IniDocument
from emotui.workspace.values import read_boolean, read_integer, read_number

ENGINES: tuple[EngineName, ...] = ("turbomind", "transformers")
OLDEST_PIPELINE = Version("0.2.0")
"""The first version whose pipeline takes an engine configuration."""
OWN_TEMPLATE = Version("0.10.0")
"""From here on LMDeploy takes the chat template from the tokenizer."""
NAMED_TEMPLATE = Version("0.6.0")
"""From here on a template is given as such; before, the model's name chooses it."""


_FROM_INI: Mapping[str, tuple[str, Callable[[str], object]]] = {
    "session_len": ("session_len", read_integer),
    "max_batch_size": ("max_batch_size", read_integer),
    "cache_max_entry_count": ("cache_max_entry_count", read_number),
    "cache_block_seq_len": ("cache_block_seq_len", read_integer),
    "quant_policy": ("quant_policy", read_integer),
    "rope_scaling_factor": ("rope_scaling_factor", read_number),
    "use_logn_attn": ("use_logn_attn", read_boolean),
    "num_tokens_per_iter": ("num_tokens_per_iter", read_integer),
    "max_prefill_iters": ("max_prefill_iters", read_integer),
    "max_prefill_token_num": ("max_prefill_token_num", read_integer),
    "enable_prefix_caching": ("enable_prefix_caching", read_boolean),
    "tensor_para_size": ("tp", read_integer),
}
"""Keys of config.ini that the pipeline would overwrite with its own defaults (0.2.0–0.5.3)."""


def engine_spec(
    services: Services,
    model: Path,
    engine: str | None = None,
    python: Path | None = None,
    *,
    template: str | None = None,
    session_len: int | None = None,
    trust_remote_code: bool = False,
    device: str | None = None,
) -> EngineSpec:
    """Return what to start for a chat with `model`; asks interpreters and GPUs: use a worker.

    `engine` None chooses; `template` names a chat template of LMDeploy, against its own choice.
    Raises `EmotuiError` of every kind: not found, not usable together, consent needed.
    """
    if engine is not None and engine not in ENGINES:
        raise UsageError(
            "{engine} is no engine. Engines are: {known}.", engine=engine, known=", ".join(ENGINES)
        )
    folder = inspect(model)
    installation = services.installations.get(python)
    _need_consent(folder, trust_remote_code)
    chosen = _choose(services, folder, installation, engine, template)
    _refuse_unheeded(chosen, template, device)
    options: dict[str, object] = {"trust_remote_code": trust_remote_code}
    if chosen == "turbomind":
        options |= _turbomind_options(folder, installation, template)
    elif device is not None:
        options["device"] = device
    if session_len is not None:
        options["session_len"] = session_len
    return EngineSpec(
        engine=chosen,
        python=installation.python,
        lmdeploy=installation.lmdeploy,
        model=folder.path,
        env=_environment(services, installation, trust_remote_code),
        options=options,
    )


def _refuse_unheeded(chosen: EngineName, template: str | None, device: str | None) -> None:
    """Refuse what the engine would not look at, rather than answer as if it had."""
    if chosen == "transformers" and template is not None:
        raise UsageError(
            "--template names a chat template of LMDeploy, and this chat runs on transformers, "
            "which takes the one of the model's tokenizer. Leave it out, or choose --engine "
            "turbomind."
        )
    if chosen == "turbomind" and device is not None:
        raise UsageError(
            "--device is for the engine transformers; TurboMind runs on NVIDIA GPUs. Leave it "
            "out, or choose --engine transformers."
        )


def _environment(
    services: Services, installation: Installation, trust_remote_code: bool
) -> dict[str, str | None]:
    delta = installation.environment(services.environ)
    if not trust_remote_code and "HF_HUB_OFFLINE" not in services.environ:
        # The model is a local folder; behind a firewall every look at the Hub costs minutes.
        delta["HF_HUB_OFFLINE"] = "1"
    return delta


def _need_consent(folder: ModelFolder, trust_remote_code: bool) -> None:
    if folder.remote_code and not trust_remote_code:
        raise RefusedError(
            "{model} brings its own Python code ({files}), which runs when it is loaded. Read it, "
            "and allow it with --trust-remote-code when you trust it.",
            model=folder.name,
            files=", ".join(folder.code_files),
        )


def _choose(
    services: Services,
    folder: ModelFolder,
    installation: Installation,
    engine: str | None,
    template: str | None,
) -> EngineName:
    """Return the engine to use; raises `RefusedError` when the one that is wanted cannot run."""
    if engine == "transformers":
        obstacle = _transformers_obstacle(folder, installation)
    else:
        obstacle = _turbomind_obstacle(folder, installation, template)
        if obstacle is None and engine is None:
            # Somebody who names the engine may know of a GPU that NVML cannot see.
            reading = services.gpus.read()
            if not visible_gpus(reading.gpus, services.environ):
                obstacle = reading.problem or message("No GPU is visible to CUDA programs.")
        if obstacle is None:
            return "turbomind"
        if engine is None and _transformers_obstacle(folder, installation) is None:
            return "transformers"
    if obstacle is not None:
        raise RefusedError("{model} cannot be run. {reason}", model=folder.name, reason=obstacle)
    return "transformers"


def _transformers_obstacle(folder: ModelFolder, installation: Installation) -> Message | None:
    """Return what keeps plain PyTorch from running the model, None when nothing is known."""
    missing = [name for name in ("torch", "transformers") if name not in installation.packages]
    if folder.kind is ModelKind.WORKSPACE:
        return message("A workspace runs on TurboMind only; transformers needs the original model.")
    if missing:
        return message(
            "{python} lacks {packages}.",
            python=installation.python,
            packages=", ".join(missing),
        )
    if not folder.tokenizer:
        return message("It has no tokenizer. Copy the tokenizer's files from the base model.")
    return None


def _turbomind_obstacle(
    folder: ModelFolder, installation: Installation, template: str | None
) -> Message | None:
    """Return what keeps TurboMind from running the model, None when nothing is known."""
    version, can = installation.version, installation.features
    if version is None or can is None:
        return message("{python} has no LMDeploy.", python=installation.python)
    if version < OLDEST_PIPELINE:
        return message(
            "Chat needs LMDeploy 0.2.0 or newer, and this is {version}.", version=version
        )
    if folder.kind is ModelKind.WORKSPACE:
        return _workspace_obstacle(folder, version, can)
    if not folder.tokenizer:
        return message("It has no tokenizer. Copy the tokenizer's files from the base model.")
    return _model_obstacle(folder, version, can) or _template_obstacle(folder, version, template)


def _workspace_obstacle(folder: ModelFolder, version: Version, can: Features) -> Message | None:
    if not can.turbomind_reads_workspace:
        return message(
            "It is a workspace, and LMDeploy {version} reads none (the last that did is 0.9.2). "
            "Use an older LMDeploy with --python, or the model it was converted from.",
            version=version,
        )
    name = folder.config_file.name if folder.config_file is not None else ""
    wanted = f"config.{can.workspace_config}"
    if name and name != wanted:
        return message(
            "Its configuration is {name}, and LMDeploy {version} reads {wanted}. Convert the "
            "model again with this version, or use the version it was converted with.",
            name=name,
            version=version,
            wanted=wanted,
        )
    return None


def _model_obstacle(folder: ModelFolder, version: Version, can: Features) -> Message | None:
    if folder.architecture == "Qwen2ForCausalLM" and not can.knows_qwen2:
        return message(
            "LMDeploy {version} does not know Qwen2; 0.4.0 is the first.", version=version
        )
    if folder.head_size is not None and folder.head_size not in can.head_sizes:
        return message(
            "Its attention heads have {size} values, and TurboMind of LMDeploy {version} runs "
            "heads of {known}.",
            size=folder.head_size,
            version=version,
            known=", ".join(str(size) for size in can.head_sizes),
        )
    return None


def _template_obstacle(
    folder: ModelFolder, version: Version, template: str | None
) -> Message | None:
    if template is not None:
        return None
    if version >= OWN_TEMPLATE:
        if folder.chat_template:
            return None
        return message(
            "Its tokenizer has no chat template, which LMDeploy {version} needs: the answers would "
            "be no answers. Take over chat_template from the base model's tokenizer_config.json, "
            "or choose the engine transformers.",
            version=version,
        )
    if chat_template(version, folder.architecture) is None:
        return message(
            "LMDeploy {version} has no chat template that is known to fit {architecture}. Name "
            "one with --template.",
            version=version,
            architecture=folder.architecture,
        )
    return None


def _turbomind_options(
    folder: ModelFolder, installation: Installation, template: str | None
) -> dict[str, object]:
    """Return the engine's options that follow from the model and the version."""
    version, can = installation.version, installation.features
    assert version is not None
    assert can is not None
    options: dict[str, object] = {}
    if folder.kind is ModelKind.WORKSPACE:
        if can.command_line_beats_config and folder.config_file is not None:
            options = _ini_options(folder.config_file)
        elif folder.tp is not None:
            options["tp"] = folder.tp
        name = template or (folder.model_name if version >= NAMED_TEMPLATE else None)
        return options | ({"chat_template": name} if name else {})
    if folder.kind is ModelKind.AWQ:
        options["model_format"] = "awq"
    if version < NAMED_TEMPLATE:
        options["model_name"] = template or chat_template(version, folder.architecture)
    elif version < OWN_TEMPLATE or template is not None:
        options["chat_template"] = template or chat_template(version, folder.architecture)
    return options


def _ini_options(path: Path) -> dict[str, object]:
    """Return what `config.ini` says, as the pipeline's options: its defaults would win else."""
    try:
        values = IniDocument(path.read_bytes(), path).values
    except OSError as error:
        raise BrokenFileError("{path} cannot be read: {error}", path=path, error=error) from error
    options: dict[str, object] = {}
    for key, (option, read) in _FROM_INI.items():
        text = values.get(key)
        if text is None:
            continue
        options[option] = read(text)
        if options[option] is None:
            raise BrokenFileError(
                "{path}: {key} is {value}, which LMDeploy cannot read. Correct it with "
                "'emotui config set'.",
                path=path,
                key=key,
                value=repr(text),
            )
    return options
