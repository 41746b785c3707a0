"""Writing a file: the old content or the new one, whatever fails on the way."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotui.support.files import make_private_folder, write_atomic

CALLS = ["open", "write", "fchmod", "fsync", "replace"]


def failing(real: Callable[..., Any], number: int, after: int) -> Callable[..., Any]:
    """A system call that works `after` times and then fails for ever."""
    calls = iter(range(10**9))

    def call(*arguments: Any, **options: Any) -> Any:
        if next(calls) >= after:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    return call


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EACCES])
@pytest.mark.parametrize("name", CALLS)
def test_a_failing_call_leaves_the_old_content_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, number: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    with monkeypatch.context() as patch:
        owner = Path if name == "replace" else os
        patch.setattr(owner, name, failing(getattr(owner, name), number, after=0))
        with pytest.raises(OSError, match=os.strerror(number)):
            write_atomic(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_content(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    write = os.write

    with monkeypatch.context() as patch:
        short = failing(lambda fd, data: write(fd, data[:2]), errno.ENOSPC, after=3)
        patch.setattr(os, "write", short)
        with pytest.raises(OSError, match="No space"):
            write_atomic(path, b"new content")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_short_writes_are_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
        write_atomic(tmp_path / "file", b"new content")

    assert (tmp_path / "file").read_bytes() == b"new content"


def test_a_folder_that_cannot_be_synced_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing(os.fsync, errno.EINVAL, after=1))
        write_atomic(tmp_path / "file", b"new")

    assert (tmp_path / "file").read_bytes() == b"new"


def test_an_interrupted_write_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_atomic(tmp_path / "file", b"new")

    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "real" / "file"
    target.parent.mkdir()
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)

    write_atomic(link, b"new")

    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_the_mode_is_private_whatever_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_atomic(tmp_path / "private", b"")
        write_atomic(tmp_path / "shared", b"", mode=0o664)
        make_private_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)

    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o664
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_what_looks_once_more_can_stop_the_replacement(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def changed() -> None:
        raise RuntimeError("changed meanwhile")

    with pytest.raises(RuntimeError):
        write_atomic(path, b"new", before_replace=changed)

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
