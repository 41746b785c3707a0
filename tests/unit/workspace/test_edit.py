"""Saving an edit, undoing it, and what must never be lost on the way."""

from __future__ import annotations

import json
import os
import stat
from datetime import datetime, timezone
from pathlib import Path

import pytest

from emotui.support.errors import BrokenFileError, EmotuiError, NotFoundError, RefusedError
from emotui.workspace.edit import Edit
from emotui.workspace.history import LIMIT, Change, Edited, History

NOW = datetime(2024, 2, 21, 12, 0, tzinfo=timezone.utc)
CONTENT = b"[llama]\nsession_len = 32776\nquant_policy = 0\n\n"
EDITED = b"[llama]\nsession_len = 4096\nquant_policy = 0\n\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    folder.mkdir()
    (folder / "config.ini").write_bytes(CONTENT)
    (folder / "config.ini").chmod(0o640)
    return folder / "config.ini"


@pytest.fixture
def history(tmp_path: Path, path: Path) -> History:
    return History(tmp_path / "backups", path)


def save(path: Path, history: History, key: str = "session_len", value: str = "4096") -> None:
    edit = Edit(path)
    edit.set(key, value)
    edit.save(history, NOW)


def test_changes_wait_until_they_are_saved(path: Path, history: History) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")

    assert edit.changes == (Change("session_len", "32776", "4096"),)
    assert path.read_bytes() == CONTENT

    edit.save(history, NOW)

    assert edit.changes == ()
    assert path.read_bytes() == EDITED


class SlowHistory(History):
    """The history on a disk so slow that the person edits on before the file is written."""

    meanwhile: Edit

    def save(
        self, before: bytes, after: bytes, changes: tuple[Change, ...], now: datetime
    ) -> Edited:
        self.meanwhile.revert("session_len")
        self.meanwhile.set("quant_policy", "4")
        return super().save(before, after, changes, now)


def test_what_is_changed_while_the_file_is_written_goes_on_waiting(
    path: Path, tmp_path: Path
) -> None:
    history = SlowHistory(tmp_path / "backups", path)
    edit = history.meanwhile = Edit(path)
    edit.set("session_len", "4096")

    entry = edit.save(history, NOW)

    assert path.read_bytes() == EDITED
    assert entry is not None
    assert entry.changes == (Change("session_len", "32776", "4096"),)
    assert set(edit.changes) == {
        Change("session_len", "4096", "32776"),
        Change("quant_policy", "0", "4"),
    }


def test_the_difference_shows_the_changed_lines(path: Path) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")
    edit.unset("quant_policy")

    assert edit.difference()[3:] == [
        " [llama]",
        "-session_len = 32776",
        "-quant_policy = 0",
        "+session_len = 4096",
        " ",
        " ",
    ]


def test_a_change_can_be_forgotten(path: Path) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")
    edit.set("quant_policy", "4")

    edit.revert("session_len")
    assert edit.changes == (Change("quant_policy", "0", "4"),)
    edit.revert_all()
    assert edit.document.content == CONTENT


def test_a_change_back_is_no_change(path: Path, history: History) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")
    edit.set("session_len", "32776")

    assert edit.changes == ()
    assert edit.difference() == []
    assert edit.save(history, NOW) is None
    assert not history.folder.exists()


def test_a_refused_change_leaves_the_others(path: Path) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")

    with pytest.raises(EmotuiError):
        edit.set("quant_policy", "4\n[x]")
    with pytest.raises(RefusedError, match="no_such_key"):
        edit.unset("no_such_key")

    assert edit.changes == (Change("session_len", "32776", "4096"),)


def test_undo_and_redo_restore_the_exact_bytes(path: Path, history: History) -> None:
    save(path, history)
    save(path, history, "quant_policy", "4")
    final = path.read_bytes()

    history.undo()
    assert path.read_bytes() == EDITED
    history.undo()
    assert path.read_bytes() == CONTENT
    with pytest.raises(NotFoundError):
        history.undo()
    history.redo()
    history.redo()
    assert path.read_bytes() == final
    with pytest.raises(NotFoundError):
        history.redo()


def test_undo_works_in_another_process(path: Path, history: History, tmp_path: Path) -> None:
    save(path, history)

    entry = History(tmp_path / "backups", path).undo()

    assert entry.changes == (Change("session_len", "32776", "4096"),)
    assert entry.time == NOW
    assert path.read_bytes() == CONTENT


