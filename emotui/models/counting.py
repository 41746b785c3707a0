"""How many weights tensors stand for, which type most of them have, and whether AWQ packed them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from emotui.models.description import Quantization
from emotui.models.tensors import BITS, Tensor

_SCALES = re.compile(
    r"([._](qzeros|scales|g_idx|zeros|scale|weight_scale|weight_scale_inv|input_scale|"
    r"k_scale|v_scale|weight_zero_point|weight_shape|weight_format|SCB|absmax)$)|\.weight\."
)
_BUFFERS = re.compile(
    r"(inv_freq|position_ids|masked_bias|num_batches_tracked|running_mean|running_var)$"
)
_OUTPUTS = ("lm_head.weight", "output.weight", "embed_out.weight")
_EMBEDDINGS = ("embed_tokens.weight", "tok_embeddings.weight", "wte.weight", "embed_in.weight")


def packed_by_awq(tensors: Iterable[Tensor]) -> Quantization | None:
    """Return how AWQ packed the tensors, None when it did not.

    LMDeploy up to 0.3.0 writes AWQ checkpoints whose `config.json` does not say so. A linear
    layer is then `qweight` (in, out x bits / 32) of int32 and `scales` (in / group, out); GPTQ's
    `qweight` is (in x bits / 32, out), which tells the two apart.
    """
    shapes = {tensor.name: tensor.shape for tensor in tensors if len(tensor.shape) == 2}
    for name, packed in shapes.items():
        if not name.endswith(".qweight"):
            continue
        scales = shapes.get(name.removesuffix("qweight") + "scales")
        if scales is None or 0 in packed or 0 in scales or packed[1] == scales[1]:
            continue
        bits, rest = divmod(32 * packed[1], scales[1])
        if rest == 0 and bits in {2, 3, 4, 8} and packed[0] % scales[0] == 0:
            return Quantization(bits, packed[0] // scales[0])
    return None


def count_parameters(
    tensors: Iterable[Tensor], quantization: Quantization | None, *, tied: bool
) -> int:
    """Return how many weights the tensors stand for.

    Packed integers count as the weights in them; scales, zero points and buffers do not count.
    Tensors that share a storage count once, and so does an output layer that the configuration
    ties to the embedding (`tied`) although the file holds both.
    """
    bits = quantization.bits if quantization is not None else None
    by_name = {tensor.name: tensor for tensor in tensors}
    twice = _tied_output(by_name) if tied else None
    seen: set[Hashable] = set()
    total = 0
    for tensor in by_name.values():
        if tensor.name == twice or not _is_parameter(tensor, quantized=bits is not None):
            continue
        if tensor.storage is not None:
            if tensor.storage in seen:
                continue
            seen.add(tensor.storage)
        total += tensor.elements * _weights_per_element(tensor, bits)
    return total


def _is_parameter(tensor: Tensor, *, quantized: bool) -> bool:
    if _BUFFERS.search(tensor.name) or tensor.dtype == "bool":
        return False
    if tensor.name.endswith(("attn.bias", "attention.bias")) and len(tensor.shape) == 4:
        return False  # the causal mask that GPT-2 and its kin store
    return not (quantized and _SCALES.search(tensor.name))


def _weights_per_element(tensor: Tensor, bits: int | None) -> int:
    if bits is None or bits >= 16 or not tensor.dtype.startswith(("int", "uint")):
        return 1
    return max(1, BITS.get(tensor.dtype, bits) // bits)


def _tied_output(tensors: Mapping[str, Tensor]) -> str | None:
    """Return the name of the output layer when it has the shape of the embedding."""
    outputs = [name for name in tensors if name.endswith(_OUTPUTS)]
    embeddings = [name for name in tensors if name.endswith(_EMBEDDINGS)]
    if len(outputs) == 1 and len(embeddings) == 1:
        output, embedding = tensors[outputs[0]], tensors[embeddings[0]]
        if output.shape == embedding.shape and output.storage is None:
            return output.name
    return None


def dominant_dtype(tensors: Iterable[Tensor]) -> str | None:
    """Return the floating-point type that most weights have, None when none is floating."""
    elements: Counter[str] = Counter()
    for tensor in tensors:
        if tensor.dtype.startswith(("float", "bfloat")):
            elements[tensor.dtype] += tensor.elements
    return elements.most_common(1)[0][0] if elements else None
