"""Where interpreters with LMDeploy may be, without starting any of them.

Starting an interpreter costs tens of milliseconds, and a machine may have dozens: a folder of
environments is only looked at, and an interpreter is a candidate when LMDeploy's metadata lies
near it. Those that somebody named (with --python or in the settings) are candidates always.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

Source = Literal["given", "active", "settings", "conda", "managed", "folder"]
"""How an interpreter was found: with --python, as the active environment, named by the
settings, in conda's lists, made by EmoTUI, or in a folder of environments."""

ENVIRONMENT_FOLDERS = (
    "~/.venvs",
    "~/venvs",
    "~/.virtualenvs",
    "~/envs",
    "~/.envs",
    "~/.local/share/virtualenvs",
    "~/.pyenv/versions",
    "~/.local/share/pipx/venvs",
    "~/.local/share/uv/tools",
    "~/.cache/pypoetry/virtualenvs",
    "/opt/venvs",
)
CONDA_ROOTS = (
    "~/miniconda3",
    "~/anaconda3",
    "~/miniforge3",
    "~/mambaforge",
    "~/micromamba",
    "/opt/conda",
    "/opt/miniconda3",
    "/opt/anaconda3",
    "/opt/miniforge3",
)
_MOST = 200
"""How many environments of one folder are looked at."""
_METADATA = ("lmdeploy-*.dist-info", "lmdeploy-*.egg-info", "lmdeploy.egg-link")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An interpreter that may have LMDeploy."""

    python: Path
    source: Source
    environ: Mapping[str, str] = field(default_factory=dict)
    """What it inherits: the PYTHONPATH of the user's shell, when it is the user's choice."""


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what an interpreter that the user chose takes from the user's shell."""
    value = environ.get("PYTHONPATH", "")
    return {"PYTHONPATH": value} if value else {}


def home_of(environ: Mapping[str, str]) -> Path:
    """Return the user's home."""
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def expand(text: str, environ: Mapping[str, str]) -> Path:
    """Return `text` as an absolute path, `~` meaning the user's home."""
    if text == "~" or text.startswith("~/"):
        return home_of(environ) / text[2:]
    return Path(text).absolute()


def interpreter_in(folder: Path) -> Path | None:
    """Return the interpreter of an environment's folder, None when it is no environment."""
    names = ["python", "python3"]
    if not (folder / "pyvenv.cfg").exists() and not (folder / "conda-meta").exists():
        names.reverse()  # /usr/bin/python may still be Python 2
    for name in names:
        python = folder / "bin" / name
        if python.is_file() and os.access(python, os.X_OK):
            return python
    return None


def interpreter_at(text: str, environ: Mapping[str, str]) -> Path | None:
    """Return the interpreter that a user means: a file, an environment's folder, a command."""
    path = expand(text, environ)
    if path.is_dir():
        return interpreter_in(path)
    if path.is_file():
        return path if os.access(path, os.X_OK) else None
    if os.sep not in text:
        found = shutil.which(text, path=environ.get("PATH"))
        return Path(found) if found else None
    return None


def candidates(environ: Mapping[str, str], named: Sequence[str], managed: Path) -> list[Candidate]:
    """Return the interpreters worth asking; `named` are the settings', `managed` our folder.

    The order is that of preference among equals, and no environment is named twice.
    """
    found: dict[Path, Candidate] = {}
    for candidate in _all(environ, named, managed):
        found.setdefault(candidate.python.parent.resolve(), candidate)
    return list(found.values())


