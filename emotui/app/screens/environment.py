"""The environment screen: GPUs live, LMDeploy installations, and what the checks found."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import DataTable

from emotui.app.background import in_background
from emotui.app.screens.ask_text import AskTextScreen
from emotui.app.screens.base import EmoScreen
from emotui.app.widgets.finding_view import FindingView, status_text
from emotui.app.widgets.gpu_panel import GpuPanel
from emotui.app.widgets.installation_table import InstallationTable
from emotui.app.widgets.plain import Plain
from emotui.environment.subject import Target
from emotui.gpu.sample import GpuReading
from emotui.operations import check
from emotui.operations.check import Report
from emotui.support.errors import EmotuiError
from emotui.support.finding import Finding, Status
from emotui.support.language import N_, _, message
from emotui.support.text import clean_line

GPU_PERIOD_S = 1.5
GPU_PERIOD_WITHOUT_S = 12.0
"""How often a driver that is not there is asked whether it came."""

_HELP = N_(
    """
# Environment

Is this machine fit for LMDeploy? Above, the GPUs as the driver tells of them, every 1.5 s.
Below, the LMDeploy installations that were found: **Enter** uses one from now on, **a** names
another interpreter or environment. Then the checks for a task (**t** changes it); beside the
list stands what was seen, why it matters and what to do. **y** copies the command of a remedy,
**r** checks again.

