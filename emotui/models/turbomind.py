"""A TurboMind workspace, as `lmdeploy convert` writes it.

    ROOT/triton_models/weights/   config.ini (or config.yaml) and one raw file a tensor and rank
    ROOT/triton_models/tokenizer/ the tokenizer and every *.json of the checkpoint
    ROOT/model_repository/        links into triton_models

The weights folder alone is accepted too. Sizes of files say how many weights there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emotui.models.architecture import Architecture, read_architecture
from emotui.models.description import ModelFolder, ModelKind, Quantization, WeightFormat
from emotui.models.disk import file_names, size_bytes
from emotui.models.raw_weights import Shape, count_raw, missing_tensors, raw_files
from emotui.models.reading import read_json
from emotui.models.tokenizer import Tokenizer, read_tokenizer
from emotui.models.workspace_config import INI, YAML, read_values, text, whole
from emotui.support.errors import BrokenFileError
from emotui.support.language import Message, message
from emotui.support.text import clean_line

_WEIGHTS = Path("triton_models", "weights")
_DTYPES = {
    "fp16": "float16",
    "half": "float16",
    "float16": "float16",
    "int4": "float16",  # what is not packed is kept as fp16
    "bf16": "bfloat16",
    "bfloat16": "bfloat16",
    "fp32": "float32",
    "float32": "float32",
    "int8": "int8",
    "fp8": "float8_e4m3fn",
}
_RAW_NAMES = {"base", "llama", "internlm2-7b", "internlm2-20b", "internlm2-1_8b"}
"""Names whose template passes the prompt on as it is, in every classic version."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts of a workspace are."""

    root: Path
    weights: Path
    config: Path


def find_workspace(folder: Path) -> Place | None:
    """Return the workspace that `folder` is, or whose inner folder it is; None when it is none."""
    for weights in (folder / _WEIGHTS, folder / "weights", folder):
        for name in (INI, YAML):
            config = weights / name
            if config.is_file():
                return Place(_root(weights), weights, config)
    return None


def _root(weights: Path) -> Path:
    """Return the workspace that a folder of weights belongs to, itself when it stands alone."""
    for candidate in (weights, weights.resolve()):
        if candidate.parts[-2:] == _WEIGHTS.parts:
            return candidate.parents[1]
    return weights


def is_workspace(folder: Path) -> bool:
    """Whether `folder` has a workspace's layout or a workspace's configuration.

    Raises `OSError`.
    """
    place = find_workspace(folder)
    if place is None:
        return False
    try:
        return place.root != place.weights or read_values(place.config) is not None
    except BrokenFileError:
        return False  # some other program's file of the same name


def read_workspace(place: Place) -> ModelFolder | None:
    """Return what the workspace is, None when its configuration is something else's.

    Raises `BrokenFileError` when the configuration cannot be read, and `OSError`.
    """
    values = read_values(place.config)
    if values is None:
        return None
    tokenizer_folder = (place.root / _WEIGHTS).with_name("tokenizer")
    tokenizer, origin = _read_tokenizer(tokenizer_folder)
    shape = _shape(values, origin)
    classic = place.config.name == INI
    files = raw_files(place.weights)
    missing = missing_tensors(files, shape, classic=classic)
    counted = count_raw(files, shape)
    model_name = text(values, "chat_template", "model_name")
    return ModelFolder(
        path=place.root,
        name=clean_line(place.root.name),
        kind=ModelKind.WORKSPACE,
        architecture=text(values, "model_arch") or (origin.name if origin else None),
        model_type=origin.model_type if origin else None,
        model_name=model_name,
        parameters=shape.described() if missing else counted,
        dtype=_DTYPES.get(shape.weight_type or ""),
        size_bytes=size_bytes(place.root, follow=True),
        weight_format=WeightFormat.TURBOMIND,
        layers=shape.layers,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_size=shape.head_size,
        hidden_size=shape.hidden,
        vocab_size=shape.vocabulary,
        max_position_embeddings=whole(values, "max_position_embeddings")
        or (origin.max_position_embeddings if origin else None),
        session_len=whole(values, "session_len"),
        tp=shape.tp,
        tokenizer_files=tokenizer.files,
        chat_template=model_name is not None and model_name not in _RAW_NAMES,
        quantization=_quantization(values, shape),
        config_file=place.config,
        code_files=tokenizer.code_files,
        remote_code=tokenizer.remote_code or bool(origin and origin.remote_code),
        problems=(
            *_missing(missing),
            *([] if missing or not classic else _sizes(shape, files)),
            *_tokenizer_problems(tokenizer, tokenizer_folder),
        ),
        warnings=_template_warnings(model_name, place.config.name),
    )


