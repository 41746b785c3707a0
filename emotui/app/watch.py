"""What the app notices wherever the user is: jobs that end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emotui.app.background import in_background
from emotui.jobs.job import Job, JobState
from emotui.operations import jobs as operations
from emotui.support.language import Message, message

if TYPE_CHECKING:
    from emotui.app.app import EmoTUI

LOOK_S = 2.0
_TOLD_SINGLY = 3

_SEVERITY = {
    JobState.SUCCEEDED: "information",
    JobState.CANCELLED: "information",
    JobState.FAILED: "error",
    JobState.LOST: "warning",
}


class JobWatch:
    """Looks at the jobs from time to time and tells of those that have ended since."""

    def __init__(self, app: EmoTUI) -> None:
        self.app = app
        self.over: set[str] | None = None
        """The jobs that are known to be over; None before the first look, which tells nothing."""
        self.is_looking = False

    def start(self) -> None:
        """Look now, and go on looking."""
        self.app.set_interval(LOOK_S, self.begin_look)
        self.begin_look()

    def begin_look(self) -> None:
        """Look in the background, unless a look is on its way."""
        if not self.is_looking:
            self.is_looking = True
            self.app.run_worker(self._look(), group="jobs.watch", exit_on_error=False)

    async def _look(self) -> None:
        try:
            jobs = await in_background(lambda: operations.list_jobs(self.app.services), "watch")
        except OSError:
            return  # the jobs screen tells what is wrong with the folder
        finally:
            self.is_looking = False
        over = {job.id: job for job in jobs if job.state.is_final}
        if self.over is not None:
            # Who looks at a job sees its end without a notice over its log.
            seen = {*self.over, getattr(self.app.screen, "job_id", "")}
            self._tell([job for job_id, job in over.items() if job_id not in seen])
        self.over = set(over)

    def _tell(self, ended: list[Job]) -> None:
        for job in ended[:_TOLD_SINGLY]:
            self.app.say(sentence(job), severity=_SEVERITY[job.state])
        more = len(ended) - _TOLD_SINGLY
        if more > 0:
            self.app.say(message("{count} more jobs have ended.", count=more))


def sentence(job: Job) -> Message:
    """Say how a job ended."""
    title = job.spec.title
    if job.state is JobState.SUCCEEDED:
        return message("“{title}” has succeeded.", title=title)
    if job.state is JobState.CANCELLED:
        return message("“{title}” was stopped.", title=title)
    if job.state is JobState.LOST:
        return message("“{title}” is lost. {reason}", title=title, reason=job.reason or "")
    return message("“{title}” has failed. {reason}", title=title, reason=job.reason or "")
