"""What a folder holds on disk, without going round in circles."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

ENTRY_LIMIT = 100_000


def file_names(folder: Path) -> list[str]:
    """Return the names of the files directly in `folder`, links to files included.

    A link that leads nowhere is left out, as if the file were missing, which it is. Raises
    `OSError` when the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if _is_file(entry))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def size_bytes(folder: Path, *, follow: bool = False) -> int:
    """Return the bytes of all files under `folder`; what has several names counts once.

    Links to files are followed (the Hugging Face cache keeps blobs elsewhere), links to folders
    only with `follow`, and each folder is entered once. Hidden folders (`.git` holds every
    version again) and what cannot be read are left out; at most `ENTRY_LIMIT` entries count.
    """
    seen: set[tuple[int, int]] = set()
    total = 0
    for _number, entry in zip(range(ENTRY_LIMIT), _walk(folder, follow=follow), strict=False):
        try:
            status = entry.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            total += status.st_size
    return total


def _walk(folder: Path, *, follow: bool) -> Iterator[os.DirEntry[str]]:
    waiting = [str(folder)]
    entered: set[tuple[int, int]] = set()
    while waiting:
        here = waiting.pop()
        try:
            status = os.stat(here)  # noqa: PTH116 (a string from scandir)
            if (status.st_dev, status.st_ino) in entered:
                continue
            entered.add((status.st_dev, status.st_ino))
            with os.scandir(here) as found:
                entries = list(found)
        except OSError:
            continue
        for entry in entries:
            try:
                is_folder = entry.is_dir(follow_symlinks=follow)
            except OSError:
                continue
            if not is_folder:
                yield entry
            elif not entry.name.startswith("."):
                waiting.append(entry.path)
