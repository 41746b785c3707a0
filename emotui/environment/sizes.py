"""How much memory and disk a task takes of a model, in bytes.

Rough on purpose: what can be known from the folder, for the question whether to begin.
"""

from __future__ import annotations

from emotui.models.folder import ModelFolder, ModelKind

GIB = 1 << 30

OVERHEAD_BYTES = GIB
"""What CUDA's context, cuBLAS and NCCL take of a GPU: 0.5 to 1 GB."""

INTERPRETER_BYTES = 2 * GIB
"""What Python with torch takes of host memory."""

SAMPLES = 128
SEQUENCE_LENGTH = 2048
"""The defaults of calibration."""


def weight_bytes(model: ModelFolder) -> int:
    """Return what the weights take on the GPU: two bytes each, or as packed on disk."""
    if model.kind is ModelKind.HF and model.quantization is None and model.parameters:
        return 2 * model.parameters
    return model.size_bytes


def calibration_bytes(model: ModelFolder) -> int | None:
    """Return what calibration with its defaults takes on the GPU, None when it is not known.

    The hidden states of all samples in three copies, the embeddings and the output layer;
    decoder layers are there one at a time.
    """
    if model.hidden_size is None:
        return None
    states = 3 * SAMPLES * SEQUENCE_LENGTH * model.hidden_size * 2
    embeddings = 2 * (model.vocab_size or 0) * model.hidden_size * 2
    return states + embeddings + OVERHEAD_BYTES


def converted_bytes(model: ModelFolder) -> int:
    """Return what a workspace of the model takes on disk: its weights once more."""
    return weight_bytes(model)


def quantized_bytes(model: ModelFolder) -> int:
    """Return what 4-bit weights of the model take on disk, embeddings in 16 bits included."""
    embeddings = 2 * (model.vocab_size or 0) * (model.hidden_size or 0)
    parameters = weight_bytes(model) // 2
    linear = max(0, parameters - embeddings)
    return int(linear * (0.5 + 4 / 128)) + 2 * embeddings


def loading_bytes(model: ModelFolder) -> int:
    """Return the host memory that loading the whole model in 16 bits needs, with some room."""
    return int(1.2 * weight_bytes(model)) + INTERPRETER_BYTES
