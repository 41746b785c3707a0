"""Pictures of every screen: two sizes, two languages, dark and light.

A picture is updated only after somebody has looked at it: `pytest tests/snapshots
--snapshot-update`, then open what changed in `__snapshots__`.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Iterator

import pytest
from still_machine import ROOT, StillMachine, build
from textual.pilot import Pilot
from textual.widgets import OptionList
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.screens.config import ConfigScreen
from emotui.app.screens.convert import ConvertScreen
from emotui.app.screens.environment import EnvironmentScreen
from emotui.app.screens.help import HelpScreen
from emotui.app.screens.job_detail import JobDetailScreen
from emotui.app.screens.jobs import JobsScreen
from emotui.app.screens.models import ModelsScreen
from emotui.app.widgets.config_table import ConfigTable
from emotui.operations import chat as chat_operations

pytestmark = pytest.mark.xdist_group("pictures")  # they share one folder
SMALL, LARGE = (80, 24), (120, 40)
LANGUAGES = ("en", "zh_CN")
THEMES = ("emo-dark", "emo-light")
Step = Callable[[Pilot[None]], Awaitable[None]]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[StillMachine]:
    machine = build(monkeypatch)
    yield machine
    machine.close()


async def environment(pilot: Pilot[None]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, EnvironmentScreen)
    await until(pilot, lambda: screen.report and screen.reading and not screen.running, "report")


async def models(pilot: Pilot[None]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, ModelsScreen)
    await until(pilot, lambda: screen.found.models, "models")


async def config(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, EmoTUI)
    await app.open_config(pilot.machine.workspace)  # type: ignore[attr-defined]
    screen = app.screen
    assert isinstance(screen, ConfigScreen)
    await until(
        pilot, lambda: screen.query(ConfigTable) and screen.query_one(ConfigTable).row_count, "keys"
    )


async def jobs(pilot: Pilot[None]) -> None:
    screen = pilot.app.screen
    assert isinstance(screen, JobsScreen)
    await until(pilot, lambda: screen.has_looked, "jobs")


async def job(pilot: Pilot[None]) -> None:
    await jobs(pilot)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobDetailScreen), "job")
    screen = pilot.app.screen
    assert isinstance(screen, JobDetailScreen)
    await until(pilot, lambda: screen.job and screen.progress, "progress")


async def chat(pilot: Pilot[None]) -> None:
    app = pilot.app
    services = pilot.machine.services  # type: ignore[attr-defined]
    summary = chat_operations.list_conversations(services)[0]
    conversation = chat_operations.open_conversation(services, summary.id)
    await app.screen.go_to(conversation)  # type: ignore[attr-defined]
    await until(pilot, lambda: len(app.screen.query("Markdown")) >= 2, "answers")


async def convert(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, EmoTUI)
    await app.open_convert(pilot.machine.model)  # type: ignore[attr-defined]
    screen = app.screen
    assert isinstance(screen, ConvertScreen)
    await until(pilot, lambda: screen.plan or screen.problem, "plan")


async def show_help(pilot: Pilot[None]) -> None:
    await environment(pilot)
    await pilot.press("f1")
    await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen), "help")


async def palette(pilot: Pilot[None]) -> None:
    await environment(pilot)
    await pilot.press("ctrl+p")
    await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count, "palette")


SCREENS: dict[str, tuple[str, Step]] = {
    "environment": ("environment", environment),
    "models": ("models", models),
    "config": ("config", config),
    "jobs": ("jobs", jobs),
    "chat": ("chat", chat),
}
DIALOGS: dict[str, tuple[str, Step]] = {
    "job": ("jobs", job),
    "convert": ("models", convert),
    "help": ("environment", show_help),
}


@pytest.fixture
def picture(machine: StillMachine, snap_compare, capsys):
    """Compare a screen with its picture."""

    def compare(mode: str, step: Step, size: tuple[int, int], language: str, theme: str) -> bool:
        machine.services.settings.set("app.language", language)
        machine.services.settings.set("app.theme", theme)
        app = EmoTUI(machine.services, first_screen=mode)
        app.animation_level = "none"

        async def prepare(pilot: Pilot[None]) -> None:
            pilot.machine = machine  # type: ignore[attr-defined]
            await pilot.pause()
            await step(pilot)
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=prepare)

    return compare


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(picture, name: str, size: tuple[int, int], language: str, theme: str) -> None:
    mode, step = SCREENS[name]
    assert picture(mode, step, size, language, theme)


@pytest.mark.parametrize(
    ("size", "language", "theme"),
    [(SMALL, "en", "emo-dark"), (LARGE, "zh_CN", "emo-light"), (SMALL, "zh_CN", "emo-contrast")],
    ids=["80x24-en-dark", "120x40-zh-light", "80x24-zh-contrast"],
)
@pytest.mark.parametrize("name", DIALOGS)
def test_dialog(picture, name: str, size: tuple[int, int], language: str, theme: str) -> None:
    mode, step = DIALOGS[name]
    assert picture(mode, step, size, language, theme)


def test_palette(picture) -> None:
    assert picture("environment", palette, SMALL, "en", "emo-dark")


@pytest.mark.parametrize("mode", ["models", "config", "jobs", "chat"])
def test_empty_state(picture, machine: StillMachine, mode: str, monkeypatch) -> None:
    async def nothing(pilot: Pilot[None]) -> None:
        await pilot.app.workers.wait_for_complete()

    shutil.rmtree(machine.services.paths.jobs)
    machine.services.settings.set("models.folders", None)
    empty = ROOT / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert picture(mode, nothing, SMALL, "en", "emo-dark")


def test_readme_chat(picture) -> None:
    assert picture("chat", chat, (100, 30), "en", "emo-dark")


def test_readme_chat_zh(picture) -> None:
    assert picture("chat", chat, (100, 30), "zh_CN", "emo-dark")
