"""GPUs that answer what a test wrote down; `tests/unit/gpu` reads real ones through NVML."""

from __future__ import annotations

from emotui.gpu.sample import Gpu, GpuReading

GIB = 1 << 30


class ScriptedGpus:
    """Answers the readings in turn, the last one for ever."""

    def __init__(self, *readings: GpuReading) -> None:
        self.readings = list(readings)
        self.reads = 0

    def read(self, wait_s: float = 0.0) -> GpuReading:
        self.reads += 1
        return self.readings[min(self.reads, len(self.readings)) - 1]

    def close(self) -> None:
        pass


def a_reading(count: int = 8, *, busy: int = 0, name: str = "NVIDIA A100-SXM4-80GB") -> GpuReading:
    """Return a machine with `count` GPUs whose first is `busy` percent busy."""
    gpus = [
        Gpu(
            index,
            name,
            f"GPU-{index}",
            memory_total=80 * GIB,
            memory_used=17 * GIB,
            memory_free=63 * GIB,
            utilisation_percent=busy if index == 0 else 0,
            temperature_c=40,
            power_w=210.4,
            power_limit_w=400.0,
            compute_capability=(8, 0),
        )
        for index in range(count)
    ]
    return GpuReading("550.54.15", (12, 4), tuple(gpus))
