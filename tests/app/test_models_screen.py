"""The models screen, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles.model_folders import make_checkpoint, make_workspace
from textual.pilot import Pilot
from textual.widgets import Input
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.screens.ask_text import AskTextScreen
from emotui.app.screens.models import ModelsScreen
from emotui.app.widgets.model_detail import ModelDetail
from emotui.app.widgets.model_table import ModelTable
from emotui.app.widgets.plain import Plain
from emotui.operations.services import Services
from emotui.support.paths import find_paths

SIZES = [(80, 24), (120, 40)]


@pytest.fixture
def services(sealed_home: Path) -> Services:
    environ = {"EMOTUI_HOME": str(sealed_home / "emotui"), "HOME": str(sealed_home)}
    return Services(find_paths(environ), environ)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a good checkpoint, one without tokenizer and a workspace."""
    folder = tmp_path / "here"
    make_checkpoint(folder / "base", tokenizer=False)
    make_checkpoint(folder / "chat")
    make_workspace(folder / "workspace")
    monkeypatch.chdir(folder)
    return folder


class Recording(EmoTUI):
    """The app, which takes down where it was led to instead of going there."""

    went: list[tuple[str, Path]]

    async def open_convert(self, model: Path) -> None:
        self.went.append(("convert", model))

    async def open_config(self, workspace: Path) -> None:
        self.went.append(("config", workspace))

    async def open_chat(self, model: Path) -> None:
        self.went.append(("chat", model))


@asynccontextmanager
async def running(
    services: Services, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], ModelsScreen]]:
    app = Recording(services, first_screen="models")
    app.went = []
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ModelsScreen))
        screen = app.screen
        assert isinstance(screen, ModelsScreen)
        await until(pilot, lambda: screen.scanned_at is not None)
        yield pilot, screen


def rows(screen: ModelsScreen) -> list[list[str]]:
    table = screen.query_one(ModelTable)
    return [[str(cell) for cell in table.get_row_at(row)] for row in range(table.row_count)]


def names(screen: ModelsScreen) -> list[str]:
    return [row[1] for row in rows(screen)]


def text_of(screen: ModelsScreen, selector: str) -> str:
    return str(screen.query_one(selector, Plain).render())


def keys(screen: ModelsScreen) -> set[str]:
    return {active.binding.key for active in screen.active_bindings.values() if active.enabled}


def title(screen: ModelsScreen) -> str:
    return str(screen.query_one(ModelDetail).border_title)


@pytest.mark.parametrize("size", SIZES)
async def test_models_are_listed_and_the_first_is_described(
    services: Services, here: Path, size: tuple[int, int]
) -> None:
    async with running(services, size) as (_pilot, screen):
        assert [row[:6] for row in rows(screen)] == [
            ["!", "base", "hf", "Llama", "5.01K", "float16"],
            ["", "chat", "hf", "Llama", "5.01K", "float16"],
            ["", "workspace", "workspace", "Llama", "5.01K", "float16"],
        ]
        assert "There is no tokenizer" in text_of(screen, "#model-problems")
        assert text_of(screen, "#models-status") == "Models: 3."
        assert isinstance(screen.focused, ModelTable)
        assert screen.query_one(ModelTable).max_scroll_x == 0


async def test_the_detail_follows_the_cursor(services: Services, here: Path) -> None:
    async with running(services) as (pilot, screen):
        assert title(screen) == "base"
        await pilot.press("j")
        assert title(screen) == "chat"
        assert not screen.query_one("#model-problems").display
        await pilot.press("down")
        assert title(screen) == "workspace"
        await pilot.press("k", "k")
        assert title(screen) == "base"


async def test_only_what_the_model_allows_is_offered(services: Services, here: Path) -> None:
    async with running(services) as (pilot, screen):
        assert {"c", "t", "a", "r"} <= keys(screen)
        assert "o" not in keys(screen)
        await pilot.press("G")
        await until(pilot, lambda: "o" in keys(screen))
        assert "c" not in keys(screen)


async def test_each_key_leads_on_with_the_model(services: Services, here: Path) -> None:
    async with running(services) as (pilot, _screen):
        await pilot.press("c", "t", "o", "j", "j", "c", "o", "t", "enter")
        await pilot.pause()
        assert isinstance(pilot.app, Recording)
        workspace = here / "workspace"
        assert pilot.app.went == [
            ("convert", here / "base"),
            ("chat", here / "base"),
            ("config", workspace),
            ("chat", workspace),
            ("config", workspace),
        ]


async def test_enter_on_a_checkpoint_goes_to_its_detail_and_tab_comes_back(
    services: Services, here: Path
) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("enter")
        assert isinstance(screen.focused, ModelDetail)
        await pilot.press("end")
        await until(pilot, lambda: screen.query_one(ModelDetail).scroll_y > 0)
        await pilot.press("tab")
        assert isinstance(screen.focused, ModelTable)