def _read_tokenizer(folder: Path) -> tuple[Tokenizer, Architecture | None]:
    """Return the tokenizer, and what the checkpoint's own `config.json` beside it says."""
    try:
        names = file_names(folder)
    except OSError:
        return Tokenizer(), None
    tokenizer = read_tokenizer(folder, names)
    # LMDeploy puts its own tokenizer.py there.
    tokenizer.code_files = tuple(name for name in tokenizer.code_files if name != "tokenizer.py")
    try:
        return tokenizer, read_architecture(read_json(folder / "config.json"))
    except BrokenFileError:
        return tokenizer, None  # it is only a copy, and a workspace works without it


def _shape(values: Mapping[str, str], origin: Architecture | None) -> Shape:
    heads, size = whole(values, "head_num"), whole(values, "size_per_head")
    hidden = whole(values, "hidden_units")
    if hidden is None and heads is not None and size is not None:
        hidden = heads * size
    return Shape(
        layers=whole(values, "num_layer"),
        heads=heads,
        kv_heads=whole(values, "kv_head_num") or heads,
        head_size=size,
        hidden=hidden,
        inner=whole(values, "inter_size"),
        vocabulary=whole(values, "vocab_size"),
        tp=whole(values, "tensor_para_size", "tp", "attn_tp_size") or 1,
        weight_type=(text(values, "weight_type") or "").lower() or None,
        tied=origin is not None and origin.tied,
        family=(origin.model_type or "") if origin is not None else "",
    )


def _quantization(values: Mapping[str, str], shape: Shape) -> Quantization | None:
    if shape.packed_bits is None:
        return None
    return Quantization(shape.packed_bits, whole(values, "group_size"))


def _missing(missing: list[str]) -> list[Message]:
    if not missing:
        return []
    return [
        message(
            "Files of weights are missing ({number}; {name} for one): the conversion did not end, "
            "or the workspace was not copied completely.",
            number=len(missing),
            name=missing[0],
        )
    ]


def _sizes(shape: Shape, files: Mapping[str, int]) -> list[Message]:
    if shape.described() is None or shape.matches(files):
        return []
    return [
        message(
            "The files of weights do not have the sizes that the configuration describes: they "
            "were not copied completely, or its shape was edited."
        )
    ]


def _tokenizer_problems(tokenizer: Tokenizer, folder: Path) -> list[Message]:
    if tokenizer.files:
        return tokenizer.problems
    return [
        *tokenizer.problems,
        message("There is no tokenizer in {folder}.", folder=folder),
    ]


def _template_warnings(name: str | None, config: str) -> tuple[Message, ...]:
    if name is None:
        return (message("{file} names no model_name, so no chat template.", file=config),)
    if name in _RAW_NAMES:
        return (
            message(
                "model_name {name} selects no chat template: prompts reach the model as they "
                "are. A model that was trained to chat needs a chat name.",
                name=name,
            ),
        )
    if name == "internlm2" and config == INI:
        return (
            message(
                "model_name internlm2 means the raw prompt on LMDeploy 0.2.4 and 0.2.5, and the "
                "chat template from 0.2.6 on; internlm2-chat-7b means chat on both."
            ),
        )
    return ()
