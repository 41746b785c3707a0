"""The field for messages: which keys send, which break the line, in the order they were typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.events import Key
from textual.pilot import Pilot

from emotui.app.terminal_input import TerminalInput
from emotui.app.widgets.prompt_input import PromptInput


class OneField(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    def compose(self) -> ComposeResult:
        yield PromptInput()

    def on_prompt_input_sent(self, event: PromptInput.Sent) -> None:
        self.sent.append(event.text)


@asynccontextmanager
async def a_field() -> AsyncIterator[tuple[Pilot[None], OneField]]:
    app = OneField()
    async with app.run_test() as pilot:
        yield pilot, app


def typed(app: OneField, data: bytes) -> None:
    """Hand bytes to the app as its driver does: all of them before any is acted upon."""
    reader = TerminalInput()
    for event in (*reader.feed(data), *reader.tick()):
        app.post_message(event)


@pytest.mark.parametrize("line_break", [b"\n", b"\x1b\r", b"\x1b[13;2u", b"\x1b[13;3u"])
async def test_a_line_break_stands_where_it_was_typed(line_break: bytes) -> None:
    async with a_field() as (pilot, app):
        typed(app, b"one" + line_break + "两\r".encode())
        await pilot.pause()

        assert app.sent == ["one\n两"]


async def test_enter_sends_what_was_typed_just_before_it() -> None:
    async with a_field() as (pilot, app):
        typed(app, b"first\rsecond\r")
        await pilot.pause()

        assert app.sent == ["first", "second"]


async def test_what_could_not_be_sent_comes_back_before_what_was_typed_meanwhile() -> None:
    async with a_field() as (pilot, app):
        field = app.query_one(PromptInput)
        await pilot.press("a", "enter", "b")
        field.give_back("a")
        assert field.text == "a\nb"
        await pilot.press("c")
        assert field.text == "a\nbc"

        field.clear()
        field.give_back("a")
        await pilot.press("d")
        assert field.text == "ad"


async def test_a_paste_of_lines_is_not_sent() -> None:
    async with a_field() as (pilot, app):
        typed(app, b"\x1b[200~one\r\ntwo\n\x1b]52;c;eA==\x07three\x1b[201~")
        await pilot.pause()

        assert app.sent == []
        assert app.query_one(PromptInput).text == "one\ntwo\nthree"


async def test_blank_text_is_not_sent() -> None:
    async with a_field() as (pilot, app):
        await pilot.press("space", "ctrl+j", "enter")
        assert app.sent == []


def test_alt_enter_is_told_from_enter() -> None:
    (event,) = TerminalInput().feed(b"\x1b\r")
    assert isinstance(event, Key)
    assert event.key == "alt+enter"
