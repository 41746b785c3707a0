"""What can be done with a job on either screen of jobs: stop it, delete it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from emotui.app.background import in_background
from emotui.app.screens.base import EmoScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.jobs.job import Job
from emotui.operations import jobs as operations
from emotui.support.errors import EmotuiError
from emotui.support.language import N_, message


class JobActionsScreen(EmoScreen):
    """A screen that has a job to act on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel_job", N_("Stop job"), id="jobs.cancel"),
        Binding("d", "remove_job", N_("Delete"), id="jobs.remove"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.offered: bool | None = None
        """Whether the job that the keys mean was over when the keys were told; None for none."""

    def tell_keys(self) -> None:
        """Let the footer follow what is possible; it is costly to build and seldom changes."""
        job = self.acting_on()
        offered = None if job is None else job.state.is_final
        if offered is not self.offered:
            self.offered = offered
            self.refresh_bindings()

    def acting_on(self) -> Job | None:
        """Return the job that the keys mean, None when there is none."""
        return None

    async def job_changed(self, job_id: str) -> None:
        """Show the job as it is now; called when something was done with it."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to stop what runs and to delete what is over."""
        if action not in ("cancel_job", "remove_job"):
            return super().check_action(action, parameters)
        job = self.acting_on() if self.is_mounted else None
        return job is not None and job.state.is_final is (action == "remove_job")

    def action_cancel_job(self) -> None:
        """Stop the job, after a question."""
        job = self.acting_on()
        if job is not None:
            question = message(
                "Stop “{title}”? What it has done so far is not undone.", title=job.spec.title
            )
            self._ask(question, N_("Stop it"), job, operations.cancel_job)

    def action_remove_job(self) -> None:
        """Delete the job's record, after a question."""
        job = self.acting_on()
        if job is not None:
            question = message(
                "Delete the record and the log of “{title}”? What it made stays.",
                title=job.spec.title,
            )
            self._ask(question, N_("Delete it"), job, operations.remove_job)

    def _ask(self, question: object, yes: str, job: Job, act: Callable[..., object]) -> None:
        def answered(answer: bool | None) -> None:
            if answer:
                self.run_worker(
                    self._act(partial(act, self.services, job.id), job.id),
                    group="jobs.act",
                    exit_on_error=False,
                )

        self.app.push_screen(ConfirmScreen(str(question), yes=yes), answered)

    async def _act(self, act: Callable[[], object], job_id: str) -> None:
        try:
            await in_background(act, "job action")
        except (EmotuiError, OSError) as error:
            self.emo_app.say(str(error), severity="error")
        await self.job_changed(job_id)
