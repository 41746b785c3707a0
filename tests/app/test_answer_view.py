"""A streaming answer is drawn whole, at a pace, whatever it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widgets import Markdown

from emotui.app.widgets import answer_view
from emotui.app.widgets.answer_view import AnswerView
from emotui.app.widgets.plain import Plain

TROUBLE = (
    "Steps:\n\n1. first\n\n   ```python\n   print(1)\n   ```\n\n2. second\n\n3. third\n\n"
    "See [the page][ref].\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n> quote\n\n[ref]: https://x.org\n"
)


class OneAnswer(App[None]):
    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.view = AnswerView(text)

    def compose(self) -> ComposeResult:
        yield self.view


@asynccontextmanager
async def an_answer(text: str = "") -> AsyncIterator[AnswerView]:
    app = OneAnswer(text)
    async with app.run_test():
        yield app.view


def shape(markdown: Markdown) -> list[str]:
    """The blocks as they were built, with their text."""
    drawn = [(type(block).__name__, block.render()) for block in markdown.query("*")]
    return [f"{name}: {text if isinstance(text, Content) else ''}" for name, text in drawn]


async def test_what_was_fed_is_drawn_when_it_finishes() -> None:
    async with an_answer() as view:
        for start in range(0, 7000, 7):
            view.feed(f"{start:06} ")
        await view.finish()

        assert view.query_one(Markdown).source == view.text
        assert len(view.text) == 7000


@pytest.mark.parametrize("size", [3, 10, 40])
async def test_pieces_are_drawn_as_the_whole_would_be(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_view, "MIN_PAUSE_S", 0.0)
    async with an_answer(TROUBLE) as whole:
        wanted = shape(whole.query_one(Markdown))
    async with an_answer() as view:
        for start in range(0, len(TROUBLE), size):
            view.feed(TROUBLE[start : start + size])
            while view.query_one(Markdown).source != view.text:
                await asyncio.sleep(0)
        await view.finish()

        assert shape(view.query_one(Markdown)) == wanted


async def test_a_fast_model_causes_few_drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    drawings = 0
    append = Markdown.append

    def count(self: Markdown, text: str) -> object:
        nonlocal drawings
        drawings += 1
        return append(self, text)

    monkeypatch.setattr(Markdown, "append", count)
    loop = asyncio.get_running_loop()
    async with an_answer() as view:
        start = loop.time()
        while loop.time() - start < 1.0:
            view.feed("word ")
            await asyncio.sleep(0.002)
        assert 0 < drawings <= 14
        await view.finish()
        drawings_at_the_end = drawings
        await asyncio.sleep(0.3)
        assert drawings == drawings_at_the_end


async def test_an_answer_that_is_dear_to_draw_goes_on_as_plain_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answer_view, "DEAR_S", -1.0)
    async with an_answer() as view:
        view.feed("**one** ")
        await asyncio.sleep(0.2)
        view.feed("[/two]")
        await view.finish()

        assert view.is_plain
        assert str(view.query_one(Plain).render()) == "**one** [/two]"


async def test_what_cannot_be_drawn_as_markdown_is_shown_as_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(self: Markdown, text: str) -> object:
        raise ValueError(text)

    monkeypatch.setattr(Markdown, "append", fail)
    async with an_answer() as view:
        view.feed("# text")
        await view.finish()

        assert str(view.query_one(Plain).render()) == "# text"


async def test_a_very_long_answer_of_the_past_is_plain_at_once() -> None:
    async with an_answer("x" * (answer_view.PLAIN_FROM + 1)) as view:
        assert view.is_plain
        await view.finish()


async def test_a_view_that_was_never_shown_finishes_too() -> None:
    view = AnswerView()
    view.feed("text")
    await view.finish()
    assert view.text == "text"


MARKDOWN = st.text(
    st.sampled_from(list("abc 01.)\n\n\n-*_`#>|[]()~!<&:\\\"'xy\u4e2d\u0301")), max_size=60
)


@settings(max_examples=25, deadline=None)
@given(st.lists(MARKDOWN, min_size=1, max_size=5))
def test_no_text_ends_an_answer(pieces: list[str]) -> None:
    async def stream() -> None:
        async with an_answer() as view:
            for piece in pieces:
                view.feed(piece)
                await asyncio.sleep(0)
            await view.finish()
            assert view.text == "".join(pieces)

    asyncio.run(stream())
