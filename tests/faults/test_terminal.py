"""The app on a real pseudo-terminal that is closed, stopped, or sends what it likes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from terminal_session import KEYS, TerminalSession

from emotui.app.terminal_input import PASTE_IDLE_S

RESTLESS = (sys.executable, str(Path(__file__).parent / "restless_app.py"))
READY = "5 Chat"
ANSWER_S = 5.0
SEPARATE_S = 0.15
"""What a terminal needs between two things that are not one sequence."""


@pytest.fixture
def session() -> Iterator[TerminalSession]:
    with TerminalSession() as running:
        running.wait_for(READY)
        yield running


def answers(session: TerminalSession, within_s: float = ANSWER_S) -> None:
    """Press a key that shows something and one that takes it away."""
    session.press("f1")
    session.wait_for("─ Help ", within_s)
    session.press("escape")
    session.wait_gone("─ Help ", within_s)


# -- ending -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_app_and_restores_the_terminal(
    session: TerminalSession, number: signal.Signals
) -> None:
    session.process.send_signal(number)

    assert session.wait_exit() == 128 + number
    session.wait_until(session.is_restored, "waited for a restored terminal", 1)


def test_q_ends_the_app_and_restores_the_terminal(session: TerminalSession) -> None:
    session.press("q")

    assert session.wait_exit() == 0
    session.wait_until(session.is_restored, "waited for a restored terminal", 1)


@pytest.mark.parametrize("ignore_hangup", [False, True], ids=["plain", "SIGHUP ignored"])
def test_a_closed_terminal_ends_the_app_without_a_spin(ignore_hangup: bool) -> None:
    with TerminalSession(ignore_hangup=ignore_hangup) as session:
        session.wait_for(READY)
        spent_before = sum(session.process.cpu_times()[:2])
        session.close_terminal()
        watched = watch_cpu(session)

        assert session.wait_exit() == 128 + signal.SIGHUP
        assert watched() - spent_before < 1.0


def watch_cpu(session: TerminalSession) -> Callable[[], float]:
    """Follow the processor time of a process until it ends; call the answer for the last one."""
    spent = 0.0
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            spent = sum(session.process.cpu_times()[:2])
        except psutil.Error:
            break
        if session.process.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.01)
    return lambda: spent


def test_a_terminal_that_stopped_reading_does_not_keep_the_app() -> None:
    with TerminalSession(RESTLESS) as session:
        session.wait_for(READY)
        session.reading.clear()
        wait_until_full(session)

        session.process.send_signal(signal.SIGTERM)

        assert session.wait_exit() == 128 + signal.SIGTERM
        session.reading.set()
        session.wait_until(session.is_restored, "waited for a restored terminal", 2)


def test_an_app_that_is_stuck_ends_all_the_same() -> None:
    with TerminalSession((*RESTLESS, "stuck")) as session:
        session.wait_for("stuck now")
        time.sleep(0.5)  # now it is
        session.process.send_signal(signal.SIGTERM)
        session.process.send_signal(signal.SIGTERM)

        assert session.wait_exit() == 128 + signal.SIGTERM
        session.wait_until(session.is_restored, "waited for a restored terminal", 1)


def test_a_terminal_that_reads_again_goes_on() -> None:
    with TerminalSession(RESTLESS) as session:
        session.wait_for(READY)
        session.reading.clear()
        wait_until_full(session)
        session.reading.set()

        answers(session)


def wait_until_full(session: TerminalSession) -> None:
    """Wait until the terminal takes nothing more."""
    waiting = -1
    end = time.monotonic() + 10
    while waiting != (waiting := session.unread()) or waiting < 4000:
        assert time.monotonic() < end, f"{waiting} bytes wait and it is not full"
        time.sleep(0.3)


def test_a_hidden_app_that_was_stopped_comes_back_whole(session: TerminalSession) -> None:
    session.process.send_signal(signal.SIGSTOP)
    # What a shell does: it takes the terminal for itself.
    termios.tcsetattr(session.slave, termios.TCSANOW, session.settings_before)
    with session.changed:
        session.screen.reset()
    session.process.send_signal(signal.SIGCONT)

    session.wait_for(READY)
    answers(session)
    session.press("q")
    assert session.wait_exit() == 0
    session.wait_until(session.is_restored, "waited for a restored terminal", 1)


def test_stop_from_the_keyboard_gives_the_terminal_back_meanwhile(
    session: TerminalSession,
) -> None:
    session.process.send_signal(signal.SIGTSTP)
    session.wait_until(
        lambda: session.process.status() == psutil.STATUS_STOPPED, "waited for it to stop"
    )
    session.wait_until(session.is_restored, "waited for a restored terminal", 1)
    with session.changed:
        session.screen.reset()
    session.process.send_signal(signal.SIGCONT)

    session.wait_for(READY)
    answers(session)


def test_idle_it_costs_next_to_nothing(session: TerminalSession) -> None:
    answers(session)

    def is_idle() -> bool:
        before, began = sum(session.process.cpu_times()[:2]), time.monotonic()
        time.sleep(1)
        spent = sum(session.process.cpu_times()[:2]) - before
        return spent / (time.monotonic() - began) < 0.1

    session.wait_until(is_idle, "waited for an idle second", 15)


# -- what is typed ----------------------------------------------------------------------------

GARBAGE = {
    "no UTF-8": b"\xff\xfe\x80",
    "half a character": b"\xe4\xb8",
    "GBK": "模型工作区".encode("gbk"),
    "controls": bytes(set(range(32)) - set(b"\x10\x11\x1b")) + b"\x7f",
    "C1": "\x80\x90\x9b\x9d\x9f".encode(),
    "unknown CSI": b"\x1b[?1;2;3z\x1b[>0;276;0c\x1b[12;34;56~\x1b[0 q\x1b[1\x1b[1$q",
    "huge numbers": b"\x1b[99999999999999999999;1u\x1b[4294967296;9999999999u",
    "sizes": b"\x1b[48;0;0;0;0t\x1b[48;99999;99999;99999;9999t\x1b[?2048;2$y\x1b[48;0;0;0;0t",
    "answers": b"\x1b]11;rgb:1/2/3\x1b\\\x1bP1$r0q\x1b\\\x1b[24;80R\x1b[?62;c\x1b]52;c;aGk=\x07",
    "mouse": b"\x1b[<0;9999;9999M\x1b[<0;-5;3M\x1b[M\xff\xff\xff\x1b[<64;5;5M\x1b[<99999;1;1m" * 50,
}


def test_no_byte_on_standard_input_ends_the_app(session: TerminalSession) -> None:
    for garbage in GARBAGE.values():
        session.send(garbage)
        time.sleep(SEPARATE_S)
        answers(session)


def test_a_paste_that_never_ends_deafens_the_app_for_a_moment_only(
    session: TerminalSession,
) -> None:
    session.send(b"\x1b[200~abc")
    time.sleep(PASTE_IDLE_S + 0.3)

    answers(session)


def test_no_random_bytes_end_the_app(session: TerminalSession) -> None:
    dice = random.Random(20240203)
    quitting = b"qQ\x11yY\x10\r"
    for _ in range(10):
        session.send(dice.randbytes(400).translate(None, quitting))
        time.sleep(SEPARATE_S)
        session.send(KEYS["escape"])
        time.sleep(SEPARATE_S)
    for _ in range(8):  # dialogs that a random key opened
        session.send(KEYS["escape"])
        time.sleep(SEPARATE_S)
    answers(session, within_s=20)  # when all of it was typed into some field


@pytest.mark.parametrize("bracketed", [True, False])
def test_a_paste_of_a_megabyte_leaves_the_app_answering(
    session: TerminalSession, bracketed: bool
) -> None:
    session.press("ctrl+p")
    session.wait_for("Search")
    text = b"x" * 1_000_000

    session.send(b"\x1b[200~" + text + b"\x1b[201~" if bracketed else text)

    session.wait_for("xxxxxxxx")
    session.wait_until(lambda: session.process.status() == psutil.STATUS_SLEEPING, "waited")
    session.press("escape")
    session.wait_gone("xxxxxxxx")
    answers(session)


# -- where it cannot draw ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "told"),
    [({"TERM": "dumb"}, "TERM=dumb"), ({"TERM": ""}, "TERM=xterm-256color")],
)
def test_a_terminal_that_cannot_be_drawn_on_gets_one_line(
    environ: dict[str, str], told: str
) -> None:
    with TerminalSession(environ={**os.environ, **environ}) as session:
        assert session.wait_exit(10) == 1
        session.wait_for(told)
        assert b"\x1b" not in session.raw


def test_without_a_terminal_there_is_one_line_and_status_1() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "emotui"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        "EmoTUI needs a terminal. In scripts, use its commands: emotui --help."
    ]


def test_errors_of_others_may_go_into_a_file(tmp_path: Path) -> None:
    """`emotui 2> log` draws on the terminal, not into the log."""
    log = tmp_path / "log"
    command = f"exec {sys.executable} -m emotui 2> {log}"
    with TerminalSession(("/bin/sh", "-c", command)) as session:
        session.wait_for(READY)
        session.press("q")
        assert session.wait_exit() == 0

    assert log.read_bytes() == b""


def test_no_colour_means_no_colour() -> None:
    with TerminalSession(environ={**os.environ, "NO_COLOR": "1"}) as session:
        session.wait_for(READY)
        answers(session)
        session.press("q")
        session.wait_exit()
        coloured = {
            number
            for _row, line in session.screen.buffer.items()
            for cell in line.values()
            for number in (cell.fg, cell.bg)
        }
    greys = [c for c in coloured if c != "default" and not (c[:2] == c[2:4] == c[4:6])]
    assert greys == []
