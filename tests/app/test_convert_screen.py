"""The form that converts a model, used with the keyboard."""

from __future__ import annotations

import os
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles.lmdeploy_double import make_lmdeploy, make_model
from textual.widgets import Collapsible, Input, Select
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.screens.convert import ConvertScreen
from emotui.app.widgets.option_form import FormCheckbox, FormSelect
from emotui.jobs.control import wait
from emotui.operations.services import open_services
from emotui.support.language import set_language

LIMIT_S = 20


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lmdeploy(tmp_path_factory.mktemp("double") / "lm")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.fixture
def form(python: Path, sealed_home: Path):
    """Open the form for a model; yields pilot and screen when the plan stands."""

    @asynccontextmanager
    async def open_form(
        model: Path, size=(80, 24), ready: bool = True, **environ: str
    ) -> AsyncIterator:
        values = {**os.environ, "VIRTUAL_ENV": str(python.parents[1]), "PATH": "", **environ}
        app = EmoTUI(open_services(values), first_screen="models")
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await app.open_convert(model)
            screen = app.screen
            assert isinstance(screen, ConvertScreen)
            await until(pilot, lambda: screen.plan or screen.problem)
            if ready:
                assert screen.plan is not None, screen.problem
            yield pilot, screen

    return open_form


def command(screen: ConvertScreen) -> list[str]:
    """Return the words of the command that is shown."""
    return shlex.split(str(screen.query_one("#plan-command-text").content).splitlines()[0])


def checks(screen: ConvertScreen) -> str:
    return str(screen.query_one("#plan-findings-text").content)


async def test_the_form_has_the_options_of_that_installation(form, model, python) -> None:
    async with form(model) as (_pilot, screen):
        assert screen.query_one("#option-model_name", FormSelect).value == "llama2"
        assert screen.query_one("#option-tp", Input).value == "1"
        assert screen.query_one("#option-model_format", FormSelect).value is Select.NULL
        assert screen.query_one("#option-trust_remote_code", FormCheckbox).value is False
        assert screen.query_one("#option-new_thing", Input).value == "0.5"
        assert screen.query_one("#advanced-options", Collapsible).collapsed
        assert not screen.query("#option-model_path, #option-dst_path")
        assert str(python) in str(screen.query_one("#form-installation", FormSelect).value)


async def test_an_awq_model_comes_with_its_values(form, tmp_path) -> None:
    model = make_model(tmp_path / "awq", awq_group_size=128)
    async with form(model) as (_pilot, screen):
        assert screen.query_one("#option-model_format", FormSelect).value == "awq"
        assert screen.query_one("#option-group_size", Input).value == "128"
        assert "--group-size" in command(screen)


async def test_the_command_follows_what_is_typed(form, model, tmp_path) -> None:
    async with form(model) as (pilot, screen):
        assert command(screen)[-1] == str(tmp_path / "tiny-workspace.partial")
        await pilot.press(*"-2")
        await until(
            pilot, lambda: command(screen)[-1] == str(tmp_path / "tiny-workspace-2.partial")
        )
        screen.query_one("#option-tp", Input).focus()
        await pilot.press("backspace", "2")
        await until(pilot, lambda: "--tp" in command(screen))


async def test_a_name_with_spaces_and_brackets_is_only_text(form, model, tmp_path) -> None:
    async with form(model) as (pilot, screen):
        field = screen.query_one("#form-destination", Input)
        field.value = str(tmp_path / "my [red]ws[/nope]")
        await until(
            pilot, lambda: command(screen)[-1] == str(tmp_path / "my [red]ws[/nope].partial")
        )


async def test_a_value_that_is_not_allowed_is_said_while_typing(form, model) -> None:
    async with form(model) as (pilot, screen):
        screen.query_one("#option-tp", Input).value = "3"
        await until(pilot, lambda: "power of two" in checks(screen))
        assert screen.query_one("#convert-start").disabled
        screen.query_one("#option-tp", Input).value = "2"
        await until(pilot, lambda: screen.plan is not None)
        assert not screen.query_one("#convert-start").disabled


async def test_starting_makes_a_job_and_shows_it(form, model, tmp_path) -> None:
    async with form(model) as (pilot, screen):
        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.current_mode == "jobs")
        (job,) = pilot.app.services.jobs.list()
        assert wait(pilot.app.services.jobs, job.id, LIMIT_S).state.value == "succeeded"
        assert (tmp_path / "tiny-workspace/triton_models/weights/config.ini").exists()
        assert screen not in pilot.app.screen_stack


async def test_enter_in_a_field_goes_on_and_starts_nothing(form, model) -> None:
    async with form(model) as (pilot, screen):
        await pilot.press("enter")
        assert screen.focused.id == "form-replace"
        await pilot.press("tab", "tab", "tab")
        assert screen.focused.id == "option-group_size"
        await pilot.press("enter")
        assert screen.focused.id == "option-tp"
        assert pilot.app.services.jobs.list() == []


