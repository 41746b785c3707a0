"""Model folders as small as they can be, written by hand in the real formats.

`tests/integration/test_models_real.py` reads folders of the same kinds that torch, transformers
and LMDeploy wrote.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

BYTES = {"F16": 2, "BF16": 2, "F32": 4, "I32": 4, "U8": 1, "BOOL": 1, "F64": 8}
STORAGES = {
    "F16": "HalfStorage",
    "F32": "FloatStorage",
    "BF16": "BFloat16Storage",
    "I32": "IntStorage",
    "BOOL": "BoolStorage",
}
Shapes = Mapping[str, tuple[str, Sequence[int]]]
"""Tensors: their name, type and shape."""

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 10,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}


def llama_tensors(dtype: str = "F16") -> dict[str, tuple[str, Sequence[int]]]:
    """The tensors of the model that `LLAMA` describes."""
    tensors: dict[str, tuple[str, Sequence[int]]] = {
        "model.embed_tokens.weight": (dtype, (10, 16)),
        "model.norm.weight": (dtype, (16,)),
        "lm_head.weight": (dtype, (10, 16)),
    }
    for layer in ("model.layers.0", "model.layers.1"):
        tensors |= {
            f"{layer}.self_attn.q_proj.weight": (dtype, (16, 16)),
            f"{layer}.self_attn.k_proj.weight": (dtype, (8, 16)),
            f"{layer}.self_attn.v_proj.weight": (dtype, (8, 16)),
            f"{layer}.self_attn.o_proj.weight": (dtype, (16, 16)),
            f"{layer}.mlp.gate_proj.weight": (dtype, (32, 16)),
            f"{layer}.mlp.up_proj.weight": (dtype, (32, 16)),
            f"{layer}.mlp.down_proj.weight": (dtype, (16, 32)),
            f"{layer}.input_layernorm.weight": (dtype, (16,)),
            f"{layer}.post_attention_layernorm.weight": (dtype, (16,)),
        }
    return tensors


LLAMA_PARAMETERS = 2 * (2 * 16 * 16 + 2 * 8 * 16 + 3 * 32 * 16 + 2 * 16) + 2 * 10 * 16 + 16


def safetensors_header(tensors: Shapes) -> bytes:
    """The length and the JSON that a safetensors file of these tensors begins with."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, end = end, end + math.prod(shape) * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    content = json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content


def write_safetensors(path: Path, tensors: Shapes) -> Path:
    """Write a whole file, its weights all zero."""
    size = sum(math.prod(shape) * BYTES[dtype] for dtype, shape in tensors.values())
    path.write_bytes(safetensors_header(tensors) + b"\0" * size)
    return path


def text_op(text: str) -> bytes:
    """The operation that pushes a text."""
    encoded = text.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def number_op(number: int) -> bytes:
    """The operation that pushes a number."""
    return b"J" + struct.pack("<i", number)


def tensor_op(dtype: str, key: str, shape: Sequence[int], stored: int, offset: int = 0) -> bytes:
    """The operations by which `torch.save` describes a tensor in the storage `key`."""
    storage = b"(" + text_op("storage") + f"ctorch\n{STORAGES[dtype]}\n".encode()
    storage += text_op(key) + text_op("cpu") + number_op(stored) + b"tQ"
    sizes = b"(" + b"".join(map(number_op, shape)) + b"t"
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number_op(offset) + sizes * 2 + rest
    ) + b"tR"


def write_torch(
    path: Path, tensors: Shapes, *, tied: Mapping[str, str] | None = None, more: bytes = b""
) -> Path:
    """Write what `torch.save(state_dict)` writes; `tied` names share another tensor's storage.

    `more` are operations for further keys and values.
    """
    content = b"\x80\x02ccollections\nOrderedDict\n)R("
    keys = {name: str(number) for number, name in enumerate(tensors)}
    for name in [*tensors, *(tied or {})]:
        origin = (tied or {}).get(name, name)
        dtype, shape = tensors[origin]
        content += text_op(name) + tensor_op(dtype, keys[origin], shape, math.prod(shape))
    content += more + b"u."
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for name, (dtype, shape) in tensors.items():
            archive.writestr(
                f"archive/data/{keys[name]}", b"\0" * (math.prod(shape) * BYTES[dtype])
            )
        archive.writestr("archive/version", "3\n")
    return path


def make_checkpoint(
    folder: Path, *, tokenizer: bool = True, template: bool = True, **config: object
) -> Path:
    """Make a whole Llama checkpoint with safetensors; `config` overrides `LLAMA`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(LLAMA | config), "utf-8")
    write_safetensors(folder / "model.safetensors", llama_tensors())
    if tokenizer:
        (folder / "tokenizer.model").write_bytes(b"\x0a\x01")
        settings = {"chat_template": "{{ messages }}"} if template else {}
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


INI = """[llama]
model_name = internlm2-chat-7b
tensor_para_size = {tp}
head_num = 4
kv_head_num = 2
vocab_size = 10
num_layer = 2
inter_size = 32
attn_bias = 0
session_len = 4104
weight_type = {weight_type}
size_per_head = 4
group_size = {group}
max_position_embeddings = 64
"""


def make_workspace(folder: Path, *, tp: int = 1, packed: bool = False) -> Path:
    """Make a whole workspace of the model that `LLAMA` describes, as LMDeploy 0.2 lays it out."""
    weights = folder / "triton_models" / "weights"
    tokenizer = folder / "triton_models" / "tokenizer"
    inner = folder / "triton_models" / "interactive" / "1"
    for place in (weights, tokenizer, inner, folder / "model_repository"):
        place.mkdir(parents=True)
    (weights / "config.ini").write_text(
        INI.format(tp=tp, weight_type="int4" if packed else "fp16", group=8 if packed else 0)
    )
    rows = 10 + -10 % tp
    for name, count in (("tok_embeddings", rows * 16), ("output", rows * 16), ("norm", 16)):
        (weights / f"{name}.weight").write_bytes(b"\0" * (count * 2))
    for layer in range(2):
        _write_layer(weights, f"layers.{layer}", tp, packed=packed)
    (tokenizer / "tokenizer.model").write_bytes(b"\x0a\x01")
    (tokenizer / "tokenizer.py").write_text("")
    (tokenizer / "config.json").write_text(json.dumps(LLAMA))
    (inner / "weights").symlink_to("../../weights")
    (folder / "model_repository" / "turbomind").symlink_to("../triton_models/interactive")
    return folder


def _write_layer(weights: Path, layer: str, tp: int, *, packed: bool) -> None:
    matrices = {"attention.w_qkv": 16 * 32, "attention.wo": 16 * 16, "feed_forward.w2": 32 * 16}
    if packed:
        matrices |= {"feed_forward.w13": 2 * 32 * 16}
    else:
        matrices |= {"feed_forward.w1": 32 * 16, "feed_forward.w3": 32 * 16}
    for norm in ("attention_norm", "ffn_norm"):
        (weights / f"{layer}.{norm}.weight").write_bytes(b"\0" * 32)
    for name, count in matrices.items():
        for rank in range(tp):
            start = f"{layer}.{name}.{rank}"
            if packed:
                (weights / f"{start}.qweight").write_bytes(b"\0" * (count // 2 // tp))
                (weights / f"{start}.scales_zeros").write_bytes(b"\0" * (count // 8 * 4 // tp))
            else:
                (weights / f"{start}.weight").write_bytes(b"\0" * (count * 2 // tp))
