"""The tensors of a file that `torch.save` wrote, read without torch and without the weights.

Since PyTorch 1.6 such a file is a zip archive: `NAME/data.pkl` is a pickle that rebuilds each
tensor from a storage, `NAME/data/KEY` holds the storage's bytes. The pickle is described
(`pickle_reader`), never loaded. The older format without a zip archive is not read.
"""

from __future__ import annotations

import errno
import math
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from emotui.models.pickle_reader import (
    Call,
    Described,
    Global,
    Pairs,
    Persistent,
    PickleError,
    describe,
)
from emotui.models.reading import LFS_POINTER, open_regular
from emotui.models.tensors import BITS, HeaderError, Tensor, as_shape, lfs_pointer
from emotui.support.language import Message, message
from emotui.support.text import clean_line

PICKLE_LIMIT = 32 << 20

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
_KNOWN_GLOBALS = {
    "collections.OrderedDict",
    "torch.Size",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.storage.UntypedStorage",
    "torch.storage.TypedStorage",
    *(f"torch.{storage}" for storage in _STORAGES),
    *(f"torch.{dtype}" for dtype in BITS),
}
_WRAPPERS = ("state_dict", "model", "module")
"""Keys under which training programs keep the weights."""


@dataclass(frozen=True, slots=True)
class TorchFile:
    """What a file of `torch.save` says."""

    tensors: list[Tensor]
    foreign: tuple[str, ...]
    """Names in its pickle that rebuild no tensor: loading it would import and call them."""


def read_torch(path: Path) -> TorchFile:
    """Return the tensors of a `.bin`, `.pt` or `.pth` file.

    Raises `HeaderError` when it is of the older format or broken, and `OSError`.
    """
    with open_regular(path) as file:
        start = file.read(len(LFS_POINTER))
        if start == LFS_POINTER:
            raise HeaderError(lfs_pointer(path))
        if not start.startswith(b"PK\x03\x04"):
            raise HeaderError(_not_a_zip(path, start))
        try:
            with zipfile.ZipFile(file) as archive:
                described, sizes = _open_archive(path, archive)
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,  # an encrypted member
            NotImplementedError,  # a compression that is not known
            EOFError,
            ValueError,
            struct.error,
        ) as error:
            raise HeaderError(_broken(path)) from error
        except OSError as error:
            if error.errno == errno.EINVAL:  # a damaged directory led to a place before the start
                raise HeaderError(_broken(path)) from error
            raise
    tensors = [_tensor(path, name, value, sizes) for name, value in _weights_in(described.value)]
    foreign = dict.fromkeys(
        clean_line(str(found)[:100])
        for found in described.globals
        if str(found) not in _KNOWN_GLOBALS
    )
    return TorchFile(tensors, tuple(foreign))


def _not_a_zip(path: Path, start: bytes) -> Message:
    if start.startswith(b"\x80"):
        return message(
            "{file} is in PyTorch's format from before 1.6, which is not read here; "
            "its parameter count is unknown.",
            file=path.name,
        )
    return _broken(path)


def _broken(path: Path) -> Message:
    return message(
        "{file} is no complete PyTorch file: it was not downloaded or copied completely, "
        "or it is something else.",
        file=path.name,
    )


def _open_archive(path: Path, archive: zipfile.ZipFile) -> tuple[Described, dict[str, int]]:
    """Return what the archive's pickle describes, and the bytes of each storage."""
    members = archive.infolist()
    pickles = [member for member in members if member.filename.split("/", 1)[1:] == ["data.pkl"]]
    if len(pickles) != 1 or pickles[0].file_size > PICKLE_LIMIT:
        raise HeaderError(_broken(path))
    if pickles[0].compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise HeaderError(_broken(path))
    folder = pickles[0].filename.removesuffix("data.pkl") + "data/"
    sizes = {
        member.filename.removeprefix(folder): member.file_size
        for member in members
        if member.filename.startswith(folder)
    }
    with archive.open(pickles[0]) as file:
        content = file.read(PICKLE_LIMIT + 1)
    try:
        return describe(content), sizes
    except PickleError as error:
        raise HeaderError(_broken(path)) from error


def _weights_in(value: object) -> list[tuple[str, Call]]:
    """Return the named tensors of a state dict, also of one that stands in a wrapper."""
    if not isinstance(value, Pairs):
        return []
    found = [
        (key, tensor)
        for key, item in value.items
        if isinstance(key, str) and (tensor := _rebuilt(item)) is not None
    ]
    if found:
        return found
    for key, item in value.items:
        if isinstance(key, str) and key in _WRAPPERS and isinstance(item, Pairs):
            return [
                (name, tensor)
                for name, inner in item.items
                if isinstance(name, str) and (tensor := _rebuilt(inner)) is not None
            ]
    return []


def _rebuilt(value: object) -> Call | None:
    """Return the call that rebuilds a tensor, out of the one that makes it a parameter."""
    for _depth in range(2):
        if not isinstance(value, Call) or not isinstance(value.function, Global):
            return None
        if value.function.name.startswith("_rebuild_tensor"):
            return value
        if not value.function.name.startswith("_rebuild_parameter") or not value.arguments:
            return None
        value = value.arguments[0]
    return None


def _tensor(path: Path, name: str, call: Call, sizes: dict[str, int]) -> Tensor:
    """Return the tensor that a call rebuilds.

    Its arguments are storage, offset, size, stride, requires_grad, hooks and, for the types
    that have no storage class of their own (version 3), the type.
    """
    if len(call.arguments) < 3:
        raise HeaderError(_broken(path))
    storage, offset, shape = call.arguments[0], call.arguments[1], as_shape(call.arguments[2])
    if not isinstance(storage, Persistent) or not isinstance(offset, int) or shape is None:
        raise HeaderError(_broken(path))
    # ("storage", torch.HalfStorage, "0", "cpu", 4096)
    described = storage.id
    if not isinstance(described, tuple) or len(described) < 3:
        raise HeaderError(_broken(path))
    kind, key = described[1], described[2]
    if not isinstance(kind, Global) or not isinstance(key, str) or key not in sizes:
        raise HeaderError(_broken(path))
    named = call.arguments[6] if len(call.arguments) > 6 else None
    own = named.name if isinstance(named, Global) else "unknown"
    dtype = _STORAGES.get(kind.name, own)
    tensor = Tensor(name, dtype, shape, (path.name, key, offset, math.prod(shape)))
    if offset < 0 or (offset + tensor.elements) * BITS.get(dtype, 0) > sizes[key] * 8:
        raise HeaderError(_broken(path))
    return tensor
