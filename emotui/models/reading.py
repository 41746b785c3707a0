"""Reading the small files of a model folder: bounded, regular files only, never a traceback.

A model folder comes from outside. Its JSON may be huge, broken or a pipe; what cannot be used
becomes a `BrokenFileError`, and values of the wrong kind become None.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from emotui.support.errors import BrokenFileError
from emotui.support.text import clean_line

JSON_LIMIT = 32 << 20
"""Bytes of a JSON file that are read; the largest honest ones (shard indexes) have a few MiB."""

LFS_POINTER = b"version https://git-lfs"
_TEXT_LIMIT = 200
_COUNT_LIMIT = 1 << 48


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe or device, which could block, is refused.

    Raises `OSError`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path.name} is no regular file")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, limit: int) -> bytes:
    """Return the content of a small file.

    Raises `BrokenFileError` when it cannot be read or is longer than `limit` bytes.
    """
    try:
        with open_regular(path) as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > limit:
        raise BrokenFileError(
            "{path} is larger than {limit} bytes and was not read.", path=path, limit=limit
        )
    return content


def read_json(path: Path) -> Mapping[str, object]:
    """Return the JSON object in a file; raises `BrokenFileError`."""
    content = read_bytes(path, JSON_LIMIT)
    if content.startswith(LFS_POINTER):
        raise BrokenFileError(
            "{path} is a Git LFS pointer, not the file itself. Run: git lfs pull", path=path
        )
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    if not isinstance(document, dict):
        raise BrokenFileError("{path} holds no JSON object.", path=path)
    return document


def unreadable(path: Path, error: Exception) -> BrokenFileError:
    """Return the error that says why a file cannot be read."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return BrokenFileError("{path} cannot be read: {reason}", path=path, reason=reason)


def count(value: object) -> int | None:
    """Return a JSON value as a positive whole number, None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < _COUNT_LIMIT else None


def word(value: object) -> str | None:
    """Return a JSON value as a cleaned line of text, None when it is none."""
    if not isinstance(value, str) or not value.strip():
        return None
    return clean_line(value[:_TEXT_LIMIT]).strip()


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON value as an object, an empty one when it is none."""
    return value if isinstance(value, dict) else {}
