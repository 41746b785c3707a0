"""The config screen, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.screens.config import ConfigScreen
from emotui.app.screens.config_dialogs import HistoryScreen, SaveScreen
from emotui.app.screens.config_edit import EditKeyScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.widgets.config_pane import ConfigPane
from emotui.app.widgets.config_table import ConfigTable
from emotui.app.widgets.diff_view import DiffView
from emotui.app.widgets.plain import Plain
from emotui.app.widgets.workspace_chooser import WorkspaceChooser
from emotui.operations.services import Services
from emotui.support.paths import find_paths

FILES = Path(__file__).parents[1] / "fixtures" / "config_ini"


@pytest.fixture
def services(sealed_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    environ = {
        "HOME": str(sealed_home),
        "EMOTUI_HOME": str(sealed_home / "emotui"),
        "PATH": "/nonexistent",
    }
    return Services(find_paths(environ), environ)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    weights = tmp_path / "models" / "ws" / "triton_models" / "weights"
    weights.mkdir(parents=True)
    content = (FILES / "0.2.4.ini").read_text().replace("embeddings = 2048", "embeddings = 4096")
    (weights / "config.ini").write_text(content)
    return tmp_path / "models" / "ws"


@pytest.fixture
def file(workspace: Path) -> Path:
    return workspace / "triton_models" / "weights" / "config.ini"


@asynccontextmanager
async def running(
    services: Services, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], ConfigScreen]]:
    app = EmoTUI(services, first_screen="config")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, ConfigScreen))
        screen = app.screen
        assert isinstance(screen, ConfigScreen)
        await app.workers.wait_for_complete()
        yield pilot, screen


@asynccontextmanager
async def opened(
    services: Services, workspace: Path, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], ConfigScreen]]:
    async with running(services, size) as (pilot, screen):
        await screen.show(workspace)
        await until(pilot, lambda: screen.query_one(ConfigTable).row_count > 0)
        await until(pilot, lambda: screen.query_one(ConfigTable).has_focus)
        yield pilot, screen


def cells(screen: ConfigScreen) -> dict[str, tuple[str, str, str]]:
    """The table: mark, value and meaning by key."""
    table = screen.query_one(ConfigTable)
    rows = [[cell.plain for cell in table.get_row_at(n)] for n in range(table.row_count)]
    return {key: (mark.strip(), value, meaning) for mark, key, value, meaning in rows}


def detail(screen: ConfigScreen) -> str:
    parts = screen.query("#key-detail Plain").results(Plain)
    return "\n".join(str(each.render()) for each in parts if each.display)


async def go_to(pilot: Pilot[None], screen: ConfigScreen, key: str) -> None:
    table = screen.query_one(ConfigTable)
    table.move_cursor(row=table.names.index(key), animate=False)
    await until(pilot, lambda: screen.query_one(ConfigPane).chosen == key)


async def write(pilot: Pilot[None], screen: ConfigScreen, key: str, value: str) -> None:
    """Edit a key by typing its value, as a user does."""
    await go_to(pilot, screen, key)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditKeyScreen))
    pilot.app.screen.query_one(Input).value = value
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen is screen)


async def save(pilot: Pilot[None], screen: ConfigScreen) -> None:
    await pilot.press("s")
    await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))
    await pilot.press("s")
    await until(pilot, lambda: pilot.app.screen is screen)
    await until(pilot, lambda: screen.config is not None and not screen.config.is_changed)
    await pilot.app.workers.wait_for_complete()


async def test_without_a_workspace_it_says_what_to_do_first(services: Services) -> None:
    async with running(services) as (_pilot, screen):
        text = str(screen.query_one("#chooser-text", Plain).render())

        assert "Press o" in text
        assert not screen.query_one(OptionList).display
        assert not screen.query_one(ConfigPane).display


async def test_workspaces_in_the_models_folders_are_offered(
    services: Services, workspace: Path
) -> None:
    services.settings.set("models.folders", [str(workspace.parent)])
    async with running(services) as (pilot, screen):
        await until(pilot, lambda: screen.query_one(OptionList).has_focus)
        assert screen.workspaces == [workspace]

        await pilot.press("enter")

        await until(pilot, lambda: screen.config is not None)
        assert cells(screen)["session_len"] == ("", "4104", "4104 tokens")


async def test_o_opens_a_workspace_by_its_path(services: Services, workspace: Path) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("o")
        field = pilot.app.screen.query_one(Input)
        field.value = str(workspace / "nowhere")
        await pilot.press("enter")
        assert "triton_models" in str(pilot.app.screen.query_one("#problem", Plain).render())

        field.value = str(workspace)
        await pilot.press("enter")

        await until(pilot, lambda: screen.config is not None)
        assert not screen.query_one(WorkspaceChooser).display


async def test_a_key_is_explained_where_the_cursor_is(services: Services, workspace: Path) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "quant_policy")

        assert "quant_policy = 0: KV fp16, not quantized" in detail(screen)
        assert "one of fp16 (0), int8 (4)" in detail(screen)
        assert "convert writes: 0" in detail(screen)


async def test_choosing_int8_writes_4_for_0_2_4_and_saves_after_the_difference(
    services: Services, workspace: Path, file: Path
) -> None:
    before = file.read_bytes()
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "quant_policy")
        await pilot.press("enter", "down", "enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert cells(screen)["quant_policy"] == ("*", "4", "KV int8 on LMDeploy 0.2.0-0.2.6")
        assert file.read_bytes() == before

        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))
        lines = pilot.app.screen.query_one(DiffView).lines
        assert "-quant_policy = 0" in lines
        assert "+quant_policy = 4" in lines
        await pilot.press("s")

        await until(pilot, lambda: file.read_bytes() != before)
        assert file.read_bytes() == before.replace(b"quant_policy = 0", b"quant_policy = 4")


async def test_n_in_the_difference_saves_nothing(
    services: Services, workspace: Path, file: Path
) -> None:
    before = file.read_bytes()
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "max_batch_size", "8")
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)

        assert file.read_bytes() == before
        assert cells(screen)["max_batch_size"] == ("*", "8", "8 requests")


async def test_a_value_that_is_not_allowed_keeps_the_dialog_open(
    services: Services, workspace: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "session_len")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditKeyScreen))
        dialog = pilot.app.screen
        dialog.query_one(Input).value = "0"
        await pilot.pause()
        assert "1 or more" in str(dialog.query_one("#problem", Plain).render())

        await pilot.press("enter")
        assert pilot.app.screen is dialog

        await pilot.press("escape")
        assert cells(screen)["session_len"][1] == "4104"


async def test_findings_stand_at_their_key(services: Services, workspace: Path) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "session_len", "9000")

        assert cells(screen)["session_len"][0] == "*!"
        assert cells(screen)["config.ini"][2] == "warnings: 1"
        assert "max_position_embeddings = 4096" in detail(screen)


async def test_u_takes_back_waiting_changes_then_saved_ones_and_U_does_it_again(
    services: Services, workspace: Path, file: Path
) -> None:
    before = file.read_bytes()
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "session_len", "2048")
        await save(pilot, screen)
        saved = file.read_bytes()
        await write(pilot, screen, "max_batch_size", "8")

        await pilot.press("u")
        assert cells(screen)["max_batch_size"][1] == "64"
        assert file.read_bytes() == saved

        await pilot.press("u")
        await until(pilot, lambda: file.read_bytes() == before)
        await until(pilot, lambda: cells(screen)["session_len"][1] == "4104")
        await pilot.press("U")
        await until(pilot, lambda: file.read_bytes() == saved)
        await until(pilot, lambda: cells(screen)["session_len"][1] == "2048")


async def test_x_takes_back_the_change_of_one_key_and_del_removes_one(
    services: Services, workspace: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "session_len", "2048")
        await write(pilot, screen, "max_batch_size", "8")
        await go_to(pilot, screen, "use_logn_attn")
        await pilot.press("delete")
        assert cells(screen)["use_logn_attn"] == ("*", "-", "not in the file")

        await go_to(pilot, screen, "session_len")
        await pilot.press("x")

        assert cells(screen)["session_len"] == ("", "4104", "4104 tokens")
        assert cells(screen)["max_batch_size"][0] == "*"
        assert cells(screen)["use_logn_attn"][0] == "*"


async def test_the_shape_of_the_model_is_edited_only_after_a_warning(
    services: Services, workspace: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "num_layer")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        assert pilot.app.screen is screen

        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditKeyScreen))
        pilot.app.screen.query_one(Input).value = "8"
        await pilot.press("enter")

        await until(pilot, lambda: cells(screen)["num_layer"] == ("*", "8", ""))


async def test_v_names_the_version_and_meanings_follow(services: Services, workspace: Path) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "quant_policy")
        await pilot.press("enter", "down", "enter")
        await pilot.press("v")
        pilot.app.screen.query_one(Input).value = "0.5.3"
        await pilot.press("enter")

        await until(pilot, lambda: "int4" in cells(screen)["quant_policy"][2])
        assert "max_prefill_token_num" in cells(screen)
        assert "LMDeploy 0.5.3" in str(screen.query_one("#config-title", Plain).render())


async def test_a_change_by_something_else_is_not_overwritten(
    services: Services, workspace: Path, file: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "max_batch_size", "8")
        file.write_bytes(file.read_bytes().replace(b"4104", b"4000"))
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))
        await pilot.press("s")
        await pilot.app.workers.wait_for_complete()

        assert b"max_batch_size = 64" in file.read_bytes()
        assert cells(screen)["max_batch_size"][0] == "*"

        await pilot.press("r")
        await until(pilot, lambda: cells(screen)["session_len"][1] == "4000")
        assert cells(screen)["max_batch_size"] == ("*", "8", "8 requests")
        await save(pilot, screen)
        assert b"max_batch_size = 8\n" in file.read_bytes()
        assert b"session_len = 4000\n" in file.read_bytes()


async def test_quitting_and_opening_another_ask_about_unsaved_changes(
    services: Services, workspace: Path, file: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "max_batch_size", "8")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "max_batch_size" in str(pilot.app.screen.query_one(".dialog-text", Plain).render())
        await pilot.press("n")

        await screen.show(file)
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        assert cells(screen)["max_batch_size"][0] == "*"
        await screen.show(file)
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: cells(screen)["max_batch_size"][0] == "")


async def test_history_shows_what_was_saved(services: Services, workspace: Path) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await write(pilot, screen, "session_len", "2048")
        await save(pilot, screen)
        await pilot.press("h")
        await until(pilot, lambda: isinstance(pilot.app.screen, HistoryScreen))
        history = pilot.app.screen
        await until(pilot, lambda: "+session_len = 2048" in history.query_one(DiffView).lines)

        entries = str(history.query_one("#history-entries", Plain).render())
        assert "session_len 4104 -> 2048" in entries
        await pilot.press("h")
        assert pilot.app.screen is screen


async def test_a_file_that_cannot_be_read_says_why(services: Services, file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"quant_policy = 4\n")
    async with running(services) as (pilot, screen):
        await screen.show(file)
        await until(pilot, lambda: bool(screen.problem))

        shown = str(screen.query_one("#chooser-problem", Plain).render())
        assert "a second time" in shown
        assert screen.query_one("#chooser-problem").display


async def test_what_a_file_says_is_only_text(services: Services, file: Path) -> None:
    evil = "a[/nope][@click=app.quit]x"
    file.write_text(
        file.read_text().replace("llama2", evil) + "strange[/b] = [/c]\n", encoding="utf-8"
    )
    async with opened(services, file) as (pilot, screen):
        assert cells(screen)["model_name"][1] == evil
        await go_to(pilot, screen, "model_name")
        assert evil in detail(screen)
        await go_to(pilot, screen, "strange[/b]")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditKeyScreen))
        await pilot.press("escape")
        await write(pilot, screen, "session_len", "2048")
        await pilot.press("s")
        await until(pilot, lambda: isinstance(pilot.app.screen, SaveScreen))


async def test_it_follows_the_language_and_keeps_the_changes(
    services: Services, workspace: Path
) -> None:
    async with opened(services, workspace, (120, 40)) as (pilot, screen):
        await write(pilot, screen, "max_batch_size", "8")

        await pilot.app.run_action("app.use_language('zh_CN')")

        await until(pilot, lambda: cells(screen)["max_batch_size"] == ("*", "8", "8 个请求"))
        assert screen.query_one(ConfigPane).chosen == "max_batch_size"
        assert "同时计算的请求数" in detail(screen)


async def test_a_look_elsewhere_and_back_reads_the_file_again(
    services: Services, workspace: Path, file: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await pilot.press("4")
        await until(pilot, lambda: pilot.app.screen is not screen)
        file.write_bytes(file.read_bytes().replace(b"4104", b"4000"))
        await pilot.press("3")

        await until(pilot, lambda: cells(screen)["session_len"][1] == "4000")


async def test_letters_are_text_while_a_field_has_the_focus(
    services: Services, workspace: Path
) -> None:
    async with opened(services, workspace) as (pilot, screen):
        await go_to(pilot, screen, "session_len")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, EditKeyScreen))
        field = pilot.app.screen.query_one(Input)
        field.value = ""
        await pilot.press("q", "s", "u", "3")

        assert field.value == "qsu3"
        assert isinstance(pilot.app.screen, EditKeyScreen)
