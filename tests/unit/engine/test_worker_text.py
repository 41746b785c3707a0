"""Text in the worker: whole characters however tokens cut them, stop strings, prompts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotui.engine.process import WORKER


@pytest.fixture(scope="module")
def text() -> Iterator[ModuleType]:
    """The worker's module, imported as the worker does."""
    sys.path.insert(0, str(WORKER))
    try:
        import emotui_text
    finally:
        sys.path.remove(str(WORKER))
    yield emotui_text
    del sys.modules["emotui_text"]


def utf8(ids: list[int]) -> str:
    """A tokenizer whose tokens are bytes, decoding broken characters one mark a byte."""
    return bytes(ids).decode("utf-8", "replace")


def all_or_nothing(ids: list[int]) -> str:
    """The same with the `tokenizers` library's way: one bad byte spoils the whole run."""
    try:
        return bytes(ids).decode("utf-8")
    except UnicodeDecodeError:
        return "\ufffd" * len(ids)


def stream(text: ModuleType, decode: Callable[[list[int]], str], pieces: list[bytes]) -> list[str]:
    detokenizer = text.Detokenizer(decode)
    shown = [detokenizer.put(list(piece)) for piece in pieces]
    return [*shown, detokenizer.end()]


WORDS = st.text(st.sampled_from("a 你好，请慢慢说。😀éß"), max_size=40)


def check_whole(shown: list[str], words: str) -> None:
    assert "".join(shown) == words
    assert not any("\ufffd" in piece for piece in shown)


@given(words=WORDS, size=st.integers(1, 7))
def test_no_character_is_shown_in_halves(text: ModuleType, words: str, size: int) -> None:
    data = words.encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    check_whole(stream(text, utf8, pieces), words)


@given(words=WORDS)
def test_nor_with_tokens_of_one_byte_that_spoil_each_other(text: ModuleType, words: str) -> None:
    pieces = [bytes([byte]) for byte in words.encode()]
    check_whole(stream(text, all_or_nothing, pieces), words)


def test_a_character_comes_as_soon_as_it_is_whole(text: ModuleType) -> None:
    pieces = [bytes([byte]) for byte in "你好".encode()]
    assert stream(text, utf8, pieces) == ["", "", "你", "", "", "好", ""]


def test_an_answer_cut_in_a_character_ends_before_it(text: ModuleType) -> None:
    assert "".join(stream(text, utf8, ["你好".encode()[:-1]])) == "你"


def test_bytes_that_never_make_a_character_do_not_hold_up_the_answer(text: ModuleType) -> None:
    shown = stream(text, utf8, [b"\xff"] * 40 + [b"a"])
    assert "".join(shown[:40]) != ""


@given(words=st.text("ab\nuser:", max_size=60), size=st.integers(1, 9))
def test_a_stop_string_is_found_however_it_is_cut(text: ModuleType, words: str, size: int) -> None:
    stop = text.StopText("\nuser:")
    shown = [stop.put(words[start : start + size]) for start in range(0, len(words), size)]
    shown.append(stop.end())
    assert "".join(shown) == words.split("\nuser:")[0]
    assert stop.found == ("\nuser:" in words)


def test_without_a_stop_string_nothing_is_kept_back(text: ModuleType) -> None:
    assert text.StopText("").put("\nuser:") == "\nuser:"


def test_a_plain_prompt_is_one_turn_a_line(text: ModuleType) -> None:
    turns = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]
    assert text.plain_prompt(turns) == "system: be kind\nuser: hello\nassistant:"


def test_chatml_marks_every_turn(text: ModuleType) -> None:
    prompt = text.chatml_prompt([{"role": "user", "content": "hello"}])
    assert prompt == "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
