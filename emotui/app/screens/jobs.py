"""The jobs screen: every job there is, of this start and of earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import DataTable, Input
from textual.worker import Worker, WorkerState

from emotui.app.background import in_background
from emotui.app.screens.job_actions import JobActionsScreen
from emotui.app.screens.job_detail import JobDetailScreen
from emotui.app.widgets.job_table import JobTable
from emotui.app.widgets.plain import Plain
from emotui.jobs.job import Job, JobState
from emotui.lmdeploy.progress import Progress
from emotui.operations import jobs as operations
from emotui.support.language import N_, _, message

LOOK = "jobs.look"
LOOK_S = 1.0


class JobsScreen(JobActionsScreen):
    """Lists the jobs and keeps the list true while it is looked at."""

    MODE = "jobs"
    AUTO_FOCUS = "#jobs-table"
    HELP = N_(
        "# Jobs\n\n"
        "Work that takes long runs as a job of its own: it goes on when you leave EmoTUI, lose "
        "the connection or close the terminal. Come back and find it here.\n\n"
        "Enter shows a job: its command, how far it is, and its whole log.\n\n"
        "**lost** means that a job is over and nobody knows how it ended, because the machine "
        "was restarted or its supervisor was killed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", N_("Filter"), id="jobs.filter"),
        Binding("r", "look", N_("Refresh"), show=False, id="jobs.refresh"),
        Binding("escape", "clear_filter", N_("Clear the filter"), show=False, id="jobs.clear"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        self.progress: Mapping[str, Progress | None] = {}
        self.has_looked = False
        self.query_text = ""
        self.progress_watch = operations.ProgressWatch()
        self.timer: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Build filter, table, the empty state and the line that counts."""
        yield Input(
            self.query_text, placeholder=_("Part of a title, state or id…"), id="jobs-filter"
        )
        yield JobTable()
        yield Plain(id="jobs-empty", classes="empty-state")
        yield Plain(id="jobs-status", classes="hint")

    def after_compose(self) -> None:
        """Fill the widgets from what was seen last."""
        self.query_one("#jobs-filter").display = bool(self.query_text)
        self.fill()

    # -- looking ---------------------------------------------------------------------------

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Look now, and from time to time while the screen is seen."""
        if self.timer is None:
            self.timer = self.set_interval(LOOK_S, self.action_look)
        self.timer.resume()
        self.action_look()

    def on_screen_suspend(self, _event: events.ScreenSuspend) -> None:
        """Stop looking."""
        if self.timer is not None:
            self.timer.pause()

    def action_look(self) -> None:
        """Look at the jobs, unless a look is on its way."""
        if not any(worker.group == LOOK and not worker.is_finished for worker in self.workers):
            self.run_worker(self._look(), group=LOOK, exit_on_error=False)

    async def _look(self) -> None:
        def look() -> tuple[list[Job], dict[str, Progress | None]]:
            jobs = operations.list_jobs(self.services)
            told = [
                job for job in jobs if not job.state.is_final or job.state is JobState.SUCCEEDED
            ]
            return jobs, {job.id: self.progress_watch.look(job) for job in told}

        jobs, self.progress = await in_background(look, "jobs")
        if jobs != self.jobs or not self.has_looked or any(not job.state.is_final for job in jobs):
            self.jobs, self.has_looked = jobs, True
            self.fill()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell when looking failed."""
        if event.worker.group == LOOK and event.state is WorkerState.ERROR:
            problem = message("The jobs cannot be read: {error}", error=str(event.worker.error))
            self.query_one("#jobs-status", Plain).show(problem)

    # -- showing ---------------------------------------------------------------------------

    def fill(self, chosen: str | None = None) -> None:
        """Show the jobs that the filter lets through."""
        table = self.query_one(JobTable)
        shown = [job for job in self.jobs if _matches(job, self.query_text)]
        with self.app.batch_update():
            table.show(shown, self.progress, self.services.clock.now(), chosen)
            table.display = bool(shown)
            empty = self.query_one("#jobs-empty", Plain)
            empty.display = not shown
            empty.show(self._nothing())
            self.query_one("#jobs-status", Plain).show(_count(self.jobs))
        if shown and self.focused is None:
            table.focus()
        self.tell_keys()

    def _nothing(self) -> str:
        if not self.has_looked:
            return _("Looking for jobs…")
        if self.jobs:
            return _("No job matches. Esc shows all of them.")
        return _(
            "There are no jobs yet.\n\nConverting a model makes one: choose a model on the "
            "Models screen (2) and press c. It then runs on its own, even when you leave EmoTUI."
        )

    def on_resize(self, _event: events.Resize) -> None:
        """Give the titles the room that there is now."""
        self.call_after_refresh(self.fill)

    async def show(self, job_id: str) -> None:
        """Open a job, wherever on the screens of jobs the user is."""
        while self.app.screen is not self:
            await self.app.pop_screen()
        self.action_clear_filter()
        self.fill(job_id)
        await self._open(job_id)

    async def _open(self, job_id: str) -> None:
        await self.app.push_screen(JobDetailScreen(job_id))

    # -- acting ----------------------------------------------------------------------------

    def acting_on(self) -> Job | None:
        """Return the job under the cursor."""
        tables = self.query(JobTable)
        return tables.first().chosen if tables else None

    async def job_changed(self, _job_id: str) -> None:
        """Look again at once."""
        self.action_look()

    async def on_data_table_row_selected(self, _event: DataTable.RowSelected) -> None:
        """Open the job under the cursor."""
        job = self.acting_on()
        if job is not None:
            await self._open(job.id)

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Offer what the job under the cursor allows."""
        self.tell_keys()

    # -- the filter --------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one("#jobs-filter", Input)
        field.display = True
        field.focus()

    def action_clear_filter(self) -> None:
        """Show all jobs again."""
        field = self.query_one("#jobs-filter", Input)
        field.value = self.query_text = ""
        field.display = False
        self.fill()
        self.query_one(JobTable).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list with each letter."""
        self.query_text = event.value
        self.fill()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go on to the table, if there is anything in it."""
        table = self.query_one(JobTable)
        if table.chosen is not None:
            table.focus()


def _count(jobs: list[Job]) -> str:
    running = sum(not job.state.is_final for job in jobs)
    return _("Jobs: {count}, of which {running} are not over.").format(
        count=len(jobs), running=running
    )


def _matches(job: Job, text: str) -> bool:
    """Whether each word of `text` stands in what is known of a job."""
    spec = job.spec
    known = " ".join((spec.title, job.id, spec.kind, job.state.value, str(job.state.label)))
    return all(part in known.casefold() for part in text.casefold().split())
