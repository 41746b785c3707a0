"""The environment screen, driven by keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from doubles.environments import make_environment
from doubles.gpus import ScriptedGpus, a_reading
from textual.pilot import Pilot
from textual.widgets import DataTable, Input
from waiting import until

from emotui.app.app import EmoTUI
from emotui.app.background import in_background
from emotui.app.screens.environment import EnvironmentScreen
from emotui.app.widgets.gpu_panel import GpuPanel, gpu_lines
from emotui.app.widgets.plain import Plain
from emotui.environment.subject import Target
from emotui.gpu.sample import Gpu, GpuReading
from emotui.operations.services import Services
from emotui.support.language import message
from emotui.support.paths import find_paths
from emotui.support.text import cell_width

NO_DRIVER = GpuReading(problem=message("There is no NVIDIA driver here."))


@pytest.fixture
def services(sealed_home: Path) -> Services:
    environ = {
        "HOME": str(sealed_home),
        "EMOTUI_HOME": str(sealed_home / "emotui"),
        "PATH": "/nonexistent",
    }
    made = Services(find_paths(environ), environ)
    made.__dict__["gpus"] = ScriptedGpus(NO_DRIVER)
    return made


@pytest.fixture
def lmdeploy(services: Services, tmp_path: Path) -> Path:
    """An interpreter with LMDeploy 0.2.4 and a wrong transformers, known to the settings."""
    python = make_environment(tmp_path / "lm", transformers="4.41.0")
    services.settings.set("lmdeploy.interpreters", [str(tmp_path / "lm")])
    return python


@asynccontextmanager
async def running(
    services: Services, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[None], EnvironmentScreen]]:
    app = EmoTUI(services)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, EnvironmentScreen))
        screen = app.screen
        await until(pilot, lambda: screen.report is not None and not screen.running)
        await until(pilot, lambda: screen.reading is not None)
        await pilot.pause()
        yield pilot, screen


def text_of(screen: EnvironmentScreen, selector: str) -> str:
    return "\n".join(str(each.render()) for each in screen.query(selector).results(Plain))


def rows_of(table: DataTable) -> list[list[str]]:
    return [list(map(str, table.get_row_at(row))) for row in range(table.row_count)]


async def test_without_nvml_the_panel_says_so(services: Services) -> None:
    async with running(services) as (_pilot, screen):
        assert text_of(screen, "GpuPanel Plain") == "There is no NVIDIA driver here."


async def test_without_lmdeploy_the_screen_says_how_to_name_one(services: Services) -> None:
    async with running(services) as (_pilot, screen):
        assert screen.query_one("#no-installation").display
        assert not screen.query_one("#installations").display
        assert "emotui check --python PATH" in text_of(screen, "#no-installation")


async def test_eight_gpus_take_one_line_each_in_80_columns(services: Services) -> None:
    services.__dict__["gpus"] = ScriptedGpus(a_reading(8))
    async with running(services) as (_pilot, screen):
        lines = [widget.size.height for widget in screen.query("GpuPanel Plain")]
        assert lines == [1] * 8
        panel = screen.query_one(GpuPanel)
        assert str(panel.border_title) == "GPUs: driver 550.54.15, CUDA 12.4"
        assert panel.max_scroll_y == 0
        assert screen.query_one("#findings").size.height >= 6


async def test_only_the_line_that_changed_is_drawn_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.__dict__["gpus"] = ScriptedGpus(a_reading(8))
    async with running(services) as (pilot, screen):
        panel = screen.query_one(GpuPanel)
        drawn: list[str] = []
        original = Plain.show

        def seen(self: Plain, text: object) -> None:
            drawn.append(str(text))
            original(self, text)

        monkeypatch.setattr(Plain, "show", seen)
        panel.show(a_reading(8))
        assert drawn == []
        panel.show(a_reading(8, busy=50))
        assert len(drawn) == 1
        assert " 50%" in drawn[0]
        await pilot.pause()


async def test_gpus_that_come_and_go_are_followed(services: Services) -> None:
    async with running(services) as (pilot, screen):
        panel = screen.query_one(GpuPanel)
        for count in (2, 1, 3):
            panel.show(a_reading(count))
            await until(pilot, lambda count=count: len(screen.query("GpuPanel Plain")) == count)
        panel.show(NO_DRIVER)
        await until(pilot, lambda: "no NVIDIA driver" in text_of(screen, "GpuPanel Plain"))


async def test_a_hostile_gpu_name_is_only_text(services: Services) -> None:
    services.__dict__["gpus"] = ScriptedGpus(a_reading(1, name="[/nope] [red]x"))
    async with running(services) as (_pilot, screen):
        assert "[/nope] [red]x" in text_of(screen, "GpuPanel Plain")


async def test_nobody_asks_the_driver_while_another_screen_is_shown(services: Services) -> None:
    services.__dict__["gpus"] = ScriptedGpus(a_reading(1))
    async with running(services) as (pilot, screen):
        assert screen.gpu_timer is not None
        await pilot.press("2")
        await until(pilot, lambda: pilot.app.screen is not screen)
        await until(pilot, lambda: screen.gpu_timer is None)
        await pilot.press("1")
        await until(pilot, lambda: screen.gpu_timer is not None)


async def test_a_finding_shows_what_was_seen_why_and_what_to_do(
    services: Services, lmdeploy: Path
) -> None:
    async with running(services, (120, 40)) as (pilot, screen):
        titles = [title for _status, title in rows_of(screen.query_one("#findings", DataTable))]
        for _ in range(titles.index("Transformers")):
            await pilot.press("down")
        await until(pilot, lambda: screen.finding_id == "packages.transformers")
        await pilot.pause()
        shown = text_of(screen, "FindingView Plain")
        assert "Transformers: warning" in shown
        assert "transformers 4.41.0; LMDeploy 0.2.4 wants" in shown
        assert "Why: " in shown
        assert "To do: Install a version that fits." in shown
        assert f"$ {lmdeploy} -m pip install 'transformers>=4.33,<=4.37.1'" in shown
        await pilot.press("y")
        assert pilot.app.clipboard == (f"{lmdeploy} -m pip install 'transformers>=4.33,<=4.37.1'")


async def test_failures_stand_first(services: Services, lmdeploy: Path) -> None:
    async with running(services) as (_pilot, screen):
        words = [status for status, _title in rows_of(screen.query_one("#findings", DataTable))]
        order = ["failure", "warning", "unknown", "ok"]
        assert words == sorted(words, key=order.index)
        assert text_of(screen, "#finding-head") == "NVIDIA driver: failure"


async def test_enter_on_an_installation_uses_it_from_now_on(
    services: Services, lmdeploy: Path
) -> None:
    async with running(services) as (pilot, screen):
        table = screen.query_one("#installations", DataTable)
        assert rows_of(table)[0][:2] == ["*", "0.2.4"]
        await pilot.press("shift+tab")
        assert screen.focused is table
        await pilot.press("enter")
        await until(pilot, lambda: services.settings.text("lmdeploy.python") == str(lmdeploy))


async def test_an_interpreter_can_be_named(services: Services, tmp_path: Path) -> None:
    python = make_environment(tmp_path / "elsewhere")
    async with running(services) as (pilot, screen):
        await pilot.press("a")
        await until(pilot, lambda: bool(pilot.app.screen.query(Input)))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "elsewhere")
        await pilot.press("enter")
        await until(pilot, lambda: services.settings.text("lmdeploy.python") == str(python))
        await until(pilot, lambda: bool(screen.report and screen.report.installations))
        await until(pilot, lambda: screen.query_one("#installations").display)


async def test_an_interpreter_without_lmdeploy_is_not_taken(
    services: Services, tmp_path: Path
) -> None:
    make_environment(tmp_path / "bare", None)
    async with running(services) as (pilot, screen):
        await pilot.press("a")
        await until(pilot, lambda: bool(pilot.app.screen.query(Input)))
        pilot.app.screen.query_one(Input).value = str(tmp_path / "bare")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        await until(pilot, lambda: bool(pilot.app._notifications))
        (notice,) = pilot.app._notifications
        assert "has no LMDeploy" in notice.message
        assert services.settings.text("lmdeploy.python") is None


async def test_another_task_is_checked_with_t_and_the_same_again_with_r(
    services: Services,
) -> None:
    async with running(services) as (pilot, screen):
        await pilot.press("t")
        await until(
            pilot, lambda: screen.report is not None and screen.report.target is Target.CONVERT
        )
        before = screen.report
        await pilot.press("r")
        await until(pilot, lambda: screen.report is not before)


async def test_a_switch_of_language_keeps_what_was_found(
    services: Services, lmdeploy: Path
) -> None:
    services.__dict__["gpus"] = ScriptedGpus(a_reading(2))
    async with running(services) as (pilot, screen):
        report = screen.report
        before = rows_of(screen.query_one("#findings", DataTable))
        await pilot.app.action_use_language("zh_CN")
        await until(pilot, lambda: len(screen.query("GpuPanel Plain")) == 2)
        after = rows_of(screen.query_one("#findings", DataTable))
        assert screen.report is report
        assert len(after) == len(before)
        assert rows_of(screen.query_one("#installations", DataTable))[0][1] == "0.2.4"


@pytest.mark.parametrize("width", [60, 78, 118])
def test_gpu_lines_fit_their_width_and_align(width: int) -> None:
    gpus = [*a_reading(2).gpus, Gpu(10, "NVIDIA GeForce RTX 4090 with a very long name")]
    lines = gpu_lines(gpus, width)
    assert all(cell_width(line) <= max(width, 70) for line in lines)
    assert len({line.index("[") for line in lines}) == 1


def test_what_the_driver_does_not_tell_is_not_drawn_as_zero() -> None:
    (line,) = gpu_lines([Gpu(0)], 78)
    assert "-/- GiB" in line
    assert "?" in line
    assert "0%" not in line


async def test_background_work_raises_where_it_is_awaited() -> None:
    def fail() -> None:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await in_background(fail)
    assert await in_background(lambda: 7) == 7
