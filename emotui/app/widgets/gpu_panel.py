"""The GPUs, one line each: memory, load, temperature, power; only what changed is redrawn."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.containers import VerticalScroll

from emotui.app.widgets.plain import Plain
from emotui.gpu.sample import Gpu, GpuReading
from emotui.support.language import _
from emotui.support.text import cell_width, pad

GIB = 1 << 30
LONGEST_BAR = 24
SHORTEST_BAR = 4
LEAST_NAME = 8


class GpuPanel(VerticalScroll, can_focus=False):
    """What was read of the GPUs last; without NVML, why there is nothing."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._reading: GpuReading | None = None
        self._drawn: list[str] = []

    def on_mount(self) -> None:
        """Say what it is before the first reading comes."""
        self.border_title = _("GPUs")

    def show(self, reading: GpuReading) -> None:
        """Show a reading; lines that stay the same are not touched."""
        self._reading = reading
        self._draw()

    def on_resize(self, _event: events.Resize) -> None:
        """Give the bars the new width."""
        self._draw()

    def _draw(self) -> None:
        reading = self._reading
        if reading is None:
            return
        self._set_title(_title(reading))
        if reading.gpus:
            lines = gpu_lines(reading.gpus, max(40, self.content_size.width))
        else:
            lines = [str(reading.problem or "")]
        self._set_lines(lines)

    def _set_title(self, title: str) -> None:
        if str(self.border_title) != title:
            self.border_title = title

    def _set_lines(self, lines: list[str]) -> None:
        if len(lines) != len(self._drawn):
            self._drawn = lines
            with self.app.batch_update():
                self.remove_children()
                self.mount_all([Plain(line, classes="gpu-line") for line in lines])
            return
        for widget, line, before in zip(self.query(Plain), lines, self._drawn, strict=False):
            if line != before:
                widget.show(line)
        self._drawn = lines


def _title(reading: GpuReading) -> str:
    if reading.driver is None:
        return _("GPUs")
    return _("GPUs: driver {driver}, CUDA {cuda}").format(
        driver=reading.driver, cuda=reading.cuda_text or "-"
    )


def gpu_lines(gpus: Sequence[Gpu], width: int) -> list[str]:
    """Return one line a GPU, at most `width` cells wide, in aligned columns.

    What the driver does not tell is a dash, and its bar a question mark. Names give way first,
    then the bars.
    """
    figures = [_figures(gpu) for gpu in gpus]
    sizes = [max(map(cell_width, column)) for column in zip(*figures, strict=True)]
    names = [(gpu.name or "-").removeprefix("NVIDIA ") for gpu in gpus]
    # Eight gaps between nine columns, brackets around two bars.
    room = width - sum(sizes) - 8 - 4
    name_width = min(max(map(cell_width, names)), max(LEAST_NAME, room - 2 * SHORTEST_BAR))
    bar = max(SHORTEST_BAR, min(LONGEST_BAR, (room - name_width) // 2))
    lines = []
    for gpu, name, row in zip(gpus, names, figures, strict=True):
        index, capability, memory, load, heat, power = (
            pad(text, size) for text, size in zip(row, sizes, strict=True)
        )
        cells = (
            index,
            pad(_crop(name, name_width), name_width),
            capability,
            _bar(_share(gpu.memory_used, gpu.memory_total), bar),
            memory,
            _bar(None if gpu.utilisation_percent is None else gpu.utilisation_percent / 100, bar),
            load,
            heat,
            power,
        )
        lines.append(" ".join(cells).rstrip())
    return lines


def _figures(gpu: Gpu) -> tuple[str, ...]:
    capability = gpu.compute_capability
    return (
        str(gpu.index),
        "-" if capability is None else f"sm{capability[0]}{capability[1]}",
        f"{_gib(gpu.memory_used)}/{_gib(gpu.memory_total)} GiB",
        f"{'-' if gpu.utilisation_percent is None else gpu.utilisation_percent:>3}%",
        "-" if gpu.temperature_c is None else f"{gpu.temperature_c}C",
        f"{_watts(gpu.power_w)}/{_watts(gpu.power_limit_w)} W",
    )


def _gib(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else f"{size_bytes / GIB:.1f}"


def _watts(power_w: float | None) -> str:
    return "-" if power_w is None else f"{power_w:.0f}"


def _share(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


def _bar(share: float | None, width: int) -> str:
    """Return a bar in plain characters; something that is used at all shows."""
    if share is None:
        return "[" + "?".center(width) + "]"
    filled = min(width, max(1 if share > 0 else 0, round(share * width)))
    return "[" + "|" * filled + " " * (width - filled) + "]"


def _crop(name: str, width: int) -> str:
    cropped = name
    while cell_width(cropped) > width:
        cropped = cropped[:-1]
    return cropped
