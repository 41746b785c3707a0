"""Help: what a screen is for, and the keys that act on it now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Markdown

from emotui.app.keys import key_table
from emotui.app.screens.base import EmoDialog
from emotui.support.language import N_, _

if TYPE_CHECKING:
    from textual.binding import ActiveBinding


class HelpScreen(EmoDialog[None]):
    """The help text (Markdown, translated) and a table of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,f1,question_mark", "dismiss_dialog", N_("Close"), id="help.close"),
    ]

    def __init__(self, text: str, bindings: Iterable[ActiveBinding]) -> None:
        super().__init__(classes="dialog")
        self.text = text
        self.rows = list(key_table(bindings))

    def compose(self) -> ComposeResult:
        """Build the text and the table."""
        with VerticalScroll(classes="dialog-box help-box"):
            if self.text:
                yield Markdown(self.text, open_links=False)
            table: DataTable[Text] = DataTable(cursor_type="none", show_header=False)
            table.add_columns("", "")
            for key, description in self.rows:
                table.add_row(Text(key, style="bold"), Text(description))
            yield table

    def on_mount(self) -> None:
        """Let the arrow keys scroll at once."""
        box = self.query_one(".dialog-box")
        box.border_title = _("Help")
        box.focus()
