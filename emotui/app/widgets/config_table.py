"""The table of a config.ini: one row a key, the engine's first, with what each value means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.style import Style
from rich.text import Text
from textual.binding import Binding
from textual.color import Color
from textual.widgets import DataTable

from emotui.support.finding import Status
from emotui.support.language import N_, _
from emotui.support.text import cell_width, clean_line
from emotui.workspace.opened import Row
from emotui.workspace.schema import Group

WHOLE = "config.ini"
"""The row that stands for the file as a whole."""

_MARKS = {Status.FAILURE: ("!!", "error"), Status.WARNING: ("!", "warning")}
_KEY_CELLS = 24
_VALUE_CELLS = 12
"""The widest that these columns get; the detail shows what is cut."""
_TITLES = {Group.MODEL: N_("Shape of the model"), None: N_("Unknown keys")}


class ConfigTable(DataTable[Text]):
    """Shows the keys; `chosen` is the name under the cursor, `WHOLE` for the file."""

    BINDINGS = [
        Binding("enter", "select_cursor", N_("Edit"), id="config.edit"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="config-table", cursor_type="row", zebra_stripes=True)
        self.names: list[str] = []

    @property
    def chosen(self) -> str | None:
        """The name under the cursor, None when there is none or it is a heading."""
        if 0 <= self.cursor_row < len(self.names):
            return self.names[self.cursor_row] or None
        return None

    def show(
        self, rows: Sequence[Row], states: Mapping[str, Status], summary: str, chosen: str | None
    ) -> None:
        """Show the keys; `states` are the worst findings by key, `summary` those of the whole."""
        self.clear(columns=True)
        self.names = []
        lines = self._lines(rows, states, summary)
        titles = ("", _("Key"), _("Value"), _("Meaning"))
        widths = [
            max(cell_width(line[column].plain) for line in [*lines, tuple(map(Text, titles))])
            for column in range(4)
        ]
        widths[1] = min(widths[1], _KEY_CELLS)
        widths[2] = min(widths[2], _VALUE_CELLS)
        room = self.size.width - sum(widths[:3]) - 2 * self.cell_padding * 4 - 2
        widths[3] = max(room, 12)
        for title, width in zip(titles, widths, strict=True):
            self.add_column(Text(title), width=width)
        for line in lines:
            self.add_row(*line)
        if chosen in self.names:
            self.move_cursor(row=self.names.index(chosen), animate=False)

    def _lines(
        self, rows: Sequence[Row], states: Mapping[str, Status], summary: str
    ) -> list[tuple[Text, ...]]:
        self.names.append(WHOLE)
        lines: list[tuple[Text, ...]] = [
            (self._mark(states.get(WHOLE), changed=False), *_texts(WHOLE, "", summary))
        ]
        for group in (Group.ENGINE, Group.MODEL, None):
            inside = [row for row in rows if row.group is group]
            if inside and group in _TITLES:
                self.names.append("")
                heading = Text(_(_TITLES[group]), Style(bold=True), no_wrap=True)
                lines.append((Text(), heading, Text(), Text()))
            for row in inside:
                self.names.append(row.name)
                mark = self._mark(states.get(row.name), changed=row.is_changed)
                lines.append((mark, *_cells(row)))
        return lines

    def _mark(self, status: Status | None, *, changed: bool) -> Text:
        text = Text("*" if changed else " ", no_wrap=True)
        if status in _MARKS:
            sign, colour = _MARKS[status]
            value = Color.parse(self.app.theme_variables[colour])
            text.append(sign, Style(color=value.rich_color, bold=True))
        return text


def _cells(row: Row) -> tuple[Text, Text, Text]:
    value = "-" if row.value is None else row.value or '""'
    style = Style(bold=row.is_changed, dim=row.value is None)
    meaning = "" if row.meaning is None else str(row.meaning)
    return _texts(row.name, value, meaning, style)


def _texts(
    name: str, value: str, meaning: str, style: Style | None = None
) -> tuple[Text, Text, Text]:
    style = style or Style()
    name_text, value_text, meaning_text = (
        Text(clean_line(each), style, no_wrap=True, overflow="ellipsis")
        for each in (name, value, meaning)
    )
    return name_text, value_text, meaning_text
