"""A Hugging Face checkpoint, plain or quantized: `config.json`, weights, tokenizer."""

from __future__ import annotations

from pathlib import Path

from emotui.models.architecture import Architecture, read_architecture
from emotui.models.counting import count_parameters, dominant_dtype, packed_by_awq
from emotui.models.description import ModelFolder, ModelKind, Quantization, WeightFormat
from emotui.models.disk import file_names, size_bytes
from emotui.models.reading import read_json
from emotui.models.tokenizer import Tokenizer, read_tokenizer
from emotui.models.weights import Weights, read_weights
from emotui.support.language import Message, message
from emotui.support.text import clean_line

CONFIG = "config.json"
_SHOWN = 4


def read_checkpoint(folder: Path, name: str) -> ModelFolder | None:
    """Return what the checkpoint in `folder` is, None when its `config.json` names no model.

    Raises `BrokenFileError` when `config.json` cannot be read, and `OSError`.
    """
    architecture = read_architecture(read_json(folder / CONFIG))
    if architecture is None:
        return None
    names = file_names(folder)
    weights = read_weights(folder, names)
    tokenizer = read_tokenizer(folder, names)
    quantization = architecture.quantization or packed_by_awq(weights.tensors)
    is_awq = quantization is not None and quantization.method == "awq"
    return ModelFolder(
        path=folder,
        name=clean_line(name),
        kind=ModelKind.AWQ if is_awq else ModelKind.HF,
        architecture=architecture.name,
        model_type=architecture.model_type,
        parameters=_parameters(weights, quantization, architecture),
        dtype=dominant_dtype(weights.tensors) or architecture.dtype,
        size_bytes=size_bytes(folder),
        weight_format=weights.format,
        layers=architecture.layers,
        heads=architecture.heads,
        kv_heads=architecture.kv_heads,
        head_size=architecture.head_size,
        hidden_size=architecture.hidden_size,
        vocab_size=architecture.vocab_size,
        max_position_embeddings=architecture.max_position_embeddings,
        tokenizer_files=tokenizer.files,
        chat_template=tokenizer.chat_template,
        quantization=quantization,
        config_file=folder / CONFIG,
        code_files=tokenizer.code_files,
        remote_code=_runs_code(architecture, tokenizer),
        problems=_problems(weights, tokenizer),
        warnings=_warnings(weights, tokenizer, architecture),
    )


def _parameters(
    weights: Weights, quantization: Quantization | None, architecture: Architecture
) -> int | None:
    if not weights.complete:
        return None
    return count_parameters(weights.tensors, quantization, tied=architecture.tied)


def _runs_code(architecture: Architecture, tokenizer: Tokenizer) -> bool:
    return architecture.remote_code or tokenizer.remote_code or bool(tokenizer.code_files)


def _problems(weights: Weights, tokenizer: Tokenizer) -> tuple[Message, ...]:
    found = [*weights.problems, *tokenizer.problems]
    if not tokenizer.files:
        found.append(
            message(
                "There is no tokenizer (tokenizer.model, tokenizer.json): copy it from the "
                "model that this one was made from."
            )
        )
    return tuple(found)


def _warnings(
    weights: Weights, tokenizer: Tokenizer, architecture: Architecture
) -> tuple[Message, ...]:
    found = []
    if weights.format is WeightFormat.PICKLE:
        found.append(
            message(
                "The weights are pickle files ({names}): loading them can run code. Prefer "
                "safetensors when you do not trust where they come from.",
                names=_some(weights.files),
            )
        )
    if _runs_code(architecture, tokenizer):
        found.append(
            message(
                "The model brings Python code of its own ({names}). LMDeploy 0.2 runs it "
                "without asking; read it when you do not trust where it comes from.",
                names=_some(tokenizer.code_files) or "auto_map",
            )
        )
    if tokenizer.files and not tokenizer.chat_template:
        found.append(
            message(
                "There is no chat template: LMDeploy from 0.10 on passes prompts to the model "
                "as they are, and earlier versions choose a template by name."
            )
        )
    return tuple(found)


def _some(names: tuple[str, ...]) -> str:
    more = ["…"] if len(names) > _SHOWN else []
    return ", ".join([*(clean_line(name) for name in names[:_SHOWN]), *more])
