"""The table of models: one row a model, the cursor on the one that is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.text import Text
from textual.binding import Binding
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from emotui.models.description import ModelFolder
from emotui.operations.models import weights_label
from emotui.support.language import _
from emotui.support.text import cell_width, format_bytes, format_count

_NAME_CELLS = 18
"""The narrowest that the column of names gets."""


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
        titles = (_("Name"), _("Kind"), _("Architecture"), _("Params"), _("Weights"), _("Size"))
        rows = [_cells(model) for model in self.models]
        widths = [max(map(cell_width, column)) for column in zip(titles, *rows, strict=True)]
        room = self.size.width - sum(widths[1:]) - 2 * self.cell_padding * len(titles) - 2
        widths[0] = min(widths[0], max(_NAME_CELLS, room))
        for title, width in zip(titles, widths, strict=True):
            self.add_column(Text(title), width=width)
        for row in rows:
            self.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
        for number, model in enumerate(self.models):
            if model.path == chosen:
                self.cursor_coordinate = Coordinate(number, 0)


def _cells(model: ModelFolder) -> tuple[str, ...]:
    return (
        f"{model.name} !" if model.problems else model.name,
        model.kind.value,
        (model.architecture or model.model_type or "?").removesuffix("ForCausalLM"),
        "?" if model.parameters is None else format_count(model.parameters),
        weights_label(model),
        format_bytes(model.size_bytes),
    )
