"""The shape of a model, from its `config.json`.

Families name the same thing differently (`num_hidden_layers`, `n_layer`), and models that also
see keep the language model's part under a key of its own. What is absent or nonsense is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emotui.models.description import Quantization
from emotui.models.reading import count, mapping, word

_NESTED = ("text_config", "llm_config", "language_config")
_LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads")
_KV_HEADS = ("num_key_value_heads", "num_kv_heads", "n_head_kv", "multi_query_group_num")
_HEAD_SIZE = ("head_dim", "kv_channels")
_HIDDEN = ("hidden_size", "n_embd", "d_model")
_POSITIONS = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
_VOCABULARY = ("vocab_size", "padded_vocab_size")
_DTYPES = ("dtype", "torch_dtype")


@dataclass(frozen=True, slots=True)
class Architecture:
    """What a `config.json` says; None means that it does not."""

    name: str | None
    model_type: str | None
    dtype: str | None
    layers: int | None
    heads: int | None
    kv_heads: int | None
    head_size: int | None
    hidden_size: int | None
    vocab_size: int | None
    max_position_embeddings: int | None
    tied: bool
    """Whether the output layer is the embedding again."""
    quantization: Quantization | None
    remote_code: bool
    """Whether it names classes in Python files of its own."""


def read_architecture(config: Mapping[str, object]) -> Architecture | None:
    """Return what a `config.json` describes, None when it describes no model."""
    names = config.get("architectures")
    name = word(names[0]) if isinstance(names, list) and names else None
    model_type = word(config.get("model_type"))
    if name is None and model_type is None:
        return None
    parts = [config, *(mapping(config.get(key)) for key in _NESTED)]
    hidden, heads = _first(parts, _HIDDEN), _first(parts, _HEADS)
    size = _first(parts, _HEAD_SIZE)
    if size is None and hidden is not None and heads is not None and hidden % heads == 0:
        size = hidden // heads
    return Architecture(
        name=name,
        model_type=model_type,
        dtype=_dtype(parts),
        layers=_first(parts, _LAYERS),
        heads=heads,
        kv_heads=_kv_heads(parts, heads),
        head_size=size,
        hidden_size=hidden,
        vocab_size=_first(parts, _VOCABULARY),
        max_position_embeddings=_first(parts, _POSITIONS),
        tied=any(part.get("tie_word_embeddings") is True for part in parts),
        quantization=_quantization(mapping(config.get("quantization_config"))),
        remote_code=bool(config.get("auto_map")),
    )


def _first(parts: list[Mapping[str, object]], keys: tuple[str, ...]) -> int | None:
    for part in parts:
        for key in keys:
            value = count(part.get(key))
            if value is not None:
                return value
    return None


def _kv_heads(parts: list[Mapping[str, object]], heads: int | None) -> int | None:
    # Falcon's and ChatGLM's switch: one head, or a number of them that stands beside it.
    if any(part.get("multi_query") is True for part in parts):
        return 1
    if any(part.get("multi_query_attention") is False for part in parts):
        return heads
    return _first(parts, _KV_HEADS) or heads


def _dtype(parts: list[Mapping[str, object]]) -> str | None:
    for part in parts:
        for key in _DTYPES:
            value = word(part.get(key))
            if value is not None:
                return value.removeprefix("torch.")
    return None


def _quantization(config: Mapping[str, object]) -> Quantization | None:
    if not config:
        return None
    method = word(config.get("quant_method")) or "unknown"
    bits = next(
        (value for key in ("bits", "w_bit", "wbits") if (value := count(config.get(key)))), None
    )
    if config.get("load_in_4bit") is True or method == "mxfp4":
        bits = 4
    elif config.get("load_in_8bit") is True or method == "fp8":
        bits = 8
    group = count(config.get("group_size")) or count(config.get("q_group_size"))
    return Quantization(bits, group, method.lower())
