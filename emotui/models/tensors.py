"""What a tensor is, and the header of a safetensors file.

The format: eight bytes, little-endian, with the length of the header; the header, a JSON object
of name → dtype, shape and data_offsets; then the data. Only the header is read, and each entry
must agree with itself and with the size of the file, so a file that a download left short is
found without reading a weight.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from emotui.models.reading import LFS_POINTER, open_regular
from emotui.support.language import Message, message

HEADER_LIMIT = 32 << 20
"""Bytes of a header that are read: some hundred thousand tensors in one file."""

_DTYPES = {
    "F64": ("float64", 64),
    "F32": ("float32", 32),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "I64": ("int64", 64),
    "I32": ("int32", 32),
    "I16": ("int16", 16),
    "I8": ("int8", 8),
    "U64": ("uint64", 64),
    "U32": ("uint32", 32),
    "U16": ("uint16", 16),
    "U8": ("uint8", 8),
    "BOOL": ("bool", 8),
}
BITS = dict(_DTYPES.values())
"""Bits of an element, by torch's name of the type."""

_MAX_DIMENSIONS = 16


class HeaderError(Exception):
    """A file of weights does not say what it holds; `message` tells why."""

    def __init__(self, reason: Message) -> None:
        super().__init__(reason.template)
        self.message = reason


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array, as a header describes it."""

    name: str
    dtype: str
    """Torch's name of the type; a type that is not known here keeps the file's word."""
    shape: tuple[int, ...]
    storage: Hashable = None
    """Tensors with the same storage are the same weights; None means its own."""

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def as_shape(value: object) -> tuple[int, ...] | None:
    """Return a value as a shape, None when it is no short sequence of plausible sizes."""
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_DIMENSIONS:
        return None
    if not all(type(size) is int and 0 <= size < 1 << 48 for size in value):
        return None
    return tuple(value)


def read_safetensors(path: Path) -> list[Tensor]:
    """Return the tensors of a safetensors file, from its header.

    Raises `HeaderError` when the header is broken or the file is too short for it, and `OSError`.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        if start and LFS_POINTER.startswith(start):
            raise HeaderError(lfs_pointer(path))
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > size - 8:
            raise HeaderError(_too_short(path))
        if length > HEADER_LIMIT:
            raise HeaderError(
                message("The header of {file} is too large to be one.", file=path.name)
            )
        header = file.read(length)
    return _parse(path, header, size - 8 - length)


def lfs_pointer(path: Path) -> Message:
    """Say that the weights were never downloaded."""
    return message(
        "{file} is a Git LFS pointer: the weights were not downloaded. Run: git lfs pull",
        file=path.name,
    )


def _parse(path: Path, header: bytes, data_bytes: int) -> list[Tensor]:
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict):
        raise HeaderError(_broken(path))
    tensors = []
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        tensor, end = _tensor(path, name, entry)
        if end > data_bytes:
            raise HeaderError(_too_short(path))
        tensors.append(tensor)
    return tensors


def _tensor(path: Path, name: str, entry: object) -> tuple[Tensor, int]:
    if not isinstance(entry, dict):
        raise HeaderError(_broken(path))
    dtype, shape = entry.get("dtype"), as_shape(entry.get("shape"))
    offsets = as_shape(entry.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise HeaderError(_broken(path))
    start, end = offsets
    torch_name, bits = _DTYPES.get(dtype, (dtype, None))
    tensor = Tensor(name, torch_name, shape)
    if start > end or (bits is not None and tensor.elements * bits != (end - start) * 8):
        raise HeaderError(_broken(path))
    return tensor, end


def _broken(path: Path) -> Message:
    return message("The header of {file} is broken.", file=path.name)


def _too_short(path: Path) -> Message:
    return message(
        "{file} is shorter than its header says: it was not downloaded or copied completely.",
        file=path.name,
    )
