"""The table of jobs: one row a job, changed in place while they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from emotui.jobs.job import Job, JobState
from emotui.lmdeploy.progress import Progress
from emotui.support.language import N_, _
from emotui.support.text import cell_width, format_duration

BAR_CELLS = 10
_TITLE_CELLS = 16
"""The narrowest that the column of titles gets."""
_TITLE_COLUMN = 1


class JobTable(DataTable[Text]):
    """Shows jobs; `chosen` is the one under the cursor."""

    BINDINGS = [
        Binding("enter", "select_cursor", N_("Open"), id="jobs.open"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"job-table--{state}" for state in JobState}

    def __init__(self) -> None:
        super().__init__(id="jobs-table", cursor_type="row", zebra_stripes=True)
        self.jobs: Sequence[Job] = ()
        self.drawn: list[tuple[str, ...]] = []
        self.drawn_widths: list[int] = []

    @property
    def chosen(self) -> Job | None:
        """The job under the cursor, None when there is none."""
        if 0 <= self.cursor_row < len(self.jobs):
            return self.jobs[self.cursor_row]
        return None

    def show(
        self,
        jobs: Sequence[Job],
        progress: Mapping[str, Progress | None],
        now: datetime,
        chosen: str | None = None,
    ) -> None:
        """Show these jobs; the cursor goes to `chosen`, or stays on the job that it is on."""
        if chosen is None and self.chosen is not None:
            chosen = self.chosen.id
        same = [job.id for job in jobs] == [job.id for job in self.jobs]
        self.jobs = jobs
        rows = [_cells(job, progress.get(job.id), now) for job in jobs]
        titles = (_("State"), _("Title"), _("Progress"), _("Time"), _("Started"))
        widths = self._widths([titles, *rows])
        if same and widths == self.drawn_widths and len(self.drawn) == len(rows) + 1:
            self._change(rows)
        else:
            self._rebuild(titles, rows, widths)
        self.drawn, self.drawn_widths = [titles, *rows], widths
        if chosen is not None:
            self._go_to(chosen)

    def _widths(self, rows: Sequence[tuple[str, ...]]) -> list[int]:
        widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
        others = sum(widths) - widths[_TITLE_COLUMN] + 2 * self.cell_padding * len(widths)
        room = self.size.width - others - 2
        widths[_TITLE_COLUMN] = max(min(widths[_TITLE_COLUMN], room), _TITLE_CELLS)
        return widths

    def _change(self, rows: list[tuple[str, ...]]) -> None:
        for number, (row, before) in enumerate(zip(rows, self.drawn[1:], strict=True)):
            for column, (cell, old) in enumerate(zip(row, before, strict=True)):
                if cell != old:
                    text = self._text(self.jobs[number], column, cell)
                    self.update_cell_at(Coordinate(number, column), text)

    def _rebuild(
        self, titles: Sequence[str], rows: list[tuple[str, ...]], widths: list[int]
    ) -> None:
        self.clear(columns=True)
        for title, width in zip(titles, widths, strict=True):
            self.add_column(Text(title), width=width)
        for job, row in zip(self.jobs, rows, strict=True):
            self.add_row(*(self._text(job, column, cell) for column, cell in enumerate(row)))

    def _text(self, job: Job, column: int, cell: str) -> Text:
        style = (
            self.get_component_rich_style(f"job-table--{job.state}", partial=True)
            if column == 0
            else Style()
        )
        return Text(cell, style=style, no_wrap=True, overflow="ellipsis")

    def _go_to(self, job_id: str) -> None:
        for number, job in enumerate(self.jobs):
            if job.id == job_id and number != self.cursor_row:
                self.move_cursor(row=number, animate=False)


def _cells(job: Job, progress: Progress | None, now: datetime) -> tuple[str, ...]:
    elapsed = job.elapsed_s(now)
    return (
        str(job.state.label),
        f"{job.spec.title} !" if job.damage else job.spec.title,
        bar(progress, BAR_CELLS),
        "" if elapsed is None else format_duration(elapsed),
        "" if job.started is None else f"{job.started.astimezone():%m-%d %H:%M}",
    )


def bar(progress: Progress | None, cells: int) -> str:
    """Return a fraction as a bar of `cells` and a number; the phase where none is measured."""
    if progress is None:
        return ""
    if progress.fraction is None:
        return str(progress.phase)
    filled = int(progress.fraction * cells)
    return f"{'#' * filled}{'-' * (cells - filled)} {int(progress.fraction * 100):3d}%"
