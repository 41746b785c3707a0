"""Bytes from a terminal, whatever they are, become the events that Textual would make of them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.events import AppFocus, Key, MouseDown, Paste, Resize
from textual.message import Message

from emotui.app.terminal_input import (
    FLOOD,
    FLOOD_IDLE_S,
    LONGEST_PASTE,
    PASTE_IDLE_S,
    TerminalInput,
)

STALE_S = 10.0

PIECES = """\x1b [ [200~ [201~ [M [[ O ] P \\ \x07 <0;1;1 M m A u ~ $ ; - 48;0;0;0;0t 99999999999
你 q 1 ? \x00 \x9b""".split()
GARBAGE = st.lists(
    st.sampled_from([piece.encode() for piece in PIECES] + [b"\xff", b"\xe4", b" "])
    | st.binary(max_size=4),
    max_size=20,
).map(b"".join)


class Terminal:
    """A `TerminalInput` whose clock stands still until told."""

    def __init__(self) -> None:
        self.time = 0.0
        self.input = TerminalInput(now=lambda: self.time)

    def feed(self, *chunks: bytes) -> list[str]:
        return shown(event for chunk in chunks for event in self.input.feed(chunk))

    def wait(self, seconds: float = STALE_S) -> list[str]:
        self.time += seconds
        return shown(self.input.tick())


def shown(events: Iterable[Message]) -> list[str]:
    return [
        f"{event.key} {event.character!r}"
        if isinstance(event, Key)
        else f"paste {event.text!r}"
        if isinstance(event, Paste)
        else repr(event)
        for event in events
    ]


def keys_of_textual(sequence: str) -> list[str]:
    parser = XTermParser()
    events = list(parser.feed(sequence))
    if parser._timeout_time is not None:
        parser._timeout_time = 0
        events += parser.tick()
    return shown(event for event in events if isinstance(event, Key))


@pytest.mark.parametrize("sequence", ANSI_SEQUENCES_KEYS, ids=repr)
def test_every_key_that_textual_knows_is_the_same_key(sequence: str) -> None:
    terminal = Terminal()

    pressed = terminal.feed(sequence.encode()) + terminal.wait()

    assert [event for event in pressed if "CursorPosition" not in event] == keys_of_textual(
        sequence
    )


def test_letters_and_chinese_are_keys() -> None:
    assert Terminal().feed("a你".encode()) == ["a 'a'", "你 '你'"]


def test_half_a_character_waits_for_the_other_half() -> None:
    assert Terminal().feed("你".encode()[:1], "你".encode()[1:], b"q") == ["你 '你'", "q 'q'"]


@pytest.mark.parametrize("garbage", [b"\xff", b"\xe4\xb8", b"\xc3\x28", b"\xed\xa0\x80"])
def test_invalid_bytes_cost_only_themselves(garbage: bytes) -> None:
    assert Terminal().feed(garbage + b"q")[-1] == "q 'q'"


def test_escape_alone_is_a_key_after_a_moment() -> None:
    terminal = Terminal()

    assert terminal.feed(b"\x1b") == []
    assert terminal.input.is_waiting
    assert terminal.wait() == ["escape '\\x1b'"]
    assert not terminal.input.is_waiting


def test_escape_and_then_a_letter_are_two_keys_when_time_passed_between() -> None:
    terminal = Terminal()

    assert terminal.feed(b"\x1b") + terminal.wait() + terminal.feed(b"q") == [
        "escape '\\x1b'",
        "q 'q'",
    ]


def test_a_sequence_in_two_reads_is_one_key() -> None:
    assert Terminal().feed(b"\x1b[1;", b"5A") == ["ctrl+up None"]


@pytest.mark.parametrize(
    "sequence",
    [
        b"\x1b[?1;2;3z",  # unknown
        b"\x1b[0 q",  # a cursor's shape
        b"\x1b[12\x1b[?1q",  # cut short
        b"\x1b]11;rgb:1234/5678/9abc\x1b\\",  # a late answer about colours
        b"\x1b]11;rgb:1234/5678/9abc\x07",
        b"\x1bP1$r0;1;2q\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[M\x20q1",  # the mouse of old
        b"\x1b[99999999999999999999;1u",  # no such character
        b"\x1b[<0;-5;3M",
        b"\x1b[1$q",
    ],
)
def test_what_is_no_key_presses_no_key(sequence: bytes) -> None:
    assert Terminal().feed(sequence, b"x") == ["x 'x'"]


def test_what_is_no_key_presses_no_key_when_it_never_ends() -> None:
    terminal = Terminal()

    assert terminal.feed(b"\x1b[12;1") + terminal.wait() + terminal.feed(b"x") == ["x 'x'"]


def test_focus_mouse_and_sizes_are_passed_on() -> None:
    events = list(TerminalInput().feed(b"\x1b[I\x1b[<0;3;2M\x1b[48;24;80;480;800t"))

    assert [type(event) for event in events] == [AppFocus, MouseDown, Resize]


@pytest.mark.parametrize("size", [b"0;0;0;0", b"99999;99999;9;9", b"24;80;0;0"])
def test_a_size_that_no_terminal_has_is_not_believed(size: bytes) -> None:
    events = list(TerminalInput().feed(b"\x1b[48;" + size + b"t\x1b[<0;3;2M"))

    assert [type(event) for event in events] == [MouseDown]


def test_a_paste_is_one_event_and_speaks_to_no_terminal() -> None:
    pasted = b"\x1b[200~one\r\ntwo\rthree\t\x1b]0;x\x07\x9b4\x1b[31m\x00\x1b[201~q"

    assert Terminal().feed(pasted) == ["paste 'one\\ntwo\\nthree\\t\ufffd4'", "q 'q'"]


@pytest.mark.parametrize("cut", range(1, 15))
def test_a_paste_is_the_same_wherever_it_is_cut(cut: int) -> None:
    pasted = b"\x1b[200~ab\x1b[201~q"

    assert Terminal().feed(pasted[:cut], pasted[cut:]) == ["paste 'ab'", "q 'q'"]


def test_a_paste_that_never_ends_ends_in_silence() -> None:
    terminal = Terminal()

    assert terminal.feed(b"\x1b[200~abc") == []
    assert terminal.wait(PASTE_IDLE_S / 2) == []
    assert terminal.wait(PASTE_IDLE_S) == ["paste 'abc'"]
    assert terminal.feed(b"q") == ["q 'q'"]


def test_a_text_too_long_for_typing_is_one_paste_until_a_moment_of_silence() -> None:
    terminal = Terminal()

    assert terminal.feed(b"q" * FLOOD, b"w\r", b"e") == []
    expected = "q" * FLOOD + "w\ne"
    assert terminal.wait(FLOOD_IDLE_S) == [f"paste {expected!r}"]
    assert terminal.feed(b"q") == ["q 'q'"]


def test_enter_after_such_a_text_is_pressed() -> None:
    terminal = Terminal()

    terminal.feed(b"q" * FLOOD + b"\r")

    assert terminal.wait(FLOOD_IDLE_S) == [f"paste {'q' * FLOOD!r}", "enter '\\r'"]


def test_a_sequence_ends_such_a_text() -> None:
    pressed = Terminal().feed(b"q" * FLOOD + b"\x1b[A" + b"w")

    assert pressed == [f"paste {'q' * FLOOD!r}", "up None", "w 'w'"]


def test_a_monstrous_paste_is_cut() -> None:
    terminal = TerminalInput()
    chunk = b"x" * (1 << 20)
    events = [*terminal.feed(b"\x1b[200~" + chunk), *(terminal.feed(chunk) for _ in range(1))]
    for _ in range(8):
        events += terminal.feed(chunk)
    (paste,) = [event for event in terminal.feed(b"\x1b[201~") if isinstance(event, Paste)]

    assert len(paste.text) == LONGEST_PASTE


@given(GARBAGE)
@example(b"\x1b[48;1;1;0;0t\x1b[<0;1;1M")
@settings(max_examples=500, deadline=None)
def test_after_any_garbage_a_key_is_a_key(garbage: bytes) -> None:
    terminal = Terminal()

    terminal.feed(garbage)
    terminal.wait()
    terminal.feed(b"\x1b[201~")

    assert terminal.feed(b"\x1b[A", b"q") == ["up None", "q 'q'"]


@given(GARBAGE, st.lists(st.integers(0, 60), max_size=4))
@settings(max_examples=500, deadline=None)
def test_the_events_do_not_depend_on_how_the_bytes_arrive(garbage: bytes, cuts: list[int]) -> None:
    whole, cut = Terminal(), Terminal()
    borders = [0, *sorted(min(at, len(garbage)) for at in cuts), len(garbage)]
    chunks = [garbage[start:end] for start, end in pairwise(borders)]

    assert whole.feed(garbage) + whole.wait() == cut.feed(*chunks) + cut.wait()
