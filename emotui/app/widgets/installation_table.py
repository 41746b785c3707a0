"""The LMDeploy installations that were found, the one that is meant marked with a star."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from emotui.lmdeploy.installation import Installation
from emotui.support.language import N_, _
from emotui.support.text import clean_line

_SOURCES = {
    "given": N_("named"),
    "active": N_("active"),
    "settings": N_("settings"),
    "conda": N_("conda"),
    "managed": N_("EmoTUI"),
    "folder": N_("folder"),
}
"""How an installation was found, in a word."""


class InstallationTable(DataTable[Text]):
    """One row an installation; hidden while there is none."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row")

    def name_columns(self) -> None:
        """Write the title and the heads of the columns in the active language."""
        self.border_title = _("LMDeploy: Enter uses one from now on")
        self.add_columns("", _("Version"), _("Python"), _("Source"), _("Interpreter"))

    def show(self, found: Sequence[Installation], chosen: Installation | None) -> None:
        """Replace the rows; the cursor stays where it was."""
        self.display = bool(found)
        row = self.cursor_row
        self.clear()
        for each in found:
            self.add_row(*_row(each, chosen=each == chosen), key=str(each.python))
        self.move_cursor(row=max(0, min(row, len(found) - 1)))


def _row(each: Installation, *, chosen: bool) -> list[Text]:
    return [
        Text("*" if chosen else " "),
        Text(each.lmdeploy or "-", style="bold" if chosen else ""),
        Text(each.python_version),
        Text(_(_SOURCES[each.source])),
        Text(clean_line(str(each.python))),
    ]
