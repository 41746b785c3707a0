"""What the machine must have for a conversion: room on the disk, and a GPU."""

from __future__ import annotations

import os
from pathlib import Path

from emotui.gpu.visible import visible_gpus
from emotui.models.folder import ModelFolder
from emotui.operations.convert_place import nearest_folder
from emotui.operations.services import Services
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.support.text import format_bytes


def check_machine(services: Services, model: ModelFolder, destination: Path) -> list[Finding]:
    """Return what this machine lacks for converting `model`."""
    found = [_disk(model, destination), _gpu(services)]
    return [finding for finding in found if finding is not None]


def _disk(model: ModelFolder, destination: Path) -> Finding | None:
    folder = nearest_folder(destination.parent)
    try:
        stat = os.statvfs(folder)
    except OSError:
        return None
    free = stat.f_bavail * stat.f_frsize
    if free >= model.size_bytes:
        return None
    return Finding(
        id="convert.disk",
        title=message("Disk space"),
        status=Status.FAILURE,
        evidence=message(
            "{folder} has {free} free; the workspace needs about {need}.",
            folder=folder,
            free=format_bytes(free),
            need=format_bytes(model.size_bytes),
        ),
        why=message("The conversion would stop when the disk is full."),
        remedy=Remedy(message("Name a destination on a larger disk, or make room.")),
    )


def _gpu(services: Services) -> Finding | None:
    reading = services.gpus.read()
    if visible_gpus(reading.gpus, services.environ):
        return None
    return Finding(
        id="convert.gpu",
        title=message("GPU"),
        status=Status.WARNING,
        evidence=reading.problem or message("No GPU is visible to CUDA programs."),
        why=message("`lmdeploy convert` moves each tensor through the GPU and fails without one."),
        remedy=Remedy(
            message("Convert on the machine with the GPU, or look at CUDA_VISIBLE_DEVICES.")
        ),
    )