async def test_letters_belong_to_the_field_that_has_the_focus(form, model) -> None:
    async with form(model) as (pilot, screen):
        for name in ("form-destination", "form-replace", "option-model_name", "option-tp"):
            screen.query_one(f"#{name}").focus()
            await pilot.press("q", "1", "question_mark")
            assert pilot.app.screen is screen
        assert pilot.app.is_running


async def test_an_existing_workspace_is_refused_until_it_is_to_be_replaced(
    form, model, tmp_path
) -> None:
    config = tmp_path / "tiny-workspace/triton_models/weights/config.ini"
    config.parent.mkdir(parents=True)
    config.write_text("old")
    async with form(model) as (pilot, screen):
        assert "exists already" in checks(screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not screen.is_starting)
        assert pilot.app.screen is screen
        assert config.read_text() == "old"
        screen.query_one("#form-replace").focus()
        await pilot.press("space")
        await until(pilot, lambda: "exists already" not in checks(screen))
        await pilot.press("f9")
        await until(pilot, lambda: pilot.app.current_mode == "jobs")
        (job,) = pilot.app.services.jobs.list()
        assert wait(pilot.app.services.jobs, job.id, LIMIT_S).state.value == "succeeded"
        assert "num_layer" in config.read_text()


async def test_a_check_that_says_no_is_asked_about(form, model) -> None:
    async with form(model) as (pilot, screen):
        screen.query_one("#option-tp", Input).value = "4"
        await until(pilot, lambda: "key/value heads" in checks(screen))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen and not screen.is_starting)
        assert pilot.app.services.jobs.list() == []
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.current_mode == "jobs")
        (job,) = pilot.app.services.jobs.list()
        wait(pilot.app.services.jobs, job.id, LIMIT_S)


async def test_another_installation_brings_its_own_options(
    form, model, sealed_home, python
) -> None:
    other = make_lmdeploy(sealed_home / ".venvs" / "other", "0.2.2")
    site = next(other.parents[1].glob("lib/python3*/site-packages"))
    cli = site / "lmdeploy" / "cli" / "cli.py"
    cli.write_text(cli.read_text().replace("--new-thing", "--older-thing"))
    async with form(model) as (pilot, screen):
        select = screen.query_one("#form-installation", FormSelect)
        assert select.value == str(python)
        select.value = str(other)
        await until(pilot, lambda: screen.query("#option-older_thing") and screen.plan)
        assert not screen.query("#option-new_thing")
        assert command(screen)[0] == str(other)


async def test_a_version_without_convert_says_what_to_do_and_can_be_left(
    form, model, sealed_home
) -> None:
    modern = make_lmdeploy(sealed_home / ".venvs" / "modern", "0.18.0")
    async with form(model) as (pilot, screen):
        screen.query_one("#form-installation", FormSelect).value = str(modern)
        await until(pilot, lambda: screen.problem)
        assert "has no `convert`" in checks(screen)
        await pilot.press("ctrl+s")
        assert pilot.app.services.jobs.list() == []


async def test_without_lmdeploy_the_form_says_so(form, model) -> None:
    async with form(model, ready=False, VIRTUAL_ENV="/none") as (_pilot, screen):
        assert "No interpreter with LMDeploy" in checks(screen)


async def test_a_model_that_is_gone_is_said(form, tmp_path) -> None:
    async with form(tmp_path / "gone", ready=False) as (_pilot, screen):
        assert "does not exist" in checks(screen)


async def test_escape_leaves_and_asks_only_when_something_was_filled_in(form, model) -> None:
    async with form(model) as (pilot, screen):
        await pilot.press("x")
        await until(pilot, lambda: screen.is_touched)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)
        screen.is_touched = False
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is not screen)


async def test_the_form_keeps_what_was_typed_when_the_language_changes(form, model) -> None:
    async with form(model) as (pilot, screen):
        await pilot.press("x")
        await until(pilot, lambda: screen.destination.endswith("x"))
        await pilot.app.action_use_language("zh_CN")
        await until(pilot, lambda: screen.query("#form-destination") and screen.plan)
        try:
            assert screen.query_one("#form-destination", Input).value.endswith("workspacex")
            labels = [str(label.content) for label in screen.query(".form-label")]
            assert "目标文件夹" in labels
        finally:
            set_language("en")


async def test_the_field_in_focus_is_explained(form, model) -> None:
    async with form(model) as (pilot, screen):
        explanation = screen.query_one("#convert-explanation")
        assert "gets its name only when" in str(explanation.content)
        screen.query_one("#option-new_thing", Input).focus()
        await until(pilot, lambda: "Not known yet [x]." in str(explanation.content))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_every_basic_field_is_in_sight(form, model, size) -> None:
    async with form(model, size=size) as (_pilot, screen):
        for name in ("form-destination", "option-model_name", "option-tp", "convert-start"):
            region = screen.query_one(f"#{name}").region
            assert 0 < region.y < size[1] - 1
            assert region.right <= size[0]
