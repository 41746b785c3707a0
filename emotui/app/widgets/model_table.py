"""The table of models: one row a model, the cursor on the one that is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.text import Text
from textual import events
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from emotui.models.description import ModelFolder
from emotui.operations.models import weights_label
from emotui.support.language import _
from emotui.support.text import cell_width, format_bytes, format_count

_NAME = 1
_NAME_CELLS = 18
"""Where the column of names stands, and the narrowest that it gets."""


class ModelTable(DataTable[Text]):
    """Shows models; `chosen` is the one under the cursor."""

    BINDINGS = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="models-table", cursor_type="row", zebra_stripes=True)
        self.models: list[ModelFolder] = []
        self.shown_width = 0

    @property
    def chosen(self) -> ModelFolder | None:
        """The model under the cursor, None when there is none."""
        if 0 <= self.cursor_row < len(self.models):
            return self.models[self.cursor_row]
        return None

    def show(self, models: Iterable[ModelFolder], chosen: Path | None) -> None:
        """Show these models, the cursor on the one in the folder `chosen` if it is there."""
        self.clear(columns=True)
        self.models = list(models)
        self.shown_width = self.size.width
        titles = ("", _("Name"), _("Kind"), _("Architecture"), _("Params"), _("Weights"), _("Size"))
        rows = [_cells(model) for model in self.models]
        widths = [max(1, *map(cell_width, column)) for column in zip(titles, *rows, strict=True)]
        rest = sum(widths) - widths[_NAME] + 2 * self.cell_padding * len(titles)
        room = self.shown_width - rest - self.styles.scrollbar_size_vertical
        widths[_NAME] = min(widths[_NAME], max(_NAME_CELLS, room))
        for title, width in zip(titles, widths, strict=True):
            self.add_column(Text(title), width=width)
        for row in rows:
            self.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
        for number, model in enumerate(self.models):
            if model.path == chosen:
                self.cursor_coordinate = Coordinate(number, 0)

    def on_resize(self, event: events.Resize) -> None:
        """Give the names the room that there is now."""
        if event.size.width != self.shown_width:
            self.show(self.models, self.chosen.path if self.chosen else None)


def _cells(model: ModelFolder) -> tuple[str, ...]:
    return (
        "!" if model.problems else "",
        model.name,
        model.kind.value,
        (model.architecture or model.model_type or "?").removesuffix("ForCausalLM"),
        "?" if model.parameters is None else format_count(model.parameters),
        weights_label(model),
        format_bytes(model.size_bytes),
    )