def test_a_new_edit_after_undo_ends_the_redo(path: Path, history: History) -> None:
    save(path, history)
    history.undo()
    save(path, history, "quant_policy", "4")

    entries, position = history.entries()

    assert [entry.changes[0].key for entry in entries] == ["quant_policy"]
    assert position == 1
    with pytest.raises(NotFoundError):
        history.redo()


def test_mode_and_owner_stay(path: Path, history: History) -> None:
    before = path.stat()

    save(path, history)

    after = path.stat()
    assert stat.S_IMODE(after.st_mode) == 0o640
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_foreign_owner_stays(path: Path, history: History) -> None:
    os.chown(path, 1234, 4321)

    save(path, history)

    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_symbolic_link_is_followed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.ini"
    link.symlink_to(path)
    history = History(tmp_path / "backups", link)

    save(link, history)

    assert link.is_symlink()
    assert path.read_bytes() == EDITED
    assert history.folder == History(tmp_path / "backups", path).folder


def test_a_hard_link_is_refused(path: Path, history: History) -> None:
    os.link(path, path.with_name("other.ini"))

    with pytest.raises(RefusedError, match="hard links"):
        save(path, history)

    assert path.read_bytes() == CONTENT


def test_a_read_only_file_is_refused(path: Path, history: History) -> None:
    path.chmod(0o444)

    with pytest.raises(RefusedError, match="read-only"):
        save(path, history)

    assert path.read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_refused(path: Path, history: History) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")
    path.write_bytes(CONTENT + b"; by hand\n")

    with pytest.raises(RefusedError, match="changed by something else"):
        edit.save(history, NOW)

    assert path.read_bytes() == CONTENT + b"; by hand\n"
    assert edit.changes
    assert history.entries() == ([], 0)


def test_a_file_that_is_gone_is_said_to_be_gone(path: Path, history: History) -> None:
    edit = Edit(path)
    edit.set("session_len", "4096")
    path.unlink()

    with pytest.raises(NotFoundError):
        edit.save(history, NOW)

    assert not path.exists()


def test_undo_over_somebody_elses_change_is_refused(path: Path, history: History) -> None:
    save(path, history)
    path.write_bytes(EDITED + b"; by hand\n")

    with pytest.raises(RefusedError, match="changed by something else"):
        history.undo()

    assert path.read_bytes() == EDITED + b"; by hand\n"


def test_a_crash_before_the_file_was_written_counts_as_not_saved(
    path: Path, history: History
) -> None:
    save(path, history)
    save(path, history, "quant_policy", "4")
    path.write_bytes(EDITED)  # the history knows of the second edit, the file does not

    entries, position = history.entries()
    history.undo()

    assert (len(entries), position) == (2, 1)
    assert path.read_bytes() == CONTENT


def test_a_damaged_version_is_not_restored(path: Path, history: History) -> None:
    save(path, history)
    for kept in history.folder.glob("*.ini"):
        kept.write_bytes(b"[llama]\n")

    with pytest.raises(BrokenFileError, match="damaged"):
        history.undo()

    assert path.read_bytes() == EDITED


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"path": "x", "entries": [{}], "position": 0}', "\x80"]
)
def test_a_damaged_history_is_reported_and_put_aside_when_saving(
    content: str, path: Path, history: History
) -> None:
    save(path, history)
    (history.folder / "history.json").write_text(content, encoding="latin-1")

    with pytest.raises(BrokenFileError, match=r"history\.json"):
        history.undo()
    save(path, history, "quant_policy", "4")
    history.undo()

    assert path.read_bytes() == EDITED
    assert list(history.folder.glob("history.broken-*"))


def test_the_oldest_edits_go_first(
    path: Path, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)  # durability is not the subject
    for number in range(LIMIT + 5):
        save(path, history, "session_len", str(1000 + number))

    entries, position = history.entries()

    assert (len(entries), position) == (LIMIT, LIMIT)
    assert len(list(history.folder.glob("*.ini"))) == LIMIT + 1


def test_what_is_kept_is_private(path: Path, history: History) -> None:
    save(path, history)

    assert stat.S_IMODE(history.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in history.folder.iterdir()} == {0o600}
    assert json.loads((history.folder / "history.json").read_text())["path"] == str(path)


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        Edit(tmp_path)
    with pytest.raises(NotFoundError):
        Edit(tmp_path / "config.ini")


def test_a_huge_file_is_no_config_ini(tmp_path: Path) -> None:
    with (tmp_path / "config.ini").open("wb") as file:
        file.truncate(1 << 30)

    with pytest.raises(RefusedError, match="larger"):
        Edit(tmp_path / "config.ini")
