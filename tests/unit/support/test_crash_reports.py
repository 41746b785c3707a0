"""Faults of our own."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from emotui.support.crash import write_crash_report

NOW = datetime(2024, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


def fault() -> Exception:
    try:
        raise ValueError("boom \x1b]0;x\x07")
    except ValueError as error:
        return error


def test_the_traceback_goes_into_a_private_file_and_one_sentence_names_it(tmp_path: Path) -> None:
    told = write_crash_report(tmp_path / "logs", NOW, fault())

    (path,) = (tmp_path / "logs").iterdir()
    assert [str(path) in str(line) for line in told] == [True]
    assert "boom" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_brings_the_report_itself_cleaned(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")

    told = "\n".join(map(str, write_crash_report(tmp_path / "logs", NOW, fault())))

    assert "ValueError: boom" in told
    assert "\x1b" not in told
