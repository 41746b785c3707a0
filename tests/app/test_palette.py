"""The palette: every action that is possible now, each once, in the user's language."""

from __future__ import annotations

from typing import Any

from shell_app import ShellApp, SmallScreen, settings_file, shell_app
from textual.command import CommandInput, CommandList, CommandPalette, SearchIcon
from textual.pilot import Pilot


async def open_palette(pilot: Pilot[Any], typed: str = "") -> list[str]:
    """Open it, type, and return the first lines of what it offers."""
    await pilot.press("ctrl+p")
    await pilot.app.workers.wait_for_complete()
    if typed:
        pilot.app.screen.query_one(CommandInput).value = typed
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    offered = pilot.app.screen.query_one(CommandList)
    return [
        str(offered.get_option_at_index(index).prompt).split("\n")[0]
        for index in range(offered.option_count)
    ]


async def choose(pilot: Pilot[Any], title: str) -> None:
    assert await open_palette(pilot, title)
    await pilot.press("enter")
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_it_offers_each_action_once_and_nothing_of_textual() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        offered = await open_palette(pilot)

    assert offered == [
        "Keys",
        "Help",
        "Keys",
        "Quit",
        "Go to Environment",
        "Go to Models",
        "Go to Config",
        "Go to Jobs",
        "Go to Chat",
        "Theme: emo-contrast",
        "Theme: emo-dark",
        "Theme: emo-light",
        "Language: English",
        "Language: 简体中文",
    ]


async def test_it_acts_on_the_screen_below() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await open_palette(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert app.screen.counted == 1


async def test_it_goes_to_a_screen_while_a_field_has_the_focus() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        app.screen.query_one("#field").focus()
        await choose(pilot, "Go to Chat")
        assert app.current_mode == "chat"


async def test_it_says_so_when_nothing_matches() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        assert await open_palette(pilot, "zzzz") == ["No command matches."]
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, SmallScreen)


async def test_it_has_no_emoji() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await open_palette(pilot)
        assert not app.screen.query_one(SearchIcon).display


async def test_it_opens_once_and_escape_closes_it() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await open_palette(pilot)
        await pilot.press("ctrl+p")
        assert [type(screen) for screen in app.screen_stack[1:]] == [CommandPalette]
        await pilot.press("escape")
        assert isinstance(app.screen, SmallScreen)


async def test_a_theme_is_switched_at_once_and_remembered() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await choose(pilot, "Theme: emo-light")
        assert app.theme == "emo-light"
        assert app.screen.styles.background.hex == "#F7F8FB"
    assert 'theme = "emo-light"' in settings_file().read_text()
    assert shell_app().theme == "emo-light"


async def test_the_language_is_switched_everywhere_and_remembered() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("2", "r", "r", "r", "1")
        app.screen.query_one("#field").focus()
        await choose(pilot, "Language: 简体中文")

        assert words(app) == ["退出", "1 环境"]
        assert app.focused is app.screen.query_one("#field")
        assert "帮助" in footer(app)
        assert "3 配置" in " ".join(words_of_navigation(app))
        await pilot.press("f3")
        assert words(app) == ["退出", "1 环境"]
        assert app.screen.counted == 3
        assert app.screen.query_one("#field").value == "3"
        await pilot.press("f1")
        assert str(app.screen.query_one(".dialog-box").border_title) == "帮助"
        await pilot.press("escape")

        assert "前往：对话" in await open_palette(pilot)
        await pilot.press("escape")
        await choose(pilot, "English")
        assert words(app) == ["Quit", "1 Environment"]
    assert 'language = "en"' in settings_file().read_text()


def words(app: ShellApp) -> list[str]:
    return [str(app.screen.query_one("#words").visual), words_of_navigation(app)[0]]


def words_of_navigation(app: ShellApp) -> list[str]:
    return [str(tab.visual) for tab in app.screen.query("PlaceTab")]


def footer(app: ShellApp) -> str:
    return " ".join(key.description for key in app.screen.query("FooterKey"))
