"""Nothing that is shown acts on the terminal: hostile text in every widget, looked at as bytes."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from corpus_app import MARK, PAYLOADS
from terminal_session import TerminalSession

from emotui.support.text import CONTROL

APP = str(Path(__file__).parent / "corpus_app.py")

OURS = re.compile(
    rb"\x1b\[[0-9;]*[mHABCDJK]"  # colours and the cursor
    rb"|\x1b\[\?[0-9;]+[hl]|\x1b\[\?(?:2026|2048)\$p|\x1b\[>[0-9]+u|\x1b\[<u"  # modes
    rb"|\x1b\]22;[a-z-]+\x07"  # the pointer's shape
    rb"|\r\n"
)


@pytest.fixture
def no_home_of_crash(tmp_path: Path) -> dict[str, str]:
    """A home in which no crash report can be written, so that it is printed."""
    (tmp_path / "state").write_text("not a folder")
    return {**os.environ, "EMOTUI_HOME": str(tmp_path)}


def foreign(raw: bytes) -> list[str]:
    """The terminal controls in `raw` that are not the app's own, each with what follows it."""
    text = OURS.sub(b"", raw).decode("utf-8", "surrogateescape")
    return [text[found.start() : found.start() + 12] for found in CONTROL.finditer(text)]


def payloads_in(raw: bytes) -> list[str]:
    """The payloads that stand in `raw` as they are."""
    return [
        name
        for name, payload in PAYLOADS.items()
        if len(payload) > 1 and payload.encode("utf-8", "surrogatepass") in raw
    ]


def test_no_widget_lets_a_control_through() -> None:
    with TerminalSession((sys.executable, APP, "show"), columns=120, rows=150) as session:
        session.wait_for(MARK)
        session.wait_for("vertical tab<")
        session.press("f1", "ctrl+p")
        session.wait_for("Search")
        session.press("escape")
        session.wait_gone("Search")
        session.press("ctrl+q")
        session.wait_exit(10)
        raw = bytes(session.raw)

    assert payloads_in(raw) == []
    assert foreign(raw) == []
    assert raw.count(b"PWN") > 20  # it was shown


def test_a_fault_that_quotes_hostile_text_ends_with_clean_words() -> None:
    with TerminalSession((sys.executable, APP, "crash")) as session:
        assert session.wait_exit(10) == 1
        session.wait_for("The report is in")
        assert session.is_restored()
        assert foreign(bytes(session.raw)) == []


def test_a_report_that_cannot_be_written_is_printed_clean(
    no_home_of_crash: dict[str, str],
) -> None:
    with TerminalSession((sys.executable, APP, "crash"), environ=no_home_of_crash) as session:
        assert session.wait_exit(10) == 1
        session.wait_for("RuntimeError")
        assert payloads_in(bytes(session.raw)) == []
        assert foreign(bytes(session.raw)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--x\x1b]0;PWN\x07"],
        ["\x1b]0;PWN\x07"],
        ["models", "show", "/no/\x1b]0;PWN\x07\x9b6n"],
        ["config", "show", "/no/\x1b]0;PWN\x07\u202e"],
        ["jobs", "show", "\x1b]0;PWN\x07"],
        ["check", "--python", "/no/\x1b]52;c;UFdO\x07"],
        ["models", "show", "/no/\x9d0;PWN\x9c", "--json"],
        ["convert", "/no/\x1bP$qm\x1b\\", "--dry-run"],
    ],
)
def test_no_command_repeats_a_control_of_its_arguments(arguments: list[str]) -> None:
    with TerminalSession((sys.executable, "-m", "emotui", *arguments)) as session:
        assert session.wait_exit(20) != 0
        session.wait_until(lambda: bool(session.raw), "waited for a word")
        assert foreign(bytes(session.raw)) == []
