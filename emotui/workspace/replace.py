"""Replacing a user's file: whole or not at all, and only if it is still what was read.

Mode and owner stay, a symbolic link is followed. What cannot be kept (a hard link, a foreign
owner) is refused with the reason instead of being lost.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from emotui.support.errors import EmotuiError, NotFoundError, RefusedError
from emotui.support.files import write_atomic

MAX_BYTES = 1 << 20
"""No config.ini is nearly as large; what is, is something else."""


def read_whole(path: Path) -> bytes:
    """Return the content of a regular file; raises `EmotuiError` with the reason."""
    try:
        if not path.is_file():
            raise NotFoundError("There is no file {path}.", path=path)
        if path.stat().st_size > MAX_BYTES:
            raise RefusedError(
                "{path} is larger than {limit} bytes; that is no config.ini.",
                path=path,
                limit=MAX_BYTES,
            )
        return path.read_bytes()
    except OSError as error:
        raise EmotuiError(
            "{path} cannot be read: {error}.", path=path, error=error.strerror
        ) from error


def replace_whole(path: Path, expected: bytes, content: bytes) -> None:
    """Put `content` in the place of `expected`, durably.

    Raises `RefusedError` when the file is no longer what was expected or may not be replaced,
    `EmotuiError` when it cannot be; in every case the file is as it was.
    """
    target = path.resolve()
    try:
        found = target.stat()
        if found.st_nlink > 1:
            raise RefusedError(
                "{path} has {count} names (hard links), and saving would part them; nothing was "
                "saved. Make it a file of its own first: copy it, then move the copy over it.",
                path=path,
                count=found.st_nlink,
            )
        if not found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
            raise RefusedError(
                "{path} is read-only; nothing was saved. If you mean to change it: "
                "chmod u+w {path}",
                path=path,
            )
        write_atomic(
            target,
            content,
            mode=stat.S_IMODE(found.st_mode),
            owner=(found.st_uid, found.st_gid),
            before_replace=lambda: _must_be(target, expected),
        )
    except FileNotFoundError as error:
        raise NotFoundError(
            "{path} is gone; nothing was saved. Open the workspace again.", path=path
        ) from error
    except OSError as error:
        raise _failure(path, error) from error


def _must_be(path: Path, expected: bytes) -> None:
    if path.read_bytes() != expected:
        raise RefusedError(
            "{path} was changed by something else since it was read; nothing was saved. "
            "Open it again and repeat the edit.",
            path=path,
        )


def _failure(path: Path, error: OSError) -> EmotuiError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EmotuiError(
            "There is no space left where {path} lies; nothing was saved and the file is as it "
            "was. Make room and save again.",
            path=path,
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return RefusedError(
            "{path} may not be replaced ({error}); nothing was saved. Its folder must be "
            "writable, and the file must be yours so that its owner can be kept.",
            path=path,
            error=error.strerror,
        )
    return EmotuiError(
        "{path} could not be saved: {error}. The file is as it was.",
        path=path,
        error=error.strerror or error,
    )
