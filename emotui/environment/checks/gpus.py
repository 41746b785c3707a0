"""Have the GPUs room for the task, and does the chosen LMDeploy have code for them?"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from emotui.environment.checks.common import DRIVER_FIRST, LMDEPLOY_FIRST, NO_GPU
from emotui.environment.sizes import OVERHEAD_BYTES, calibration_bytes, weight_bytes
from emotui.environment.subject import Subject, Target
from emotui.gpu.sample import Gpu
from emotui.lmdeploy.wheels import Support, wheel
from emotui.models.folder import ModelFolder, ModelKind
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import Message, message
from emotui.support.text import format_bytes

MEMORY_TITLE = message("GPU memory")
CAPABILITY_TITLE = message("Compute capability")

_WHY_MEMORY = message(
    "The weights must fit into GPU memory, and the KV cache takes a share of what they leave."
)
_WHO = Remedy(
    message("See which processes hold the memory; end them or choose another GPU."),
    ("nvidia-smi",),
)
_SMALLER = Remedy(
    message("Use 4-bit weights (W4A16), a smaller model, or a machine with more GPU memory.")
)


class Room(Enum):
    """How well something fits into the free memory of the GPUs."""

    ENOUGH = "enough"
    TIGHT = "tight"
    SPLIT = "split"
    """Only when it is split over several GPUs."""
    NONE = "none"


def check_memory(subject: Subject) -> list[Finding]:
    """Compare free GPU memory with what the task needs of it."""
    gpus = [gpu for gpu in subject.gpus() if gpu.memory_free is not None]
    if not gpus:
        return [_memory(Status.UNKNOWN, NO_GPU, DRIVER_FIRST)]
    model = subject.known_model()
    best = max(gpus, key=lambda gpu: gpu.memory_free or 0)
    if model is None or subject.target is Target.CONVERT:
        return [_free_memory(best)]
    if subject.target.runs_engine:
        return [_engine_memory(model, gpus, best)]
    return [_calibration_memory(model, best)]


def room_for(needed: int, gpus: Sequence[Gpu]) -> Room:
    """Say how `needed` bytes of weights fit into the free memory of `gpus`."""
    free = sorted((gpu.memory_free or 0 for gpu in gpus), reverse=True)
    if needed * 1.15 + OVERHEAD_BYTES <= free[0]:
        return Room.ENOUGH
    if needed + OVERHEAD_BYTES <= free[0]:
        return Room.TIGHT
    ways = 2  # tensor parallelism splits over 2, 4, 8 GPUs
    while ways <= len(free):
        if needed / ways + OVERHEAD_BYTES <= free[ways - 1]:
            return Room.SPLIT
        ways *= 2
    return Room.NONE


def _free_memory(best: Gpu) -> Finding:
    free, total = best.memory_free or 0, best.memory_total
    scarce = total is not None and free < total / 2
    status = Status.WARNING if scarce else Status.OK
    return _memory(status, _free_of(best), _WHO if scarce else None)


def _engine_memory(model: ModelFolder, gpus: Sequence[Gpu], best: Gpu) -> Finding:
    needed = weight_bytes(model)
    room = room_for(needed, gpus)
    status = {
        Room.ENOUGH: Status.OK,
        Room.TIGHT: Status.WARNING,
        Room.SPLIT: Status.WARNING,
        Room.NONE: Status.FAILURE,
    }[room]
    split = Remedy(message("Split the model over several GPUs: tensor parallelism (tp)."))
    remedy = {
        Room.ENOUGH: None,
        Room.TIGHT: Remedy(
            message("Lower cache_max_entry_count and max_batch_size, or quantize the KV cache.")
        ),
        Room.SPLIT: split,
        Room.NONE: _SMALLER if (best.memory_total or 0) < needed + OVERHEAD_BYTES else _WHO,
    }[room]
    return _memory(status, _needs(_free_of(best), needed), remedy)


def _calibration_memory(model: ModelFolder, best: Gpu) -> Finding:
    needed = calibration_bytes(model)
    if needed is None:
        return _free_memory(best)
    fits = needed <= (best.memory_free or 0)
    remedy = Remedy(
        message(
            "Take fewer samples first (--calib-samples 32), then shorter ones "
            "(--calib-seqlen 1024)."
        )
    )
    return _memory(
        Status.OK if fits else Status.WARNING,
        message(
            "{free} 128 samples of 2048 tokens need about {needed}.",
            free=_free_of(best),
            needed=format_bytes(needed),
        ),
        None if fits else remedy,
    )


def _free_of(gpu: Gpu) -> Message:
    return message(
        "GPU {index} has {free} free of {total}.",
        index=gpu.index,
        free=format_bytes(gpu.memory_free or 0),
        total=message("unknown") if gpu.memory_total is None else format_bytes(gpu.memory_total),
    )


def _needs(free: Message, needed: int) -> Message:
    return message("{free} The weights need {needed}.", free=free, needed=format_bytes(needed))


def _memory(status: Status, evidence: Message, remedy: Remedy | None = None) -> Finding:
    return Finding("gpu.memory", MEMORY_TITLE, status, evidence, _WHY_MEMORY, remedy)


def check_capability(subject: Subject) -> list[Finding]:
    """Compare the GPUs' compute capability with the code that the wheel holds."""
    gpus = [gpu for gpu in subject.gpus() if gpu.compute_capability is not None]
    installation = subject.known_installation()
    version = None if installation is None else installation.version
    if not gpus:
        return [_capability(Status.UNKNOWN, NO_GPU, DRIVER_FIRST)]
    listed = ", ".join(sorted({_written(gpu.compute_capability) for gpu in gpus}))
    if version is None or installation is None or installation.features is None:
        evidence = message("{listed}; there is no LMDeploy to compare it with.", listed=listed)
        return [_capability(Status.UNKNOWN, evidence, LMDEPLOY_FIRST)]
    build = wheel(version)
    worst = max((build.support(gpu.compute_capability or (0, 0)) for gpu in gpus), key=_badness)
    if worst is Support.NATIVE and _too_old_for_w4(
        subject, gpus, installation.features.w4_compute_capability
    ):
        return [_w4(listed, installation.features.w4_compute_capability)]
    return [_supported(worst, listed, str(version), subject)]


