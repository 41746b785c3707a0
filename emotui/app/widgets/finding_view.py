"""One finding in full: status, what was seen, why it matters, what to do."""

from __future__ import annotations

import shlex
from typing import Any

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.color import Color
from textual.containers import VerticalScroll

from emotui.app.widgets.plain import Plain
from emotui.support.finding import Finding, Status
from emotui.support.language import _

_COLOURS = {
    Status.OK: "success",
    Status.WARNING: "warning",
    Status.FAILURE: "error",
    Status.UNKNOWN: "secondary",
}


def status_text(status: Status, app: App[Any]) -> Text:
    """Return the word of a status in the theme's colour, for a table cell."""
    colour = Color.parse(app.theme_variables[_COLOURS[status]])
    return Text(str(status.label), style=Style(color=colour.rich_color))


class FindingView(VerticalScroll):
    """The finding under the cursor."""

    def compose(self) -> ComposeResult:
        """Build the lines."""
        yield Plain("", id="finding-head")
        yield Plain("", id="finding-evidence")
        yield Plain("", id="finding-why")
        yield Plain("", id="finding-remedy")
        yield Plain("", id="finding-command")

    def show(self, finding: Finding) -> None:
        """Replace what is shown and begin at its top."""
        head = self.query_one("#finding-head", Plain)
        head.set_classes(f"-status-{finding.status.value}")
        head.show(_("{title}: {status}").format(title=finding.title, status=finding.status.label))
        self.query_one("#finding-evidence", Plain).show(finding.evidence)
        self.query_one("#finding-why", Plain).show(_("Why: {why}").format(why=finding.why))
        remedy = finding.remedy
        shown = self.query_one("#finding-remedy", Plain)
        shown.display = remedy is not None
        command = self.query_one("#finding-command", Plain)
        command.display = remedy is not None and remedy.command is not None
        if remedy is not None:
            shown.show(_("To do: {remedy}").format(remedy=remedy.text))
            if remedy.command is not None:
                command.show("$ " + shlex.join(remedy.command))
        self.scroll_home(animate=False)
