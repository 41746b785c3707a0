"""Saving a config.ini while something fails: the file is old or new, and nothing is left over."""

from __future__ import annotations

import errno
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from emotui.support.errors import EmotuiError
from emotui.workspace.edit import Edit
from emotui.workspace.history import History

NOW = datetime(2024, 2, 21, tzinfo=timezone.utc)
OLD = b"[llama]\nsession_len = 32776\n"
NEW = b"[llama]\nsession_len = 4096\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "config.ini").write_bytes(OLD)
    return tmp_path / "ws" / "config.ini"


def save(path: Path, backups: Path, value: str = "4096") -> None:
    edit = Edit(path)
    edit.set("session_len", value)
    edit.save(History(backups, path), NOW)


class FailAt:
    """Let the n-th call of one of these system calls fail, and the ones before it work."""

    def __init__(self, number: int, error: int) -> None:
        self.left = number
        self.error = error

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def failing(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.error, os.strerror(self.error))
            return call(*args, **kwargs)

        return failing


CALLS = ("open", "fsync", "fchmod", "fchown", "replace", "rename", "mkdir")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
def test_a_failure_of_any_system_call_leaves_old_or_new(
    error: int, tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 0
    for number in range(1, 60):
        path.write_bytes(OLD)
        backups = tmp_path / f"backups{number}"
        fail = FailAt(number, error)
        with monkeypatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, fail.around(getattr(os, name)))
            try:
                save(path, backups)
                outcome = "saved"
            except EmotuiError as problem:
                outcome = str(problem)
        assert path.read_bytes() in (OLD, NEW)
        assert [each.name for each in path.parent.iterdir()] == ["config.ini"]
        if fail.left > 0:
            assert outcome == "saved"
            break
        failures += outcome != "saved"
        if path.read_bytes() == OLD:
            assert str(path) in outcome
            save(path, backups)  # and a second try works
        assert path.read_bytes() == NEW
        History(backups, path).undo()
        assert path.read_bytes() == OLD
    assert failures >= 8


def test_a_full_disk_is_named(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "backups").mkdir()
    edit = Edit(path)
    edit.set("session_len", "4096")
    sync = os.fsync

    def full(descriptor: int) -> None:
        if "config.ini" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EmotuiError, match="no space left"):
        edit.save(History(tmp_path / "backups", path), NOW)

    assert path.read_bytes() == OLD
    assert edit.changes
    assert History(tmp_path / "backups", path).entries() == ([], 0)


def test_without_room_for_a_backup_nothing_is_saved(tmp_path: Path, path: Path) -> None:
    (tmp_path / "backups").write_text("not a folder")

    with pytest.raises(EmotuiError, match="No backup"):
        save(path, tmp_path / "backups")

    assert path.read_bytes() == OLD


_SAVE_FOR_EVER = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from emotui.workspace.edit import Edit
from emotui.workspace.history import History
path, backups = Path(sys.argv[1]), Path(sys.argv[2])
number = 1000
while True:
    number += 1
    edit = Edit(path)
    edit.set("session_len", str(number))
    print("saving", flush=True)
    edit.save(History(backups, path), datetime.now(timezone.utc))
"""


def test_killed_at_any_moment_the_file_is_whole_and_can_be_undone(
    tmp_path: Path, path: Path
) -> None:
    for attempt in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", _SAVE_FOR_EVER, str(path), str(tmp_path / "backups")],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert child.stdout is not None
        for _ in range(attempt + 1):
            assert child.stdout.readline() == b"saving\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

        content = path.read_bytes()
        assert content.startswith(b"[llama]\nsession_len = ")
        assert content.endswith(b"\n")
        history = History(tmp_path / "backups", path)
        entries, position = history.entries()
        if position:
            history.undo()
            assert path.read_bytes() == history.version(entries[position - 1].before)


def _save_numbers(path: Path, backups: Path, start: int, results: Any) -> None:
    results.put(sum(_was_saved(path, backups, start + number) for number in range(10)))


def _was_saved(path: Path, backups: Path, number: int) -> bool:
    try:
        save(path, backups, str(number))
    except EmotuiError:
        return False
    return True


def test_two_processes_that_save_at_once_lose_no_acknowledged_edit(
    tmp_path: Path, path: Path
) -> None:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    workers = [
        context.Process(target=_save_numbers, args=(path, tmp_path / "b", start, results))
        for start in (1000, 2000)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    acknowledged = results.get() + results.get()

    entries, position = History(tmp_path / "b", path).entries()

    assert len(entries) == acknowledged == position
    assert all(one.after == two.before for one, two in itertools.pairwise(entries))
