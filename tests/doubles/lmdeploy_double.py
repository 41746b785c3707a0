"""An environment with a small LMDeploy that converts, and a model folder for it.

The real LMDeploy takes the same path in tests/integration/test_convert.py.
"""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path

from doubles.environments import make_environment

PACKAGE = Path(__file__).with_name("lmdeploy_package")


def make_lmdeploy(folder: Path, version: str = "0.2.4") -> Path:
    """Make a virtual environment that has the double as LMDeploy; return its interpreter."""
    python = make_environment(folder, version)
    site = next(folder.glob("lib/python3*/site-packages"))
    shutil.copytree(PACKAGE, site / "lmdeploy", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "lmdeploy" / "version.py").write_text(f"__version__ = '{version}'\n")
    return python


def make_model(folder: Path, *, awq_group_size: int | None = None, **config: object) -> Path:
    """Make a Llama checkpoint with real headers and no meaningful weights; return `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    document: dict[str, object] = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 256,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": 64,
        "max_position_embeddings": 2048,
        "torch_dtype": "float16",
    }
    if awq_group_size is not None:
        document["quantization_config"] = {
            "quant_method": "awq",
            "bits": 4,
            "group_size": awq_group_size,
        }
    (folder / "config.json").write_text(json.dumps(document | config))
    (folder / "tokenizer.model").write_bytes(b"\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ x }}"}))
    (folder / "model.safetensors").write_bytes(_safetensors())
    return folder


def _safetensors() -> bytes:
    size = 64 * 256 * 2
    tensor = {"dtype": "F16", "shape": [64, 256], "data_offsets": [0, size]}
    header = json.dumps({"model.embed_tokens.weight": tensor}).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * size
