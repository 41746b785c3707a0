"""The weight files of a workspace, told by their names and sizes; nothing is read from them.

layers.N.attention.w_qkv.R.weight      N the layer, R the rank of tensor parallelism
layers.N.….R.qweight, .R.scales_zeros  4-bit weights and their scales
layers.N.past_kv_scale.R.weight        16 bytes: scale and zero point of keys and of values
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SCALE_BYTES = 16
_RANKED = re.compile(r"layers\.(\d+)\.(.+?)\.(\d+)\.(weight|qweight|scales_zeros|bias)")
_SCALE = "past_kv_scale"
WHOLE_MODEL = ("norm.weight", "output.weight", "tok_embeddings.weight")


@dataclass(frozen=True)
class WeightFiles:
    """The files beside a `config.ini`, by name, with their sizes in bytes."""

    sizes: Mapping[str, int]

    @cached_property
    def _parts(self) -> list[tuple[int, str, int, str]]:
        """Layer, name, rank and kind of every file that belongs to a rank."""
        found = (_RANKED.fullmatch(name) for name in self.sizes)
        return [(int(m[1]), m[2], int(m[3]), m[4]) for m in found if m]

    @property
    def layers(self) -> int:
        """How many layers have attention weights."""
        return len({layer for layer, name, _rank, _kind in self._parts if "attention" in name})

    @property
    def ranks(self) -> int:
        """Over how many GPUs the weights were split."""
        numbers = {rank for _layer, name, rank, _kind in self._parts if name != _SCALE}
        return max(numbers, default=-1) + 1

    @property
    def is_quantized(self) -> bool:
        """The weights have 4 bits."""
        return any(kind == "qweight" for _layer, _name, _rank, kind in self._parts)

    @property
    def scales(self) -> Mapping[str, int]:
        """The scale files of a calibrated KV cache, with their sizes."""
        return {name: size for name, size in self.sizes.items() if f".{_SCALE}." in name}

    @property
    def missing(self) -> tuple[str, ...]:
        """The files of the whole model that are absent."""
        return tuple(name for name in WHOLE_MODEL if name not in self.sizes)

    @property
    def group_size(self) -> int | None:
        """Weights that share a scale; None when it cannot be told.

        A qweight takes half a byte a weight and its scales_zeros four bytes a group, so the
        quotient of their sizes is an eighth of the group.
        """
        found = {
            8 * size / self.sizes[scales]
            for name, size in self.sizes.items()
            if name.endswith(".qweight")
            and self.sizes.get(scales := name.removesuffix("qweight") + "scales_zeros")
        }
        whole = {int(group) for group in found if group == int(group)}
        return whole.pop() if len(whole) == 1 and len(found) == 1 else None


def read_weights(folder: Path) -> WeightFiles | None:
    """Return the weight files in `folder`; None when there are none or it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            sizes = {
                entry.name: entry.stat().st_size
                for entry in entries
                if entry.name.endswith(("weight", "scales_zeros", "bias")) and entry.is_file()
            }
    except OSError:
        return None
    return WeightFiles(sizes) if sizes else None