async def test_the_filter_narrows_and_escape_shows_all(services: Services, here: Path) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("slash", "c", "h", "a", "t")
        assert names(screen) == ["chat"]
        assert not isinstance(pilot.app.screen, AskTextScreen)
        await pilot.press("enter")
        assert isinstance(screen.focused, ModelTable)
        await pilot.press("slash", "x", "x")
        assert names(screen) == []
        assert "No model matches" in text_of(screen, "#models-empty")
        assert "t" not in keys(screen)
        await pilot.press("escape")
        assert len(names(screen)) == 3
        assert not screen.query_one("#models-filter").display
        assert isinstance(screen.focused, ModelTable)


async def test_letters_do_nothing_but_write_while_the_filter_is_open(
    services: Services, here: Path
) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("slash", *"acort")
        assert screen.query_one("#models-filter", Input).value == "acort"
        assert isinstance(pilot.app, Recording)
        assert pilot.app.went == []
        assert pilot.app.screen is screen


async def test_without_models_the_screen_says_what_to_do_first(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(services) as (_pilot, screen):
        assert "Press a and name a folder" in text_of(screen, "#models-empty")
        assert str(tmp_path) in text_of(screen, "#models-empty")
        assert not screen.query_one(ModelTable).display
        assert not screen.query_one(ModelDetail).display
        assert "c" not in keys(screen)


async def test_a_folder_is_added_checked_and_searched_at_once(
    services: Services, here: Path, tmp_path: Path
) -> None:
    make_checkpoint(tmp_path / "more" / "zebra")
    async with running(services) as (pilot, screen):
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskTextScreen))
        dialog = pilot.app.screen
        field = dialog.query_one(Input)
        field.value = str(tmp_path / "nothing")
        await pilot.press("enter")
        await until(
            pilot, lambda: "does not exist" in str(dialog.query_one("#problem", Plain).render())
        )
        field.value = str(tmp_path / "more")
        await pilot.press("enter")
        await until(pilot, lambda: "zebra" in names(screen))
        assert title(screen) == "zebra"
        assert services.settings.texts("models.folders") == [str(tmp_path / "more")]


async def test_a_rescan_finds_what_is_new_and_keeps_the_cursor(
    services: Services, here: Path
) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("G")
        make_checkpoint(here / "a new one")
        await pilot.press("r")
        await until(pilot, lambda: "a new one" in names(screen))
        assert title(screen) == "workspace"


async def test_a_model_is_shown_that_no_folder_of_the_list_holds(
    services: Services, here: Path, tmp_path: Path
) -> None:
    other = make_checkpoint(tmp_path / "other")
    async with running(services) as (pilot, screen):
        await screen.show(other)
        await until(pilot, lambda: title(screen) == "other")
        await pilot.press("r")
        await screen.show(here / "chat")
        await until(pilot, lambda: title(screen) == "chat")
        assert "other" in names(screen)


async def test_another_language_rebuilds_the_screen_and_keeps_the_place(
    services: Services, here: Path
) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("j")
        await pilot.app.run_action("use_language('zh_CN')")
        await until(pilot, lambda: "模型" in text_of(screen, "#models-status"))
        assert title(screen) == "chat"
        assert len(names(screen)) == 3
        assert isinstance(screen.focused, ModelTable)


async def test_hostile_names_are_only_text(services: Services, here: Path) -> None:
    make_checkpoint(here / "[@click=app.quit] [red]x\x1b]0;t\x07", architectures=["[/nope]Y"])
    async with running(services) as (_pilot, screen):
        assert names(screen)[0] == "[@click=app.quit] [red]x"
        assert rows(screen)[0][3] == "[/nope]Y"
        assert title(screen) == r"\[@click=app.quit] \[red]x"  # markup, escaped


async def test_a_long_name_is_cut_and_stays_whole_in_the_detail(
    services: Services, here: Path
) -> None:
    make_checkpoint(here / ("a" * 90))
    async with running(services) as (pilot, screen):
        table = screen.query_one(ModelTable)
        assert table.max_scroll_x == 0
        assert table.ordered_columns[1].width > 18
        assert title(screen) == "a" * 90
        await pilot.resize_terminal(120, 40)
        await until(pilot, lambda: table.ordered_columns[1].width > 60)
        assert table.max_scroll_x == 0
        await pilot.resize_terminal(60, 24)
        await until(pilot, lambda: table.ordered_columns[1].width == 18)


async def test_a_folder_that_is_gone_is_told_and_the_others_are_searched(
    services: Services, here: Path
) -> None:
    services.paths.settings_file.parent.mkdir(parents=True)
    services.paths.settings_file.write_text('[models]\nfolders = ["/gone/models"]\n')
    async with running(services) as (_pilot, screen):
        assert "/gone/models is no folder" in text_of(screen, "#models-status")
        assert len(names(screen)) == 3
