"""Text from outside, made safe to show."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotui.support.text import (
    CONTROL,
    cell_width,
    clean,
    clean_line,
    format_bytes,
    format_duration,
    last_overwrite,
    pad,
)

SOUP = st.text(
    st.sampled_from("ab;0[]m\\\n\t\r\x00\x07\x08\x1b\x7f\x85\x90\x9b\x9c\x9d\u202e\u2066\u200e你é")
    | st.characters(),
    max_size=60,
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;aGk=\x07x", "x"),
        ("\x1bP$qm\x1b\\x\x1b_app\x1b\\y\x1b^pm\x1b\\z\x1bXsos\x1b\\", "xyz"),
        ("a\x9b31mb", "ab"),
        ("a\x1b", "a"),
        ("a\tb\r\nc\0\x08\x7f", "a    b\nc"),
        ("safe\u202egnp.exe", "safe\ufffdgnp.exe"),
        ("lone \udc80", "lone \ufffd"),
        ("你好，world", "你好，world"),
    ],
)
def test_controls_go_and_words_stay(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(SOUP)
def test_nothing_that_acts_is_left(text: str) -> None:
    shown = clean(text)

    assert not CONTROL.search(shown.replace("\n", ""))
    assert not any(unicodedata.category(char) == "Cc" and char != "\n" for char in shown)


@given(SOUP)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(SOUP, st.lists(st.integers(0, 60), max_size=5))
def test_no_cut_into_chunks_lets_anything_through(text: str, cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(text)]
    chunks = [text[start:end] for start, end in pairwise(borders)]

    assert not CONTROL.search("".join(map(clean, chunks)).replace("\n", ""))


@given(SOUP)
def test_a_line_is_one_line(text: str) -> None:
    assert len(clean_line(text).splitlines()) <= 1


def test_a_redrawn_line_is_what_it_was_last() -> None:
    assert last_overwrite(" 10%\r 50%\r100%\r\n") == "100%"


def test_chinese_takes_two_cells() -> None:
    assert cell_width("模型 a") == 6
    assert cell_width("e\u0301") == 1
    assert pad("模型", 6) == "模型  "


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (15.5 * 2**30, "15.5 GiB"),
        (999 * 2**20, "999 MiB"),
        (5 * 2**60, "5120 PiB"),
    ],
)
def test_sizes_have_three_digits(size: float, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.2 s"), (185, "3 min 05 s"), (7620, "2 h 07 min")]
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
