"""What the app finds at its start: themes, settings, a home it may not write to."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell_app import ShellApp, settings_file, shell_app
from textual.pilot import Pilot

from emotui.app.opening import OpeningApp
from emotui.app.screens.help import HelpScreen
from emotui.app.theming import DEFAULT_THEME, shipped_themes
from emotui.operations.services import open_services

GOOD = 'name = "mine"\n[colors]\nprimary = "#ff0000"\nbackground = "#101010"\n'


def write_theme(name: str, content: str) -> Path:
    path = open_services().paths.themes / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def write_settings(content: str) -> Path:
    path = settings_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


async def notices(app: ShellApp) -> list[str]:
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app.is_running
        return app.notices


async def settled(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_a_quiet_start_says_nothing_and_writes_nothing() -> None:
    app = shell_app()

    assert await notices(app) == []
    assert app.theme == DEFAULT_THEME
    assert not settings_file().parent.exists()


async def test_the_themes_of_the_user_join_ours() -> None:
    write_theme("mine.toml", GOOD)
    app = shell_app()
    async with app.run_test() as pilot:
        app.action_use_theme("mine")
        await settled(pilot)
        assert app.screen.styles.background.hex == "#101010"

    assert set(app.own_themes) == {"emo-dark", "emo-light", "emo-contrast", "mine"}
    assert shell_app().theme == "mine"


async def test_a_broken_theme_is_reported_with_file_and_key_and_costs_nothing_else() -> None:
    write_theme("mine.toml", GOOD)
    broken = write_theme("broken.toml", '[colors]\nprimary = "#ff00"\nsecondary = "blurple"\n')
    app = shell_app()

    (notice,) = await notices(app)

    assert str(broken) in notice.replace("\n", "")
    assert "colors.secondary is 'blurple'" in notice
    assert "mine" in app.own_themes
    assert "broken" not in app.own_themes


async def test_a_theme_that_is_gone_is_reported_and_the_default_used() -> None:
    write_settings('[app]\ntheme = "gone"\n')
    app = shell_app()

    assert await notices(app) == [
        "There is no theme gone; emo-dark is used. Choose one in the palette."
    ]
    assert app.theme == DEFAULT_THEME


async def test_a_broken_settings_file_is_reported_and_left_as_it_is() -> None:
    path = write_settings("[app\n# mine\n")
    app = shell_app()
    async with app.run_test() as pilot:
        await settled(pilot)
        assert ["cannot be read" in notice for notice in app.notices] == [True]
        app.action_use_theme("emo-light")
        await settled(pilot)

        assert app.theme == "emo-light"
        assert len(app.notices) == 2

    assert path.read_text() == "[app\n# mine\n"
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


async def test_a_home_that_cannot_be_written_costs_only_the_memory() -> None:
    home = settings_file().parents[1]
    home.mkdir(parents=True)
    (home / "config").write_text("a file where a folder should be")
    app = shell_app()
    async with app.run_test() as pilot:
        await settled(pilot)
        await app.action_use_language("zh_CN")
        app.action_use_theme("emo-contrast")
        await settled(pilot)

        assert app.theme == "emo-contrast"
        assert str(app.screen.query_one("#words").visual) == "退出"
        assert any("config" in notice for notice in app.notices)


async def test_the_language_of_the_environment_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    app = shell_app()
    async with app.run_test():
        assert str(app.screen.query_one("#words").visual) == "退出"


async def test_a_slow_line_sees_no_animations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")

    assert shell_app().animation_level == "none"


@pytest.mark.parametrize("path", sorted(shipped_themes().glob("*.toml")), ids=lambda p: p.stem)
async def test_every_theme_of_ours_draws(path: Path) -> None:
    write_settings(f'[app]\ntheme = "{path.stem}"\n')
    app = shell_app()

    assert await notices(app) == []
    assert app.theme == path.stem


async def test_the_navigation_stands_before_the_first_screen_is_built() -> None:
    app = OpeningApp(open_services(), first_screen="jobs")
    async with app.run_test() as pilot:
        await settled(pilot)

        assert app.current_mode == "jobs"
        assert [screen.MODE for screen in app.built_screens] == ["jobs"]
        await pilot.press("2", "f4")
        assert app.current_mode == "config"


async def test_a_key_pressed_in_the_first_frame_counts() -> None:
    app = OpeningApp(open_services())
    async with app.run_test() as pilot:
        await app.action_go("jobs")
        await settled(pilot)

        assert app.current_mode == "jobs"
        assert [screen.MODE for screen in app.built_screens] == ["jobs"]


async def test_a_dialog_opened_in_the_first_frame_stays() -> None:
    app = OpeningApp(open_services())
    async with app.run_test() as pilot:
        app.action_keys()
        await pilot.pause(0.3)
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await pilot.pause(0.3)
        await settled(pilot)

        assert app.current_mode == "environment"
