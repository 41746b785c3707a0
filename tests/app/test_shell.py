"""The shell of the app: switching screens, keys, help, quitting."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell_app import SmallScreen, shell_app
from textual.widgets import DataTable, Input, Markdown

from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.screens.help import HelpScreen
from emotui.app.widgets.navigation import PLACES, PlaceTab


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.mode)
async def test_a_digit_and_a_function_key_switch_the_screen(place) -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        for away, key in (("1", place.digit), ("2", place.function_key)):
            await pilot.press(away, key)
            assert app.current_mode == place.mode
            assert app.screen.query_one("PlaceTab.-active", PlaceTab).place == place


async def test_the_navigation_is_clicked() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.click(app.screen.query(PlaceTab)[3])
        assert app.current_mode == "jobs"


async def test_letters_and_digits_do_nothing_while_a_field_has_the_focus() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        field = app.screen.query_one(Input)
        field.focus()
        await pilot.press("q", "1", "2", "question_mark", "r", "slash")

        assert field.value == "q12?r/"
        assert app.current_mode == "environment"
        assert app.screen.counted == 0
        assert app.is_running


async def test_function_keys_and_ctrl_q_act_while_a_field_has_the_focus() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        app.screen.query_one(Input).focus()
        await pilot.press("f6")
        assert app.current_mode == "chat"
        app.screen.query_one(Input).focus()
        await pilot.press("ctrl+q")
    assert app.return_code == 0


async def test_the_screen_opened_first_can_be_chosen() -> None:
    app = shell_app(first_screen="jobs")
    async with app.run_test():
        assert app.current_mode == "jobs"
        assert [screen.MODE for screen in app.built_screens] == ["jobs"]


async def test_a_screen_keeps_its_state_while_another_is_shown() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("2", "r", "r", "1", "2")
        assert app.screen.counted == 2


async def test_screens_are_opened_with_a_subject() -> None:
    app = shell_app()
    async with app.run_test():
        await app.open_models(Path("/m"))
        assert (app.current_mode, app.screen.subject) == ("models", Path("/m"))
        await app.open_jobs("job-1")
        assert (app.current_mode, app.screen.subject) == ("jobs", "job-1")
        await app.open_config(Path("/w"))
        assert (app.current_mode, app.screen.subject) == ("config", Path("/w"))
        await app.open_chat(Path("/m"))
        assert (app.current_mode, app.screen.subject) == ("chat", Path("/m"))


# -- help ------------------------------------------------------------------------------------


async def test_f1_shows_what_the_screen_is_for_and_its_keys() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        assert app.screen.query_one(Markdown).source == "Help"
        await pilot.press("q")
        assert isinstance(app.screen, SmallScreen)


async def test_the_question_mark_shows_our_keys_and_no_others() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("question_mark")
        table = app.screen.query_one(DataTable)
        rows = [
            tuple(str(cell) for cell in table.get_row_at(row)) for row in range(table.row_count)
        ]

    assert rows == [
        ("r", "Keys"),
        ("1  F2", "Environment"),
        ("2  F3", "Models"),
        ("3  F4", "Config"),
        ("4  F5", "Jobs"),
        ("5  F6", "Chat"),
        ("F1", "Help"),
        ("?", "Keys"),
        ("Ctrl+P", "Palette"),
        ("q  Ctrl+Q", "Quit"),
    ]


async def test_no_screen_is_switched_under_a_dialog() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("question_mark", "2", "f3")
        assert isinstance(app.screen, HelpScreen)
        assert app.current_mode == "environment"


# -- quitting ----------------------------------------------------------------------------------


async def test_q_quits_at_once_when_nothing_is_lost() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("answer", ["n", "escape", "enter"])
async def test_q_asks_when_something_would_be_lost(answer: str) -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("3", "1", "q")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        assert "Nothing to do." in app.screen.question
        await pilot.press(answer)
        await pilot.pause()
        assert isinstance(app.screen, SmallScreen)
        assert app.is_running

        await pilot.press("q")
        await pilot.pause()
        await pilot.press("y")
    assert app.return_code == 0


async def test_ctrl_c_tells_how_to_leave() -> None:
    app = shell_app()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+c")
        assert app.notices == ["Press q to quit (Ctrl+Q while typing)."]
        assert app.is_running
