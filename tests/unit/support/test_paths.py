"""Where files are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emotui.support.paths import find_paths


def test_one_variable_moves_everything(tmp_path: Path) -> None:
    paths = find_paths({"EMOTUI_HOME": str(tmp_path)})

    assert {paths.config.parent, paths.state.parent, paths.data.parent, paths.cache.parent} == {
        tmp_path
    }
    assert paths.settings_file == tmp_path / "config" / "config.toml"
    for path in (paths.themes, paths.jobs, paths.logs, paths.conversations_file, paths.backups):
        assert path.is_relative_to(tmp_path)


def test_without_it_the_platform_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "s"))

    paths = find_paths({"EMOTUI_HOME": ""})

    assert paths.config == tmp_path / "c" / "emotui"
    assert paths.state == tmp_path / "s" / "emotui"


def test_a_tilde_and_a_relative_folder_become_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_paths({"EMOTUI_HOME": "~/e"}).config == Path(os.environ["HOME"]) / "e" / "config"
    assert find_paths({"EMOTUI_HOME": "e"}).config == Path.cwd() / "e" / "config"
    assert find_paths({"EMOTUI_HOME": "~nobody-here/e"}).config.is_absolute()


def test_nothing_is_created(tmp_path: Path) -> None:
    find_paths({"EMOTUI_HOME": str(tmp_path / "home")})

    assert not (tmp_path / "home").exists()
