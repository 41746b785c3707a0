"""Where a conversion may write: what must never be lost, looked at before each start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from emotui.jobs.job import Job
from emotui.models.folder import ModelFolder
from emotui.operations.services import Services
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message

_TITLE = message("Destination")


def partial_of(destination: Path) -> Path:
    """Return where the conversion writes until it is complete."""
    return destination.parent / f"{destination.name}.partial"


def place_of(path: Path) -> Path:
    """Return the absolute path of a destination, by the name that its folder knows it by."""
    place = path.expanduser().absolute()
    return place.resolve() if place.name in ("", "..") else place


def default_destination(model: ModelFolder) -> Path:
    """Return a workspace beside the model, or in the current folder when that takes none."""
    name = f"{model.name.rpartition('/')[2] or 'model'}-workspace"
    beside = model.path.parent
    in_a_cache = model.path.parent.name == "snapshots"
    return (Path.cwd() if in_a_cache or not os.access(beside, os.W_OK) else beside) / name


def nearest_folder(path: Path) -> Path:
    """Return `path` or the first of its parents that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def check_place(
    services: Services,
    model: ModelFolder,
    destination: Path,
    *,
    replace: bool,
    jobs: Iterable[Job],
) -> list[Finding]:
    """Return the reasons not to write there; no force overrules them."""
    reasons = [
        _precious(services, model, destination),
        _taken(destination, replace=replace),
        _foreign_partial(partial_of(destination)),
        _unwritable(destination),
        _busy(destination, jobs),
    ]
    return [reason for reason in reasons if reason is not None]


def _precious(services: Services, model: ModelFolder, destination: Path) -> Finding | None:
    place = destination.resolve()
    source = model.path.resolve()
    home = Path(services.environ.get("HOME") or Path.home()).resolve()
    for folder, reason in (
        (source, message("The destination {path} is the model folder itself.", path=destination)),
        (home, message("The destination {path} is your home.", path=destination)),
    ):
        if place == folder:
            return _refusal(reason, _other_place())
        if place in folder.parents:
            return _refusal(
                message(
                    "The destination {path} contains {folder}.", path=destination, folder=folder
                ),
                _other_place(),
            )
    return None


def _taken(destination: Path, *, replace: bool) -> Finding | None:
    if not os.path.lexists(destination):
        return None
    if not destination.is_dir() or destination.is_symlink():
        return _refusal(
            message("{path} exists and is a file or a link.", path=destination), _other_place()
        )
    if not _is_workspace(destination):
        return _refusal(
            message(
                "{path} exists and is not a TurboMind workspace; EmoTUI does not replace it.",
                path=destination,
            ),
            _other_place(),
        )
    if replace:
        return None
    return _refusal(
        message("{path} exists already.", path=destination),
        Remedy(message("Name another destination, or ask to replace it (--replace).")),
    )


def _foreign_partial(partial: Path) -> Finding | None:
    """Refuse a folder of somebody else's that the converter would delete before it starts."""
    if not os.path.lexists(partial) or (partial.is_dir() and _is_workspace(partial)):
        return None
    return _refusal(
        message(
            "{path}, where the conversion would write, exists and is no unfinished workspace.",
            path=partial,
        ),
        _other_place(),
    )


def _unwritable(destination: Path) -> Finding | None:
    folder = nearest_folder(destination.parent)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return None
    return _refusal(
        message(
            "{path} cannot be written: no permission in {folder}.", path=destination, folder=folder
        ),
        _other_place(),
    )


def _busy(destination: Path, jobs: Iterable[Job]) -> Finding | None:
    place = destination.resolve()
    for job in jobs:
        publish = job.spec.publish
        if job.state.is_final or publish is None:
            continue
        if publish.destination.resolve() == place:
            return _refusal(
                message("Job {id} writes {path} now.", id=job.id, path=destination),
                Remedy(message("Wait for it, or cancel it."), ("emotui", "jobs", "cancel", job.id)),
            )
    return None


def _is_workspace(folder: Path) -> bool:
    """Say whether a folder is empty or looks like a workspace, whole or not."""
    try:
        names = {entry.name for entry in folder.iterdir()}
    except OSError:
        return False
    return not names or "triton_models" in names


def _refusal(evidence: Message, remedy: Remedy) -> Finding:
    return Finding(
        id="convert.destination",
        title=_TITLE,
        status=Status.FAILURE,
        evidence=evidence,
        why=message("`lmdeploy convert` deletes its destination before it writes."),
        remedy=remedy,
    )


def _other_place() -> Remedy:
    return Remedy(message("Name another destination."))
