"""One job: what it runs, how far it is, why it ended, and its log as it grows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from emotui.app.background import in_background
from emotui.app.screens.job_actions import JobActionsScreen
from emotui.app.widgets.job_table import bar
from emotui.app.widgets.log_view import LogView
from emotui.app.widgets.plain import Plain
from emotui.jobs.job import Job
from emotui.lmdeploy.progress import Progress
from emotui.operations import jobs as operations
from emotui.support.errors import NotFoundError
from emotui.support.language import N_
from emotui.support.text import clean_line

LOOK = "job.look"
LOOK_S = 0.5
_BAR_CELLS = 30


class JobDetailScreen(JobActionsScreen):
    """Shows one job until it is left with Escape."""

    MODE = "jobs"
    AUTO_FOCUS = "#job-log"
    HELP = N_(
        "# A job\n\n"
        "Above, what is known of it; below, its log as the command writes it. The log follows "
        "its end until you look upwards; End or `f` follows again. Tab goes to the upper part, "
        "so that it can be scrolled; `z` gives the log the whole screen."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", N_("Back"), id="job.back"),
        Binding("z", "zoom", N_("Log only"), id="job.zoom"),
        Binding("r", "look", N_("Refresh"), show=False, id="job.refresh"),
    ]

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self.job: Job | None = None
        self.progress: Progress | None = None
        self.progress_watch = operations.ProgressWatch()
        self.timer: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Build the facts, the line of progress and the log."""
        with VerticalScroll(id="job-facts"):
            yield Plain(id="job-table")
        yield Plain(id="job-progress")
        yield LogView(self.services.jobs.path(self.job_id) / "log", id="job-log")

    def after_compose(self) -> None:
        """Fill the widgets from what was seen last."""
        self.fill()

    # -- looking ---------------------------------------------------------------------------

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Look now, and from time to time while the screen is seen."""
        if self.timer is None:
            self.timer = self.set_interval(LOOK_S, self.action_look)
        self.timer.resume()
        self.query_one(LogView).resume()
        self.action_look()

    def on_screen_suspend(self, _event: events.ScreenSuspend) -> None:
        """Stop looking."""
        if self.timer is not None:
            self.timer.pause()
        for log in self.query(LogView):
            log.pause()

    def action_look(self) -> None:
        """Look at the job, unless a look is on its way."""
        if not any(worker.group == LOOK and not worker.is_finished for worker in self.workers):
            self.run_worker(self._look(), group=LOOK, exit_on_error=False)

    async def _look(self) -> None:
        def look() -> tuple[Job, Progress | None]:
            job = operations.show_job(self.services, self.job_id)
            return job, self.progress_watch.look(job)

        try:
            job, progress = await in_background(look, "job")
        except NotFoundError:
            self.action_back()  # it was deleted
            return
        if job != self.job or not job.state.is_final:
            self.job, self.progress = job, progress
            self.fill()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell when looking failed."""
        if event.worker.group == LOOK and event.state is WorkerState.ERROR:
            self.query_one("#job-progress", Plain).show(clean_line(str(event.worker.error)))

    # -- showing ---------------------------------------------------------------------------

    def fill(self) -> None:
        """Show the job as it was seen last."""
        job = self.job
        if job is None:
            return
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(ratio=1, overflow="fold")
        for name, value in operations.facts(job, self.services.clock.now()):
            table.add_row(Text(str(name)), Text(clean_line(value)))
        self.query_one("#job-table", Plain).update(table)
        line = self.query_one("#job-progress", Plain)
        line.set_classes(f"state-{job.state}")
        line.show(_progress_line(job, self.progress))
        self.tell_keys()

    # -- acting ----------------------------------------------------------------------------

    def acting_on(self) -> Job | None:
        """Return the job of this screen."""
        return self.job

    async def job_changed(self, _job_id: str) -> None:
        """Look again at once."""
        self.action_look()

    def action_zoom(self) -> None:
        """Give the log the whole screen, or take it back."""
        self.toggle_class("-log-only")

    def action_back(self) -> None:
        """Go back to the list."""
        if self.app.screen is self:
            # Not awaited: the end of the screen waits for the worker that may have asked for it.
            self.app.pop_screen()


def _progress_line(job: Job, progress: Progress | None) -> str:
    """Return the state, and how far the job is where that is known."""
    if job.state.is_final or progress is None:
        return str(job.state.label)
    measured = bar(progress, _BAR_CELLS) if progress.fraction is not None else ""
    parts = (str(job.state.label), str(progress.phase), measured, progress.detail)
    return "  ".join(filter(None, parts))
