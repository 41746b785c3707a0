"""Show, check and edit the `config.ini` of a workspace; undo and redo what was saved.

What a user names is the workspace, its weights folder or the file itself. The version of
LMDeploy that will read the file may be named; otherwise the keys of the file tell which
versions would have written it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emotui.lmdeploy.versions import Version
from emotui.operations.services import Services
from emotui.support.errors import (
    BrokenFileError,
    EmotuiError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from emotui.support.finding import Finding, has_failure
from emotui.workspace.edit import difference
from emotui.workspace.era import Era, given_era
from emotui.workspace.history import Edited, History
from emotui.workspace.opened import OpenConfig
from emotui.workspace.rules import unreadable

AUTOMATIC = "auto"
"""What a user writes so that the keys of the file tell the version."""


@dataclass(frozen=True, slots=True)
class ConfigReport:
    """What the rules found."""

    path: Path
    reader: Era | None
    """None when the file cannot be read."""
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return not has_failure(self.findings)


@dataclass(frozen=True, slots=True)
class ConfigHistory:
    """The edits that were saved, oldest first, and how many of them are applied now."""

    path: Path
    entries: Sequence[Edited]
    applied: int


def find_config(path: Path) -> Path:
    """Return the `config.ini` that a user means by a workspace, a folder in it, or the file.

    Raises `NotFoundError`, and `RefusedError` for a workspace of 0.6.0 or later.
    """
    # Imported on use: the app's screen and `emotui config --help` need nothing of models.
    from emotui.models.turbomind import find_workspace

    place = path.expanduser().absolute()
    if place.suffix in (".yaml", ".yml"):
        raise _later_workspace(place)
    if place.is_file():
        return place
    found = find_workspace(place)
    if found is None:
        raise NotFoundError(
            "There is no config.ini in {path}. Name the workspace that lmdeploy convert made (the "
            "folder with triton_models in it), or the file itself.",
            path=place,
        )
    if found.config.suffix != ".ini":
        raise _later_workspace(found.config)
    return found.config


def _later_workspace(path: Path) -> RefusedError:
    return RefusedError(
        "{path} belongs to LMDeploy 0.6.0–0.9.2, which keeps only the shape of the model there. "
        "Engine parameters such as quant_policy are given on the command line of that version: "
        "--quant-policy 8, --session-len, --cache-max-entry-count, --max-batch-size.",
        path=path,
    )


def open_config(services: Services, path: Path, lmdeploy: str | None = None) -> OpenConfig:  # noqa: ARG001 (as all operations)
    """Read a workspace's `config.ini`; `lmdeploy` is the version that will read it.

    Raises `NotFoundError`, `RefusedError`, `BrokenFileError`, and `UsageError` for text that is
    no version.
    """
    return OpenConfig(find_config(path), reader_of(lmdeploy))


def reload_config(config: OpenConfig) -> tuple[OpenConfig, list[EmotuiError]]:
    """Return what the file is now, with the pending changes, and why some were left out."""
    return config.read_again()


def reader_of(lmdeploy: str | None) -> Era | None:
    """Return the era of a version that a user wrote; raises `UsageError`.

    None, for nothing or for "auto", leaves it to the keys of the file.
    """
    if lmdeploy is None or lmdeploy.strip().lower() == AUTOMATIC:
        return None
    version = Version.parse(lmdeploy)
    if version is None:
        raise UsageError("{text} is no version of LMDeploy; write it like 0.2.4.", text=lmdeploy)
    return given_era(version)


def set_values(config: OpenConfig, values: Mapping[str, str], *, force: bool = False) -> None:
    """Change keys, without saving; values may name meanings, such as `quant_policy=int8`.

    Raises `UsageError` for what is not allowed, and `RefusedError` for the shape of the model;
    `force` overrules both, but never what an INI file cannot hold.
    """
    for name, text in values.items():
        config.set(name, text, force=force)


def check_value(config: OpenConfig, name: str, text: str, *, force: bool = False) -> str:
    """Return what would be written for `text`, without changing anything; raises as above."""
    return config.written(name, text, force=force)


def unset_values(config: OpenConfig, names: Iterable[str], *, force: bool = False) -> None:
    """Remove keys, without saving, so that the engine's own defaults hold; raises as above."""
    for name in names:
        config.unset(name, force=force)


def save_config(services: Services, config: OpenConfig) -> Edited | None:
    """Save the changes with a backup; None when there are none. On failure the changes stay."""
    return config.edit.save(_history(services, config.path), services.clock.now())


def check_workspace(services: Services, path: Path, lmdeploy: str | None = None) -> ConfigReport:
    """Return every finding about a workspace's `config.ini`, also when it cannot be read."""
    file = find_config(path)
    reader_of(lmdeploy)
    try:
        config = open_config(services, file, lmdeploy)
    except BrokenFileError as error:
        return ConfigReport(file, None, [unreadable(file, error)])
    return ConfigReport(file, config.reader, config.findings())


def undo_config(services: Services, path: Path) -> Edited:
    """Take back the last saved edit and return it; raises `EmotuiError`."""
    return _history(services, find_config(path)).undo()


def redo_config(services: Services, path: Path) -> Edited:
    """Apply again the edit that was undone last and return it; raises `EmotuiError`."""
    return _history(services, find_config(path)).redo()


def config_history(services: Services, path: Path) -> ConfigHistory:
    """Return the edits that were saved."""
    file = find_config(path)
    entries, applied = _history(services, file).entries()
    return ConfigHistory(file, entries, applied)


def config_difference(services: Services, path: Path, *, last: bool = False) -> list[str]:
    """Return what EmoTUI changed, as a unified difference: since its first edit, or its last.

    It is empty when EmoTUI saved nothing, or when everything was undone.
    """
    file = find_config(path)
    history = _history(services, file)
    entries, applied = history.entries()
    if not applied:
        return []
    before = history.version(entries[applied - 1 if last else 0].before)
    return difference(
        before.decode("utf-8"), file.read_bytes().decode("utf-8", "replace"), str(file)
    )


def list_workspaces(services: Services) -> list[Path]:
    """Return workspaces to choose from: those of finished conversions, then those in
    `models.folders` and the current folder. Looks at disks; call it from a worker.
    """
    # Imported on use, for the start-up of `emotui config`.
    from emotui.jobs.job import JobState
    from emotui.models.description import ModelKind
    from emotui.models.turbomind import find_workspace
    from emotui.operations.models import list_models

    found = [
        job.spec.publish.destination
        for job in services.jobs.list()
        if job.state is JobState.SUCCEEDED and job.spec.publish is not None
    ]
    models = list_models(services).models
    found += [model.path for model in models if model.kind is ModelKind.WORKSPACE]
    places = ((path.absolute(), find_workspace(path)) for path in found)
    return list(
        dict.fromkeys(path for path, place in places if place and place.config.suffix == ".ini")
    )


def _history(services: Services, file: Path) -> History:
    return History(services.paths.backups, file)
