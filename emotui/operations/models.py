"""What a user's model folders are: look for them, look into one, remember where they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emotui.models.description import ModelFolder, ModelKind, WeightFormat
from emotui.models.folder import NotAModelError, inspect
from emotui.models.scan import find
from emotui.operations.services import Services
from emotui.support.errors import EmotuiError, NotFoundError, UsageError
from emotui.support.language import N_, Message, message, raw
from emotui.support.text import format_bytes, format_count

FOLDERS = "models.folders"

KINDS = {
    ModelKind.HF: N_("Hugging Face checkpoint"),
    ModelKind.AWQ: N_("AWQ checkpoint"),
    ModelKind.WORKSPACE: N_("TurboMind workspace"),
}
"""What each kind is called; texts to translate."""

_FORMATS = {
    WeightFormat.SAFETENSORS: N_("safetensors"),
    WeightFormat.PICKLE: N_("PyTorch pickle"),
    WeightFormat.TURBOMIND: N_("TurboMind files"),
}


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models that were found, and what kept others from being found."""

    models: tuple[ModelFolder, ...]
    problems: tuple[Message, ...]
    folders: tuple[Path, ...]
    """Where was looked."""

    def find(self, path: Path) -> ModelFolder | None:
        """Return the model in the folder `path`, else the first below it; links do not matter."""
        wanted = Path(os.path.realpath(path.expanduser()))
        real = [(Path(os.path.realpath(model.path)), model) for model in self.models]
        same = [model for place, model in real if place == wanted]
        below = [model for place, model in real if wanted in place.parents]
        return next(iter([*same, *below]), None)


def list_models(
    services: Services,
    extra: Iterable[Path] = (),
    *,
    usual: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> ModelList:
    """Return the models in and below some folders, sorted by path.

    The folders are those of the setting `models.folders` and the current one (unless `usual` is
    False), and `extra`. `stop` is asked between folders; what was found until then is returned.
    """
    folders = tuple(dict.fromkeys([*(_usual(services) if usual else []), *extra]))
    found = find(folders, stop=stop)
    models: dict[Path, ModelFolder] = {}
    problems = list(found.problems)
    for path in found.paths:
        if stop():
            break
        model = _inspect(path)
        if isinstance(model, Message):
            problems.append(model)
        elif model is not None:
            models.setdefault(model.path, model)
    ordered = sorted(models.values(), key=lambda model: os.fsencode(model.path))
    return ModelList(tuple(ordered), tuple(problems), folders)


def _usual(services: Services) -> list[Path]:
    folders = [Path(text).expanduser() for text in services.settings.texts(FOLDERS)]
    try:
        return [*folders, Path.cwd()]
    except OSError:
        return folders  # the current folder was removed


def _inspect(path: Path) -> ModelFolder | Message | None:
    """Return the model, what is wrong with it, or None for a folder that only looked like one."""
    try:
        return inspect(path)
    except NotAModelError:
        return None
    except EmotuiError as error:
        return error.message


def show_model(services: Services, path: Path) -> ModelFolder:  # noqa: ARG001 (as all operations)
    """Return what the model folder `path` is.

    Raises `NotFoundError` when there is nothing, and `BrokenFileError` with what it lacks when
    it is no model.
    """
    return inspect(path)


def require_folder(path: Path) -> Path:
    """Return a folder's absolute path.

    Raises `NotFoundError` when it does not exist and `UsageError` when it is no folder.
    """
    folder = path.expanduser().absolute()
    try:
        if folder.is_dir():
            return folder
        exists = folder.exists()
    except OSError as error:
        raise UsageError(
            "{path} cannot be read: {reason}", path=path, reason=error.strerror
        ) from error
    if exists:
        raise UsageError("{path} is no folder.", path=path)
    raise NotFoundError("{path} does not exist.", path=path)


def add_folder(services: Services, path: Path) -> Path:
    """Remember a folder that holds models, in the setting `models.folders`; return it.

    One that is remembered already stays as it is. Raises what `require_folder` raises, and
    `BrokenFileError` when the settings cannot be read.
    """
    folder = require_folder(path)
    known = services.settings.texts(FOLDERS)
    if str(folder) not in known:
        services.settings.set(FOLDERS, [*known, str(folder)])
    return folder


def weights_label(model: ModelFolder) -> str:
    """Return the type of the weights in a word or two: `bfloat16`, `int4 g128`."""
    if model.quantization is None:
        return model.dtype or "?"
    bits, group = model.quantization.bits, model.quantization.group_size
    name = f"int{bits}" if bits else model.quantization.method
    return f"{name} g{group}" if group else name


def facts(model: ModelFolder) -> list[tuple[Message, Message]]:
    """Return all that is known of a model as names and values, for a person."""
    return [
        (name, value)
        for name, value in (
            (message("Folder"), raw(str(model.path))),
            (message("Kind"), message(KINDS[model.kind])),
            (message("Architecture"), _architecture(model)),
            (message("Parameters"), _parameters(model)),
            (message("Weights"), _weights(model)),
            (message("Size on disk"), raw(format_bytes(model.size_bytes))),
            (message("Tokenizer"), _tokenizer(model)),
            (message("Chat template"), _template(model)),
            (message("Session length"), _tokens(model.session_len)),
            (message("Split for GPUs"), _number(model.tp)),
            (message("Layers"), _number(model.layers)),
            (message("Attention heads"), _heads(model)),
            (message("Vocabulary"), _number(model.vocab_size)),
            (message("Trained length"), _tokens(model.max_position_embeddings)),
            (message("Own Python code"), _code(model)),
            (message("Configuration"), raw(str(model.config_file)) if model.config_file else None),
        )
        if value is not None
    ]


def _architecture(model: ModelFolder) -> Message | None:
    if model.architecture is not None and model.model_type is not None:
        return raw(f"{model.architecture} ({model.model_type})")
    known = model.architecture or model.model_type
    return raw(known) if known else None


def _parameters(model: ModelFolder) -> Message:
    if model.parameters is None:
        return message("unknown")
    return raw(f"{format_count(model.parameters)} ({model.parameters:,})")


def _weights(model: ModelFolder) -> Message | None:
    if model.weight_format is None:
        return None
    form = message(_FORMATS[model.weight_format])
    if model.quantization is None or model.dtype is None:
        return message("{type}, as {format}", type=weights_label(model), format=form)
    return message(
        "{type} ({method}), the rest {rest}, as {format}",
        type=weights_label(model),
        method=model.quantization.method,
        rest=model.dtype,
        format=form,
    )


def _number(value: int | None) -> Message | None:
    return None if value is None else raw(str(value))


def _heads(model: ModelFolder) -> Message | None:
    if model.heads is None or model.kv_heads is None or model.head_size is None:
        return _number(model.heads)
    if model.kv_heads == model.heads:
        return message("{heads}, each of size {size}", heads=model.heads, size=model.head_size)
    return message(
        "{heads}, and {kv} for keys and values, each of size {size}",
        heads=model.heads,
        kv=model.kv_heads,
        size=model.head_size,
    )


def _tokens(value: int | None) -> Message | None:
    return None if value is None else message("{number} tokens", number=value)


def _tokenizer(model: ModelFolder) -> Message:
    return raw(", ".join(model.tokenizer_files)) if model.tokenizer else message("missing")


def _template(model: ModelFolder) -> Message:
    if model.model_name is not None:
        return message("by name: {name}", name=model.model_name)
    return message("present") if model.chat_template else message("missing")


def _code(model: ModelFolder) -> Message | None:
    if not model.remote_code:
        return None
    return raw(", ".join(model.code_files)) if model.code_files else message("named in config.json")