In scripts: `emotui check --for convert --json`.
"""
)
_NO_INSTALLATION = N_(
    "No LMDeploy was found on this machine. Press a and give the path of an interpreter or an "
    "environment that has it (or use emotui check --python PATH). Without one, install it into "
    "an environment of its own: version 0.2.4 converts, a new one runs Hugging Face folders."
)


class EnvironmentScreen(EmoScreen):
    """Whether this machine is fit."""

    MODE = "environment"
    HELP = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "check_again", N_("Recheck"), id="environment.refresh"),
        Binding("t", "next_task", N_("Task"), id="environment.task"),
        Binding("a", "name_interpreter", N_("Add LMDeploy"), id="environment.name"),
        Binding("y", "copy_command", N_("Copy"), id="environment.copy"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.target = Target.CHAT
        self.report: Report | None = None
        self.reading: GpuReading | None = None
        self.finding_id: str | None = None
        self.running = False
        self.partly = False
        self.run_number = 0
        self.gpu_timer: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Build the panel, the two tables and the detail."""
        yield GpuPanel(id="gpus")
        yield Plain(_(_NO_INSTALLATION), id="no-installation")
        yield InstallationTable(id="installations")
        with Horizontal(id="checks"):
            yield DataTable(id="findings", cursor_type="row", show_header=False)
            yield FindingView(id="finding")

    def after_compose(self) -> None:
        """Fill the widgets from what is known."""
        self.query_one(InstallationTable).name_columns()
        self.query_one("#findings", DataTable).add_columns("", "")
        if self.reading is not None:
            self.query_one(GpuPanel).show(self.reading)
        self._show_report()

    def on_mount(self) -> None:
        """Start looking once the first frame stands."""
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self._show_findings())
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        self.query_one("#findings").focus()
        self._watch_gpus()
        self.action_check_again()

    def on_screen_suspend(self) -> None:
        """Ask no driver while nobody looks."""
        if self.gpu_timer is not None:
            self.gpu_timer.stop()
            self.gpu_timer = None

    def on_screen_resume(self) -> None:
        """Go on asking."""
        if self.reading is not None and self.gpu_timer is None:
            self._watch_gpus()

    # -- GPUs ------------------------------------------------------------------------------

    def _watch_gpus(self) -> None:
        self.run_worker(self._read_gpus(), group="gpus", exclusive=True, exit_on_error=False)

    async def _read_gpus(self) -> None:
        reading = await in_background(partial(check.read_gpus, self.services), "gpus")
        self.reading = reading
        self.query_one(GpuPanel).show(reading)
        if self.is_current:
            answers = reading.problem is None or reading.pending
            pause_s = GPU_PERIOD_S if answers else GPU_PERIOD_WITHOUT_S
            self.gpu_timer = self.set_timer(pause_s, self._watch_gpus)

    # -- checks ----------------------------------------------------------------------------

    def action_check_again(self) -> None:
        """Run the checks for the task."""
        self.running = True
        self.run_number += 1
        self._show_titles()
        self.run_worker(
            self._check(self.run_number), group="checks", exclusive=True, exit_on_error=False
        )

    async def _check(self, number: int) -> None:
        try:
            self.report = await in_background(self._run_checks(self.target), "checks")
        except (EmotuiError, OSError) as error:
            self.emo_app.say(str(error), severity="error")
        finally:
            if number == self.run_number:  # and not replaced by a newer run
                self.running = self.partly = False
        self._show_report()

    def _run_checks(self, target: Target) -> Callable[[], Report]:
        """Return the work; what it finds meanwhile is shown when nothing was shown before."""
        loop = asyncio.get_running_loop()

        def seen(report: Report) -> None:
            with contextlib.suppress(RuntimeError):  # the app has ended meanwhile
                loop.call_soon_threadsafe(self._show_meanwhile, report)

        return partial(check.run, self.services, target, seen=seen)

    def _show_meanwhile(self, report: Report) -> None:
        shown = self.report is not None and not self.partly
        if self.running and report.target is self.target and not shown:
            self.report, self.partly = report, True
            self._show_report()

    def action_next_task(self) -> None:
        """Check for the next task."""
        tasks = list(Target)
        self.partly = True
        self.target = tasks[(tasks.index(self.target) + 1) % len(tasks)]
        self.action_check_again()

    def _show_report(self) -> None:
        self._show_installations()
        self._show_findings()
        self._show_titles()

    def _show_titles(self) -> None:
        table = self.query_one("#findings", DataTable)
        task = self.target.label
        if self.running:
            table.border_title = _("Checks for {task}: running…").format(task=task)
        elif self.report is not None:
            failures = sum(f.status is Status.FAILURE for f in self.report.findings)
            template = (
                _("Checks for {task}: {failures} failed")
                if failures
                else _("Checks for {task}: passed")
            )
            table.border_title = template.format(task=task, failures=failures)

    def _show_findings(self) -> None:
        if self.report is None:
            return
        table = self.query_one("#findings", DataTable)
        wanted = self.finding_id
        findings = self.report.by_urgency
        with self.app.batch_update():
            table.clear()
            for number, finding in enumerate(findings):
                table.add_row(
                    status_text(finding.status, self.app),
                    Text(clean_line(str(finding.title))),
                    key=str(number),
                )
            rows = [row for row, finding in enumerate(findings) if finding.id == wanted]
            table.move_cursor(row=rows[0] if rows else 0)
        self._show_finding()

    @on(DataTable.RowHighlighted, "#findings")
    def _show_finding(self) -> None:
        finding = self.current_finding()
        if finding is not None:
            # Who stays at the top wants the most urgent one, whichever that becomes.
            at_top = self.query_one("#findings", DataTable).cursor_row == 0
            self.finding_id = None if at_top else finding.id
            self.query_one(FindingView).show(finding)

    def current_finding(self) -> Finding | None:
        """Return the finding under the cursor."""
        row = self.query_one("#findings", DataTable).cursor_row
        findings = [] if self.report is None else self.report.by_urgency
        return findings[row] if 0 <= row < len(findings) else None

    def action_copy_command(self) -> None:
        """Copy the command of the remedy that is shown."""
        finding = self.current_finding()
        remedy = None if finding is None else finding.remedy
        if remedy is None or remedy.command is None:
            self.emo_app.say(message("This finding has no command to copy."))
            return
        command = shlex.join(remedy.command)
        self.app.copy_to_clipboard(command)
        self.emo_app.say(
            message("Sent to the clipboard, if the terminal allows it: {command}", command=command)
        )

    # -- installations ---------------------------------------------------------------------

    def _show_installations(self) -> None:
        report = self.report
        found = () if report is None else report.installations
        chosen = None if report is None else report.chosen
        self.query_one(InstallationTable).show(found, chosen)
        if found or not self.partly:
            hint = self.query_one("#no-installation")
            hint.display = report is not None and not found

    @on(DataTable.RowSelected, "#installations")
    def _choose_row(self, event: DataTable.RowSelected) -> None:
        if self.report is not None and 0 <= event.cursor_row < len(self.report.installations):
            self._choose(self.report.installations[event.cursor_row].python)

    @work(group="name", exclusive=True, exit_on_error=False)
    async def action_name_interpreter(self) -> None:
        """Ask for an interpreter that was not found."""
        question = message("The interpreter that has LMDeploy, or the folder of its environment:")
        answer = await self.app.push_screen_wait(AskTextScreen(question))
        if answer:
            self._choose(Path(answer))

    def _choose(self, python: Path) -> None:
        self.run_worker(self._use(python), group="choose", exclusive=True, exit_on_error=False)

    async def _use(self, python: Path) -> None:
        try:
            chosen = await in_background(partial(check.choose, self.services, python), "choose")
        except (EmotuiError, OSError) as error:
            self.emo_app.say(str(error), severity="error")
            return
        self.emo_app.say(
            message(
                "LMDeploy {version} of {python} is used from now on.",
                version=chosen.lmdeploy,
                python=chosen.python,
            )
        )
        self.action_check_again()
