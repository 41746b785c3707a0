"""The GPUs as NVML, the driver's own library, tells of them.

The only importer of `pynvml`, and only inside functions: commands that look at no GPU do not
load it. NVML is initialised once and again after it failed, so a driver that comes back is
seen. A driver in trouble can hold a call for minutes, so the calls are made in a daemon
thread: a reader waits for a moment only, and nothing waits for it when the process ends.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from emotui.gpu.sample import Gpu, GpuProcess, GpuReading
from emotui.support.language import N_, Message, message
from emotui.support.text import clean_line

WAIT_S = 2.0
"""Seconds that a reader waits; the first answer of an idle driver can take longer."""

_NO_LIBRARY = N_(
    "There is no NVIDIA driver on this machine: its library libnvidia-ml.so.1 was not found."
)
_NO_MODULE = N_(
    "The NVIDIA driver is installed but not running: its kernel module is not loaded, or this "
    "container was given no GPU."
)
_MISMATCH = N_(
    "The NVIDIA driver was updated while it was running, so its library and its kernel module "
    "do not match. Restart the machine."
)
_NO_PERMISSION = N_("The NVIDIA driver does not let this user ask about the GPUs.")
_NO_GPU = N_("The NVIDIA driver is running, but it sees no GPU.")
_SILENT = N_("The NVIDIA driver has not answered yet.")


@dataclass(slots=True)
class _Pending:
    """A question to the driver that is under way."""

    done: threading.Event = field(default_factory=threading.Event)
    reading: GpuReading = field(default_factory=lambda: GpuReading(problem=message(_SILENT)))


class Gpus:
    """The GPUs of this machine. Any thread may read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: _Pending | None = None
        self._initialised = False

    def read(self, wait_s: float = WAIT_S) -> GpuReading:
        """Return what the driver tells now, or why it tells nothing. Never raises.

        Waits for `wait_s` seconds at most; readers that come meanwhile share the answer.
        """
        with self._lock:
            pending = self._pending
            if pending is None:
                pending = self._pending = _Pending()
                threading.Thread(
                    target=self._answer, args=(pending,), name="nvml", daemon=True
                ).start()
        if not pending.done.wait(wait_s):
            return GpuReading(problem=message(_SILENT), pending=True)
        return pending.reading

    def close(self) -> None:
        """Give NVML back, unless it is being read; a later reading initialises it again."""
        with self._lock:
            if self._pending is None:
                self._shut_down()

    def _answer(self, pending: _Pending) -> None:
        try:
            pending.reading = self._read()
        finally:
            with self._lock:
                self._pending = None
            pending.done.set()

    def _read(self) -> GpuReading:
        try:
            # Here, so that only who looks at GPUs loads it.
            import pynvml
        except ImportError:
            return GpuReading(
                problem=message(
                    "The Python package {package} is missing, so the GPUs cannot be read.",
                    package="nvidia-ml-py",
                )
            )
        try:
            if not self._initialised:
                pynvml.nvmlInit()
                self._initialised = True
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            self._shut_down()
            return GpuReading(problem=_problem(error))
        return GpuReading(
            driver=_text(_ask("nvmlSystemGetDriverVersion")),
            cuda=_cuda_version(_ask("nvmlSystemGetCudaDriverVersion")),
            gpus=tuple(_read_gpu(index) for index in range(count)),
            problem=None if count else message(_NO_GPU),
        )

    def _shut_down(self) -> None:
        if self._initialised:
            self._initialised = False
            _ask("nvmlShutdown")


def _ask(query: str, *arguments: object) -> Any:
    """Return NVML's answer, None when it gives none: the one place where its errors end."""
    import pynvml

    try:
        return getattr(pynvml, query)(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):
        return None


def _read_gpu(index: int) -> Gpu:
    import pynvml

    handle = _ask("nvmlDeviceGetHandleByIndex", index)
    if handle is None:
        return Gpu(index)
    memory = _ask("nvmlDeviceGetMemoryInfo", handle, pynvml.nvmlMemory_v2)
    if memory is None:  # drivers before 510
        memory = _ask("nvmlDeviceGetMemoryInfo", handle)
    rates = _ask("nvmlDeviceGetUtilizationRates", handle)
    limit = _ask("nvmlDeviceGetEnforcedPowerLimit", handle)
    return Gpu(
        index=index,
        name=_text(_ask("nvmlDeviceGetName", handle)),
        uuid=_text(_ask("nvmlDeviceGetUUID", handle)),
        memory_total=None if memory is None else int(memory.total),
        memory_used=None if memory is None else int(memory.used),
        memory_free=None if memory is None else int(memory.free),
        utilisation_percent=None if rates is None else int(rates.gpu),
        temperature_c=_ask("nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU),
        power_w=_watts(_ask("nvmlDeviceGetPowerUsage", handle)),
        power_limit_w=_watts(limit),
        compute_capability=_ask("nvmlDeviceGetCudaComputeCapability", handle),
        processes=_processes(handle),
    )


def _processes(handle: object) -> tuple[GpuProcess, ...] | None:
    for query in (
        "nvmlDeviceGetComputeRunningProcesses_v3",
        "nvmlDeviceGetComputeRunningProcesses_v2",
    ):
        running = _ask(query, handle)
        if running is not None:
            return tuple(
                GpuProcess(
                    int(each.pid), None if each.usedGpuMemory is None else int(each.usedGpuMemory)
                )
                for each in running
            )
    return None


def _text(answer: object) -> str | None:
    return None if answer is None else clean_line(str(answer)).strip() or None


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _cuda_version(number: int | None) -> tuple[int, int] | None:
    """12040 means 12.4."""
    return None if not number else (number // 1000, number % 1000 // 10)


def _problem(error: Any) -> Message:
    """Return an NVMLError as a sentence that says what it means for the user."""
    import pynvml

    known = {
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: _NO_LIBRARY,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED: _NO_MODULE,
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: _MISMATCH,
        pynvml.NVML_ERROR_NO_PERMISSION: _NO_PERMISSION,
    }
    template = known.get(getattr(error, "value", None))
    if template is not None:
        return message(template)
    return message("The NVIDIA driver does not answer: {error}.", error=str(error))
