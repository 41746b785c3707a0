"""What was read of the GPUs at one moment. A field that the driver does not tell is None."""

from __future__ import annotations

from dataclasses import dataclass

from emotui.support.language import Message


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that computes on a GPU."""

    pid: int
    memory_used: int | None
    """Bytes of GPU memory; inside a container the driver often does not tell."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; memory in bytes."""

    index: int
    """The driver's own number, which CUDA's may differ from."""
    name: str | None = None
    uuid: str | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    memory_free: int | None = None
    utilisation_percent: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    compute_capability: tuple[int, int] | None = None
    processes: tuple[GpuProcess, ...] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the document that `--json` prints for this GPU."""
        capability = self.compute_capability
        return {
            "index": self.index,
            "name": self.name,
            "uuid": self.uuid,
            "memory_total": self.memory_total,
            "memory_used": self.memory_used,
            "memory_free": self.memory_free,
            "utilisation_percent": self.utilisation_percent,
            "temperature_c": self.temperature_c,
            "power_w": self.power_w,
            "power_limit_w": self.power_limit_w,
            "compute_capability": None
            if capability is None
            else f"{capability[0]}.{capability[1]}",
            "processes": None
            if self.processes is None
            else [{"pid": each.pid, "memory_used": each.memory_used} for each in self.processes],
        }


@dataclass(frozen=True, slots=True)
class GpuReading:
    """The driver and its GPUs at one moment."""

    driver: str | None = None
    """The driver's version: `550.54.15`."""
    cuda: tuple[int, int] | None = None
    """The newest CUDA version that the driver can run."""
    gpus: tuple[Gpu, ...] = ()
    problem: Message | None = None
    """Why there is nothing to show, None when there is."""
    pending: bool = False
    """The driver was asked and has not answered yet."""

    @property
    def cuda_text(self) -> str | None:
        """The CUDA version as people write it: `12.4`."""
        return None if self.cuda is None else f"{self.cuda[0]}.{self.cuda[1]}"
