"""A planned command: what speaks against it, and the exact lines that will be run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content

from emotui.app.widgets.plain import Plain
from emotui.operations import convert
from emotui.operations.convert import ConvertPlan
from emotui.support.finding import Finding, Status
from emotui.support.language import Message, _
from emotui.support.text import clean, clean_line

_COLOURS = {
    Status.OK: "$text-success",
    Status.WARNING: "$text-warning",
    Status.FAILURE: "$text-error",
    Status.UNKNOWN: "$text-muted",
}


class PlanView(Vertical):
    """Shows a plan, or why there is none."""

    def compose(self) -> ComposeResult:
        """Build the two panes; both can be scrolled."""
        with VerticalScroll(id="plan-findings"):
            yield Plain("", id="plan-findings-text")
        with VerticalScroll(id="plan-command"):
            yield Plain("", id="plan-command-text")

    def on_mount(self) -> None:
        """Name the panes."""
        self.query_one("#plan-command").border_title = _("Command")
        self.query_one("#plan-findings").border_title = _("Checks")

    def show_plan(self, plan: ConvertPlan, environ: Mapping[str, str]) -> None:
        """Show a plan: refusals first, and the commands."""
        findings = [*plan.refusals, *plan.findings]
        lines = [_finding(finding) for finding in findings] or [Content(_("Nothing to report."))]
        self._fill(Content("\n").join(lines), _commands(plan, environ))

    def show_problem(self, problem: Message) -> None:
        """Show why there is no command."""
        word = Content.styled(str(Status.FAILURE.label), f"bold {_COLOURS[Status.FAILURE]}")
        self._fill(Content.assemble(word, "  ", clean(str(problem))), Content(""))

    def show_waiting(self) -> None:
        """Say that the model and the installations are being looked at."""
        self._fill(Content(_("Looking at the model and the installations…")), Content(""))

    def _fill(self, findings: Content, command: Content) -> None:
        self.query_one("#plan-findings-text", Plain).show(findings)
        self.query_one("#plan-command-text", Plain).show(command)


def _finding(finding: Finding) -> Content:
    return Content.assemble(
        Content.styled(str(finding.status.label), f"bold {_COLOURS[finding.status]}"),
        "  ",
        clean_line(str(convert.as_sentence(finding))),
    )


def _commands(plan: ConvertPlan, environ: Mapping[str, str]) -> Content:
    lines = [shlex.join(plan.argv), *map(shlex.join, plan.moves())]
    variables = [shlex.quote(variable) for variable in plan.changed_variables(environ)]
    return Content("\n").join(
        [
            Content(clean("\n".join(lines))),
            *(Content.styled(clean_line(variable), "$text-muted") for variable in variables),
        ]
    )
