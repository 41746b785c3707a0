"""Everything that is known of one model, in a pane that scrolls."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from emotui.app.widgets.plain import Plain
from emotui.models.description import ModelFolder, ModelKind
from emotui.operations.models import facts
from emotui.support.language import Message, _
from emotui.support.text import clean_line


class ModelDetail(VerticalScroll):
    """Shows a model: what can be done with it, what is wrong, what it is, what to mind."""

    def __init__(self) -> None:
        super().__init__(id="model-detail")

    def compose(self) -> ComposeResult:
        """Build the parts."""
        yield Plain(id="model-actions")
        yield Plain(id="model-problems", classes="-status-failure")
        yield Plain(id="model-facts")
        yield Plain(id="model-warnings", classes="-status-warning")

    def show(self, model: ModelFolder | None) -> None:
        """Show `model`, or nothing."""
        self.display = model is not None
        if model is None:
            return
        self.border_title = Text(model.name)
        self.query_one("#model-actions", Plain).show(_actions(model))
        self._show_notes("#model-problems", model.problems)
        self._show_notes("#model-warnings", model.warnings)
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(ratio=1, overflow="fold")
        for name, value in facts(model):
            table.add_row(Text(str(name)), Text(clean_line(str(value))))
        self.query_one("#model-facts", Plain).update(table)
        self.scroll_home(animate=False)

    def _show_notes(self, selector: str, notes: Iterable[Message]) -> None:
        lines = [f"! {note}" for note in notes]
        place = self.query_one(selector, Plain)
        place.display = bool(lines)
        place.show("\n".join(lines))


def _actions(model: ModelFolder) -> str:
    """Return what can be done with the model, and by which key."""
    if model.kind is ModelKind.WORKSPACE:
        return _("o edits its configuration, t talks to it.")
    return _("c converts it to TurboMind's format, t talks to it.")
