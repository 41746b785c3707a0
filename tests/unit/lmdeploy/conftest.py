"""Real virtual environments with an LMDeploy that is only metadata."""

from __future__ import annotations

import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from emotui.lmdeploy.installation import Installations
from emotui.support.paths import find_paths
from emotui.support.settings import Settings


@dataclass(frozen=True)
class Environment:
    """A virtual environment made for a test."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def site(self) -> Path:
        return next(self.folder.glob("lib/python3*/site-packages"))

    def add(self, name: str, version: str, site: Path | None = None) -> Path:
        """Write the metadata of a distribution, as an installer does."""
        folder = (site or self.site) / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
        )
        return folder


@pytest.fixture
def make_environment(tmp_path: Path) -> Callable[..., Environment]:
    """Make a virtual environment that has these packages."""

    def make(place: str | Path, lmdeploy: str | None = None, **packages: str) -> Environment:
        environment = Environment(tmp_path / place)
        venv.EnvBuilder(symlinks=True, with_pip=False).create(environment.folder)
        if lmdeploy is not None:
            packages["lmdeploy"] = lmdeploy
        for name, version in packages.items():
            environment.add(name, version)
        return environment

    return make


@pytest.fixture
def make_installations(sealed_home: Path) -> Callable[..., Installations]:
    """Make `Installations` that see the sealed home and what is given."""

    def make(settings: str = "", environ: Mapping[str, str] | None = None) -> Installations:
        full = {
            "HOME": str(sealed_home),
            "EMOTUI_HOME": str(sealed_home / "emotui"),
            "PATH": "/nonexistent",
            **(environ or {}),
        }
        paths = find_paths(full)
        if settings:
            paths.settings_file.parent.mkdir(parents=True, exist_ok=True)
            paths.settings_file.write_text(settings, "utf-8")
        return Installations(paths, full, Settings(paths.settings_file))

    return make
