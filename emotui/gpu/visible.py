"""Which GPUs CUDA programs may use: NVML lists all, CUDA_VISIBLE_DEVICES hides some."""

from __future__ import annotations

from collections.abc import Mapping

from emotui.gpu.sample import Gpu

VARIABLE = "CUDA_VISIBLE_DEVICES"


def visible_gpus(gpus: tuple[Gpu, ...], environ: Mapping[str, str]) -> tuple[Gpu, ...]:
    """Return the GPUs that `environ` lets CUDA see, in its order.

    As CUDA reads it: numbers or beginnings of UUIDs, separated by commas; the first that names
    no GPU ends the list, so an empty value or -1 hides all.
    """
    value = environ.get(VARIABLE)
    if value is None:
        return gpus
    found: list[Gpu] = []
    for name in value.split(","):
        gpu = _named(name.strip(), gpus)
        if gpu is None or gpu in found:
            break
        found.append(gpu)
    return tuple(found)


def _named(name: str, gpus: tuple[Gpu, ...]) -> Gpu | None:
    if name.isdecimal():
        return next((gpu for gpu in gpus if gpu.index == int(name)), None)
    matching = [gpu for gpu in gpus if name and gpu.uuid and gpu.uuid.startswith(name)]
    return matching[0] if len(matching) == 1 else None
