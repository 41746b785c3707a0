"""The real screens in the real shell: in any size, in Chinese, and all in one visit."""

from __future__ import annotations

import pytest
from textual.widgets import DataTable, Markdown

from emotui.app.app import SCREENS, EmoTUI
from emotui.app.keys import own_bindings
from emotui.app.screens.help import HelpScreen
from emotui.operations.services import open_services


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= char <= "\u9fff" for char in text)


async def test_every_screen_fits_every_terminal() -> None:
    app = EmoTUI(open_services())
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        for size in ((60, 18), (20, 6), (1, 1), (80, 24)):
            await pilot.resize_terminal(*size)
            for mode in SCREENS:
                await app.action_go(mode)
                await pilot.pause()
            app.action_help()
            await pilot.pause()
            assert isinstance(app.screen, HelpScreen)
            await pilot.press("escape", "ctrl+p", "escape")
        assert app.screen.query_one("#navigation").size.width == 80


async def test_every_screen_speaks_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    app = EmoTUI(open_services())
    english = []
    async with app.run_test() as pilot:
        for mode in SCREENS:
            await app.action_go(mode)
            english += [
                f"{mode}: {active.binding.description}"
                for active in own_bindings(app.screen.active_bindings.values())
                if not is_chinese(active.binding.description)
            ]
            english += [
                f"{mode}: {key.description}"
                for key in app.screen.query("FooterKey")
                if not is_chinese(key.description)
            ]
            await pilot.press("f1")
            assert is_chinese(app.screen.query_one(Markdown).source)
            assert app.screen.query_one(DataTable).row_count > 8
            await pilot.press("escape")

    assert english == []


async def test_every_screen_follows_a_switch_of_language() -> None:
    app = EmoTUI(open_services())
    async with app.run_test() as pilot:
        for mode in SCREENS:
            await app.action_go(mode)
        for code, first in (("zh_CN", "1 环境"), ("en", "1 Environment"), ("zh_CN", "1 环境")):
            await app.action_use_language(code)
            await pilot.pause()
            for mode in SCREENS:
                await app.action_go(mode)
                assert str(app.screen.query("PlaceTab").first().visual) == first