def _supported(worst: Support, listed: str, version: str, subject: Subject) -> Finding:
    evidence = {
        Support.NATIVE: message(
            "{listed}: LMDeploy {version} has code for it.", listed=listed, version=version
        ),
        Support.COMPILED_AT_START: message(
            "{listed}: LMDeploy {version} has no code for it; the driver compiles it at the "
            "first start, which takes minutes.",
            listed=listed,
            version=version,
        ),
        Support.UNKNOWN: message(
            "{listed}: whether this build of LMDeploy {version} has code for it is not known.",
            listed=listed,
            version=version,
        ),
        Support.NONE: message(
            "{listed}: LMDeploy {version} has no code for it.", listed=listed, version=version
        ),
    }[worst]
    status = {
        Support.NATIVE: Status.OK,
        Support.COMPILED_AT_START: Status.WARNING,
        Support.UNKNOWN: Status.WARNING,
        Support.NONE: subject.target.without_gpu,
    }[worst]
    remedy = Remedy(
        message("Use an LMDeploy whose wheel is built for this GPU, mostly a newer one.")
    )
    return _capability(status, evidence, None if status is Status.OK else remedy)


def _w4(listed: str, least: int) -> Finding:
    return _capability(
        Status.FAILURE,
        message(
            "{listed}; with 4-bit weights this LMDeploy needs {least}.",
            listed=listed,
            least=_written((least // 10, least % 10)),
        ),
        Remedy(message("Use LMDeploy 0.6.0 or newer, or weights of 16 bits.")),
    )


def _too_old_for_w4(subject: Subject, gpus: Sequence[Gpu], least: int) -> bool:
    model = subject.known_model()
    packed = model is not None and (
        model.kind is ModelKind.AWQ
        or (model.quantization is not None and model.quantization.bits == 4)
    )
    return packed and any(
        10 * major + minor < least
        for major, minor in (gpu.compute_capability or (0, 0) for gpu in gpus)
    )


def _badness(support: Support) -> int:
    order = (Support.NATIVE, Support.COMPILED_AT_START, Support.UNKNOWN, Support.NONE)
    return order.index(support)


def _written(capability: tuple[int, int] | None) -> str:
    return "" if capability is None else f"{capability[0]}.{capability[1]}"


def _capability(status: Status, evidence: Message, remedy: Remedy | None = None) -> Finding:
    why = message(
        "A wheel holds machine code for certain GPUs; on others it ends with “no kernel image is "
        "available” or answers wrong text."
    )
    return Finding("gpu.capability", CAPABILITY_TITLE, status, evidence, why, remedy)
