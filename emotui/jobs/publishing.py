"""Give a finished output its name: check the partial folder, then rename it.

Standard library only: the supervisor uses it. A destination that exists is put aside before and
deleted after, so that at every instant either the old output or the new one is whole on disk,
and a half-written one never bears the final name.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TypedDict


class PublishRecord(TypedDict):
    """`Publish` as it stands in a job's `spec.json`."""

    partial: str
    destination: str
    replace: bool
    required: list[str]


def aside_path(destination: Path, job_id: str) -> Path:
    """Return where the old output is kept while the new one takes its name."""
    return destination.with_name(f"{destination.name}.replaced-{job_id}")


def publish(wanted: PublishRecord, job_id: str) -> dict[str, str] | None:
    """Rename the partial folder to its destination; return the reason when that failed.

    After a failure everything is where it was.
    """
    partial, destination = Path(wanted["partial"]), Path(wanted["destination"])
    missing = [pattern for pattern in wanted["required"] if not any(partial.glob(pattern))]
    if missing or not os.path.lexists(partial):
        return {"code": "publish-missing", "missing": ", ".join(missing) or str(partial)}
    if os.path.lexists(destination) and not wanted["replace"]:
        return {"code": "publish-exists", "destination": str(destination)}
    aside = aside_path(destination, job_id)
    try:
        _sync_tree(partial)
        replaced = _exchange(partial, destination, aside)
    except OSError as error:
        return {"code": "publish-failed", "destination": str(destination), "error": str(error)}
    try:
        _sync(destination.parent)
        if replaced:
            _delete(aside)
    except OSError:
        pass  # the output has its name; a rest of the old one is seen by the job's reader
    return None


def _exchange(partial: Path, destination: Path, aside: Path) -> bool:
    """Rename, putting an existing destination aside; True when there was one."""
    if not os.path.lexists(destination):
        partial.rename(destination)
        return False
    destination.rename(aside)
    try:
        partial.rename(destination)
    except OSError:
        aside.rename(destination)
        raise
    return True


def _sync_tree(folder: Path) -> None:
    """Put the output on disk: a rename may outlive a power cut that the data does not."""
    for place, folders, files in os.walk(folder):
        for name in (*files, *folders):
            path = Path(place, name)
            if not path.is_symlink():
                _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
