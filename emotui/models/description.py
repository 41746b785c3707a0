"""What is known about a model folder, and the words for it.

None always means "unknown": the folder does not say, or says nonsense (then `problems` tells).
Everything textual has passed `clean_line`, so it can be shown as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from emotui.support.language import Message


class ModelKind(str, Enum):
    """What a folder is."""

    HF = "hf"
    """A Hugging Face checkpoint."""
    AWQ = "awq"
    """A Hugging Face checkpoint whose linear layers AWQ packed to 4 bits."""
    WORKSPACE = "workspace"
    """A TurboMind workspace, as `lmdeploy convert` writes it."""


class WeightFormat(str, Enum):
    """How the weights lie on disk."""

    SAFETENSORS = "safetensors"
    PICKLE = "pickle"
    """PyTorch's own format: loading it can run code."""
    TURBOMIND = "turbomind"
    """One raw file a tensor and rank."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """How the weights were made smaller."""

    bits: int | None
    """Bits of a weight."""
    group_size: int | None
    """Weights that share a scale; None when unknown or when a whole row does."""
    method: str = "awq"
    """The name in `quant_method`, lower-case."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder as its files describe it; no weight is read for it."""

    path: Path
    """The folder to give to LMDeploy: a snapshot of the Hugging Face cache, a workspace's root."""
    name: str
    """What a person calls it: the folder's name, or `owner/name` in the Hugging Face cache."""
    kind: ModelKind
    architecture: str | None = None
    """The model's class (`LlamaForCausalLM`), where the folder names it."""
    model_type: str | None = None
    """The family (`llama`, `internlm2`)."""
    model_name: str | None = None
    """Workspace: the name that selects the chat template."""
    parameters: int | None = None
    """Weights of the model; packed ones count as what they stand for, tied ones once."""
    dtype: str | None = None
    """Type of the weights that are not quantized, in torch's words (`float16`)."""
    size_bytes: int = 0
    """All files of the folder; a blob that several names lead to counts once."""
    weight_format: WeightFormat | None = None
    layers: int | None = None
    heads: int | None = None
    kv_heads: int | None = None
    head_size: int | None = None
    hidden_size: int | None = None
    vocab_size: int | None = None
    max_position_embeddings: int | None = None
    """The length that the model was trained for, in tokens."""
    session_len: int | None = None
    """Workspace: tokens a session may have, from its configuration."""
    tp: int | None = None
    """Workspace: how many GPUs it is split for."""
    tokenizer_files: tuple[str, ...] = ()
    """Names of the files that hold a vocabulary."""
    chat_template: bool = False
    """Whether the folder brings (workspace: selects) a chat template."""
    quantization: Quantization | None = None
    config_file: Path | None = None
    """`config.json`; of a workspace its `config.ini` or `config.yaml`."""
    code_files: tuple[str, ...] = ()
    """Python files that come with the model."""
    remote_code: bool = False
    """Whether loading it with trust in remote code runs code from the folder."""
    problems: tuple[Message, ...] = ()
    """What is missing or broken."""
    warnings: tuple[Message, ...] = ()
    """What works but should be known."""

    @property
    def tokenizer(self) -> bool:
        """Whether a tokenizer is there."""
        return bool(self.tokenizer_files)