def _all(environ: Mapping[str, str], named: Sequence[str], managed: Path) -> Iterator[Candidate]:
    chosen = inherited(environ)
    for python in active_interpreters(environ):
        if has_metadata(python, environ, chosen.get("PYTHONPATH", "")):
            yield Candidate(python, "active", chosen)
    for text in named:
        single = interpreter_at(text, environ)
        if single is not None:
            yield Candidate(single, "settings", chosen)
        else:
            yield from _in_folders([expand(text, environ)], "settings", environ)
    yield from _in_folders([managed], "managed", environ)
    for prefix in conda_environments(environ):
        yield from _if_metadata(interpreter_in(prefix), "conda", environ)
    folders = [expand(text, environ) for text in ENVIRONMENT_FOLDERS]
    if environ.get("WORKON_HOME"):
        folders.insert(0, expand(environ["WORKON_HOME"], environ))
    yield from _in_folders(folders, "folder", environ)


def active_interpreters(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the interpreters of the active environment and of the PATH."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(name):
            python = interpreter_in(expand(environ[name], environ))
            if python is not None:
                yield python
    for name in ("python3", "python"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            yield Path(found).absolute()


def conda_environments(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the folders of conda's environments: its own list, then the usual roots."""
    try:
        listed = (home_of(environ) / ".conda" / "environments.txt").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        listed = ""
    yield from (Path(line.strip()) for line in listed.splitlines()[:_MOST] if line.strip())
    for root in _conda_roots(environ):
        yield root
        yield from _folders_in(root / "envs")
    for variable in ("CONDA_ENVS_PATH", "CONDA_ENVS_DIRS"):
        for text in filter(None, environ.get(variable, "").split(os.pathsep)):
            yield from _folders_in(expand(text, environ))
    yield from _folders_in(home_of(environ) / ".conda" / "envs")


def _conda_roots(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("MAMBA_ROOT_PREFIX"):
        yield expand(environ["MAMBA_ROOT_PREFIX"], environ)
    if environ.get("CONDA_EXE"):
        yield expand(environ["CONDA_EXE"], environ).parent.parent
    for text in CONDA_ROOTS:
        yield expand(text, environ)


def _in_folders(
    folders: Iterable[Path], source: Source, environ: Mapping[str, str]
) -> Iterator[Candidate]:
    for folder in folders:
        for environment in _folders_in(folder):
            yield from _if_metadata(interpreter_in(environment), source, environ)


def _if_metadata(
    python: Path | None, source: Source, environ: Mapping[str, str]
) -> Iterator[Candidate]:
    if python is not None and has_metadata(python, environ):
        yield Candidate(python, source)


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in islice(folder.iterdir(), _MOST) if path.is_dir())
    except OSError:
        return []


def has_metadata(python: Path, environ: Mapping[str, str], python_path: str = "") -> bool:
    """Say whether LMDeploy's metadata lies where this interpreter would look for it."""
    return any(
        any(folder.glob(pattern)) or (folder / "lmdeploy" / "version.py").is_file()
        for folder in site_folders(python, environ, python_path)
        for pattern in _METADATA
    )


def site_folders(python: Path, environ: Mapping[str, str], python_path: str = "") -> list[Path]:
    """Return the existing folders where an interpreter finds packages, without starting it."""
    prefix = python.parent.parent
    prefixes = [prefix]
    own = _pyvenv(prefix)
    if own is None:
        prefixes += [python.resolve().parent.parent, home_of(environ) / ".local"]
    elif own.get("include-system-site-packages") == "true" and own.get("home"):
        prefixes += [Path(own["home"]).parent, home_of(environ) / ".local"]
    found = [Path(entry) for entry in python_path.split(os.pathsep) if entry]
    for base in prefixes:
        for pattern in (
            "lib/python3*/site-packages",
            "lib64/python3*/site-packages",
            "lib/python3*/dist-packages",
            "local/lib/python3*/dist-packages",
        ):
            found += sorted(base.glob(pattern))
    return list(dict.fromkeys(folder for folder in found if folder.is_dir()))


def _pyvenv(prefix: Path) -> dict[str, str] | None:
    """Return what a virtual environment's pyvenv.cfg says, None when there is none."""
    try:
        text = (prefix / "pyvenv.cfg").read_text("utf-8", "replace")
    except OSError:
        return None
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip() for key, value in pairs}
