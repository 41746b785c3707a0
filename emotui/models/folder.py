"""What a folder is: `inspect` tells a checkpoint from an AWQ one from a workspace.

The types stand in `description.py` and are offered here too, since this is the module that
the rest of the program knows.
"""

from __future__ import annotations

from pathlib import Path

from emotui.models.checkpoint import CONFIG, read_checkpoint
from emotui.models.description import ModelFolder, ModelKind, Quantization, WeightFormat
from emotui.models.disk import file_names
from emotui.models.reading import read_bytes, unreadable
from emotui.models.turbomind import find_workspace, read_workspace
from emotui.models.workspace_config import INI, YAML
from emotui.support.errors import BrokenFileError, NotFoundError
from emotui.support.language import N_, Message, message

__all__ = ["ModelFolder", "ModelKind", "NotAModelError", "Quantization", "WeightFormat", "inspect"]

_CACHE_PREFIX = "models--"
_REFERENCE_LIMIT = 1000


class NotAModelError(BrokenFileError):
    """A folder is no model; the sentence says what it lacks."""


def inspect(path: Path) -> ModelFolder:
    """Return what the model folder `path` is.

    A folder of the Hugging Face cache (`models--owner--name`) stands for its snapshot, the
    inner folders and the configuration file of a model for the model.
    Raises `NotFoundError`, `NotAModelError` and `BrokenFileError`.
    """
    try:
        folder = _folder(path)
        found = _read(folder)
        if found is not None:
            return found
        reason = _what_it_lacks(file_names(folder), folder)
    except OSError as error:
        raise unreadable(path, error) from error
    raise NotAModelError(N_("{path} is no model folder: {reason}"), path=path, reason=reason)


def _folder(path: Path) -> Path:
    """Return the folder that is meant, absolute, with the links in it kept."""
    given = path.expanduser()
    folder = given.resolve() if ".." in given.parts else given.absolute()
    if not folder.exists():
        raise NotFoundError("{path} does not exist.", path=path)
    if folder.name in {INI, YAML, CONFIG} and folder.is_file():
        folder = folder.parent
    if not folder.is_dir():
        raise NotAModelError(
            N_("{path} is a file; a model is a folder. Name the folder that holds it."), path=path
        )
    return cache_snapshot(folder) or folder


def cache_snapshot(folder: Path) -> Path | None:
    """Return the snapshot to use of a `models--owner--name` folder, None when it is none."""
    snapshots = folder / "snapshots"
    if not folder.name.startswith(_CACHE_PREFIX) or not snapshots.is_dir():
        return None
    try:
        commit = read_bytes(folder / "refs" / "main", _REFERENCE_LIMIT).decode("ascii", "replace")
        named = snapshots / commit.strip()
        if commit.strip() and "/" not in commit and named.is_dir():
            return named
    except BrokenFileError:
        pass  # no such reference; the newest snapshot is the best guess
    try:
        found = [entry for entry in snapshots.iterdir() if entry.is_dir()]
        return max(found, key=lambda entry: entry.stat().st_mtime, default=None)
    except OSError:
        return None


def model_name(folder: Path) -> str:
    """Return what a person calls the model in `folder`."""
    if folder.parent.name == "snapshots" and folder.parents[1].name.startswith(_CACHE_PREFIX):
        return folder.parents[1].name.removeprefix(_CACHE_PREFIX).replace("--", "/", 1)
    return folder.name or str(folder)


def _read(folder: Path) -> ModelFolder | None:
    place = find_workspace(folder)
    if place is not None:
        found = read_workspace(place)
        if found is not None:
            return found
    if (folder / CONFIG).is_file():
        return read_checkpoint(folder, model_name(folder))
    return None


def _what_it_lacks(names: list[str], folder: Path) -> Message:
    present = set(names)
    if "adapter_config.json" in present:
        return message("it is a LoRA adapter; merge it with its base model first.")
    if "model_index.json" in present:
        return message("it is a pipeline of diffusers, which LMDeploy does not run.")
    if CONFIG in present:
        return message("its config.json names neither an architecture nor a model_type.")
    if (folder / "triton_models").is_dir():
        return message(
            "triton_models/weights has no config.ini; the conversion did not end, or it was not "
            "copied completely."
        )
    if any(name.endswith((".safetensors", ".bin")) for name in names):
        return message("it holds weights, but no config.json that says what they are.")
    if any(name.endswith(".gguf") for name in names):
        return message("it holds GGUF files, which LMDeploy does not read.")
    return message(
        "it has neither a config.json (a Hugging Face checkpoint) nor a "
        "triton_models/weights/config.ini (a TurboMind workspace)."
    )
