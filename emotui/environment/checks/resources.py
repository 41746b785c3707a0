"""Is there disk space where the output goes, and host memory for the task?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from emotui.environment.memory import available_bytes
from emotui.environment.sizes import GIB, converted_bytes, loading_bytes, quantized_bytes
from emotui.environment.subject import Subject, Target
from emotui.models.folder import ModelFolder
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message
from emotui.support.text import format_bytes

DISK_TITLE = message("Disk space")
MEMORY_TITLE = message("Host memory")

USUAL_7B_BYTES = 16 * GIB
"""What a model of seven billion parameters takes in 16 bits, for when no model was named."""
LEAST_FREE_BYTES = GIB
"""Below this even logs and settings are in danger."""


def check_disk(subject: Subject) -> list[Finding]:
    """Compare the free space where results go with what the task writes."""
    folder = _existing(subject.output)
    free = shutil.disk_usage(folder).free
    needed = _written_bytes(subject.target, subject.known_model())
    evidence = message(
        "{free} free in {folder}; the task writes about {needed}.",
        free=format_bytes(free),
        folder=folder,
        needed=format_bytes(needed),
    )
    if needed == 0:
        evidence = message("{free} free in {folder}.", free=format_bytes(free), folder=folder)
    remedy: Remedy | None = Remedy(
        message("Free some space, or choose a folder on another disk."), ("df", "-h", str(folder))
    )
    writable = os.access(folder, os.W_OK)
    status = Status.OK
    if free < LEAST_FREE_BYTES or (subject.model is not None and free < needed):
        status = Status.FAILURE
    elif free < 1.2 * needed:
        status = Status.WARNING
    elif needed and not writable:
        status = Status.WARNING
        evidence = message("{folder} cannot be written to by this user.", folder=folder)
        remedy = Remedy(message("Choose another folder for the output."))
    else:
        remedy = None
    why = message(
        "A full disk ends a conversion or quantization half-way, with broken files left behind."
    )
    return [Finding("disk.space", DISK_TITLE, status, evidence, why, remedy)]


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _written_bytes(target: Target, model: ModelFolder | None) -> int:
    if target is Target.CONVERT:
        return USUAL_7B_BYTES if model is None else converted_bytes(model)
    if target is Target.QUANTIZE:
        return USUAL_7B_BYTES * 2 // 5 if model is None else quantized_bytes(model)
    if target is Target.CALIBRATE:
        return GIB // 4
    return 0


def check_memory(subject: Subject) -> list[Finding]:
    """Compare the memory that is free for programs with what the task loads into it."""
    available, total = available_bytes()
    needed = _loaded_bytes(subject.target, subject.known_model())
    status = Status.OK
    if available < needed:
        sure = subject.model is not None and subject.target.reads_whole_model
        status = Status.FAILURE if sure and total < needed else Status.WARNING
    evidence: Message = message(
        "{available} available of {total}; the task needs about {needed}.",
        available=format_bytes(available),
        total=format_bytes(total),
        needed=format_bytes(needed),
    )
    why = message(
        "Weights pass through host memory on their way; when it runs out, the kernel ends the "
        "process without a word."
    )
    remedy = Remedy(
        message("End other programs, add swap, or give the container more memory."),
        ("free", "-h"),
    )
    return [
        Finding(
            "host.memory",
            MEMORY_TITLE,
            status,
            evidence,
            why,
            None if status is Status.OK else remedy,
        )
    ]


def _loaded_bytes(target: Target, model: ModelFolder | None) -> int:
    if target.reads_whole_model:
        return int(1.2 * USUAL_7B_BYTES) if model is None else loading_bytes(model)
    return 4 * GIB  # the interpreter with torch, and one shard of weights at a time
