"""What looks like markup is text: in every widget and dialog of the shell."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import ComposeResult
from textual.widgets import Button, Input

from emotui.app.app import EmoTUI
from emotui.app.screens.ask_text import AskTextScreen
from emotui.app.screens.base import EmoScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.screens.help import HelpScreen
from emotui.app.widgets.plain import Plain
from emotui.operations.services import open_services
from emotui.support.errors import EmotuiError
from emotui.support.text import clean

CORPUS = [
    "[/]",
    "[/nope]",
    "[red",
    "[red]x[/red]",
    "[bold]x",
    "/a/[x]/b",
    "[@click=app.quit]x[/]",
    "[@click=app.quit('x')]",
    "[link='a]b",
    "[link=http://x]y[/link]",
    "[#zzz]x[/]",
    "[a=]",
    "[[x]]",
    "\\[x]",
    "[$primary]x[/]",
    "[/usr/bin/x]",
    "x[/",
    "]",
    "[",
    "{x} {0} %s",
]


class OneScreen(EmoScreen):
    """A screen with one `Plain`."""

    MODE = "environment"

    def compose_body(self) -> ComposeResult:
        yield Plain(id="text")


class OneScreenApp(EmoTUI):
    """The app with that screen."""

    MODES = {"environment": OneScreen}


def shown(widget: Plain) -> str:
    content = widget.visual
    return str(getattr(content, "plain", content))


async def test_a_plain_text_shows_every_character() -> None:
    app = OneScreenApp(open_services())
    async with app.run_test():
        text = app.screen.query_one("#text", Plain)
        for markup in CORPUS:
            text.show(markup)
            assert shown(text) == markup
            assert shown(Plain(markup)) == markup
            assert not any("@click" in str(span.style) for span in text.visual.spans)


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    assert shown(Plain(text)) == clean(text)


@pytest.mark.parametrize("markup", ["\n".join(CORPUS), *CORPUS[:4]])
async def test_notices_and_dialogs_show_markup(markup: str) -> None:
    def refuse(_answer: str) -> None:
        raise EmotuiError("No: {answer}", answer=markup)

    app = OneScreenApp(open_services())
    async with app.run_test(notifications=True) as pilot:
        app.say(markup)
        app.push_screen(ConfirmScreen(markup, yes=markup[:10], no=markup[:10]))
        await pilot.pause()
        assert shown(app.screen.query_one(".dialog-text", Plain)) == markup
        assert str(app.screen.query_one("#yes", Button).label) == f"y {markup[:10]}"
        await pilot.press("escape")

        app.push_screen(AskTextScreen(markup, markup, check=refuse))
        await pilot.pause()
        assert shown(app.screen.query_one(".dialog-text", Plain)) == markup
        await pilot.press("enter")
        if app.screen.query_one(Input).value.strip():
            assert shown(app.screen.query_one("#problem", Plain)).startswith("No: ")
        await pilot.press("escape")

        app.push_screen(HelpScreen(markup, []))
        await pilot.pause()
        await pilot.press("escape")
        assert isinstance(app.screen, OneScreen)
