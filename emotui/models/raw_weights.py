"""The raw files of weights in a workspace: counted by their sizes, checked against the shape.

Names are `TENSOR[.RANK].KIND`: `layers.0.attention.w_qkv.0.weight`, `norm.weight`. A tensor that
is split has a file a rank; biases behind a sum are copied to each. `qweight` is packed to 4 bits,
`scales_zeros` and `past_kv_scale` belong to quantization. Vocabulary tensors are padded to a
multiple of the ranks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILE = re.compile(r"(?P<tensor>.+?)(?:\.(?P<rank>\d+))?\.(?P<kind>weight|qweight|bias)", re.ASCII)
_NO_PARAMETER = re.compile(r"past_kv_scale|\.lora_[ab]")
_VOCABULARY = ("tok_embeddings", "output")
_BYTES = {"fp32": 4, "float32": 4, "int8": 1, "fp8": 1}
FILE_LIMIT = 200_000


@dataclass(frozen=True, slots=True)
class Shape:
    """What the configuration says about the size of the model."""

    layers: int | None
    heads: int | None
    kv_heads: int | None
    head_size: int | None
    hidden: int | None
    inner: int | None
    vocabulary: int | None
    tp: int
    weight_type: str | None
    tied: bool
    """Whether the checkpoint's output layer was its embedding again."""
    family: str
    """The checkpoint's model type, empty when it is not known."""

    @property
    def packed_bits(self) -> int | None:
        """Bits of a packed weight, None when weights are not packed."""
        return 4 if self.weight_type == "int4" else None

    def described(self) -> int | None:
        """Return the parameters of a Llama-like model of this shape, biases left out."""
        if (
            self.layers is None
            or self.heads is None
            or self.kv_heads is None
            or self.head_size is None
            or self.hidden is None
            or self.inner is None
            or self.vocabulary is None
        ):
            return None
        attention = self.hidden * self.head_size * (2 * self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.hidden * self.inner + 2 * self.hidden
        vocabularies = 1 if self.tied else 2
        return self.layers * layer + (vocabularies * self.vocabulary + 1) * self.hidden

    def matches(self, files: Mapping[str, int]) -> bool:
        """Whether the files, biases left out, hold as many weights as are described."""
        weights = {name: size for name, size in files.items() if not name.endswith(".bias")}
        return count_raw(weights, self) == self.described()


def raw_files(folder: Path) -> dict[str, int]:
    """Return the bytes of each file of weights in `folder`; raises `OSError`."""
    found: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for _number, entry in zip(range(FILE_LIMIT), entries, strict=False):
            if _FILE.fullmatch(entry.name) and entry.is_file():
                found[entry.name] = entry.stat().st_size
    return found


def count_raw(files: Mapping[str, int], shape: Shape) -> int | None:
    """Return how many weights the files hold, None when there are none."""
    width = _width(files, shape)
    total = 0
    for name, size in files.items():
        part = _FILE.fullmatch(name)
        if part is None or _NO_PARAMETER.search(name) or not _counts(part, shape):
            continue
        if part["kind"] == "qweight":
            total += size * 8 // (shape.packed_bits or 4)
        else:
            total += size // width - _padding(part, shape)
    return total or None


def _counts(part: re.Match[str], shape: Shape) -> bool:
    """Whether a file holds parameters of the model that no other file holds."""
    if shape.tied and part["tensor"] == "output":
        return False
    if part["kind"] == "bias" and part["tensor"].endswith(".wo"):
        # Copied to every rank; and Qwen has no such bias, LMDeploy writes zeros for it.
        return part["rank"] in {None, "0"} and not shape.family.startswith("qwen")
    return True


def _padding(part: re.Match[str], shape: Shape) -> int:
    if part["tensor"] not in _VOCABULARY or part["rank"] is not None:
        return 0
    return (-(shape.vocabulary or 0) % shape.tp) * (shape.hidden or 0)


def _width(files: Mapping[str, int], shape: Shape) -> int:
    """Return the bytes of a number: measured, since 0.2.4 writes fp32 models as fp16."""
    measured = files.get("tok_embeddings.weight")
    if measured and shape.vocabulary and shape.hidden:
        rows = shape.vocabulary + -shape.vocabulary % shape.tp
        width, rest = divmod(measured, rows * shape.hidden)
        if rest == 0 and width in {2, 4}:
            return width
    return _BYTES.get(shape.weight_type or "", 2)


def missing_tensors(files: Iterable[str], shape: Shape, *, classic: bool) -> list[str]:
    """Return the names of tensors that should be there and are not, in order.

    A `classic` workspace (with `config.ini`) is checked tensor by tensor and rank by rank; a
    later one, whose layers differ more, only for a file of each layer.
    """
    present = {(part["tensor"], part["rank"]) for name in files if (part := _FILE.fullmatch(name))}
    wanted = _classic(shape, present) if classic else _later(shape, present)
    return [
        tensor if rank is None else f"{tensor}.{rank}"
        for tensor, rank in wanted
        if (tensor, rank) not in present and (tensor, rank or "0") not in present
    ]


def _classic(
    shape: Shape, present: set[tuple[str, str | None]]
) -> Iterator[tuple[str, str | None]]:
    yield from ((tensor, None) for tensor in ("tok_embeddings", "norm", "output"))
    for layer in range(shape.layers or 0):
        start = f"layers.{layer}"
        fused = (f"{start}.feed_forward.w13", "0") in present
        split = ("w13", "w2") if fused else ("w1", "w3", "w2")
        yield f"{start}.attention_norm", None
        yield f"{start}.ffn_norm", None
        for rank in map(str, range(shape.tp)):
            yield f"{start}.attention.w_qkv", rank
            yield f"{start}.attention.wo", rank
            yield from ((f"{start}.feed_forward.{name}", rank) for name in split)


def _later(shape: Shape, present: set[tuple[str, str | None]]) -> Iterator[tuple[str, str | None]]:
    yield from ((tensor, None) for tensor in ("tok_embeddings", "norm", "output"))
    layers = {tensor.split(".")[1] for tensor, _rank in present if tensor.startswith("layers.")}
    for layer in map(str, range(shape.layers or 0)):
        if layer not in layers:
            yield f"layers.{layer}", None
