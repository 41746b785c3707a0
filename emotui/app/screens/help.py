"""Help: what a screen is for, and the keys that act on it now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Markdown

from emotui.app.screens.base import EmoDialog
from emotui.support.language import N_, _

if TYPE_CHECKING:
    from textual.screen import ActiveBinding


class HelpScreen(EmoDialog[None]):
    """The help text (Markdown, translated) and a table of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,f1,question_mark", "dismiss_dialog", N_("Close"), id="help.close"),
    ]

    def __init__(self, text: str, bindings: Iterable[ActiveBinding]) -> None:
        super().__init__(classes="dialog")
        self.text = text
        self.rows = list(keys_of(bindings))

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


def keys_of(bindings: Iterable[ActiveBinding]) -> Iterable[tuple[str, str]]:
    """Yield (keys, description) once an action, for the actions that say what they do."""
    rows: dict[str, tuple[list[str], str]] = {}
    for active in bindings:
        binding = active.binding
        if not binding.description or binding.system:
            continue
        keys, _description = rows.setdefault(binding.action, ([], binding.description))
        keys.append(key_name(binding.key))
    for keys, description in rows.values():
        yield "  ".join(keys), description


_KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "escape": "Esc",
    "enter": "Enter",
    "space": "Space",
    "delete": "Del",
    "backspace": "Backspace",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
}


def key_name(key: str) -> str:
    """Return a key as keyboards name it."""
    if key.startswith("ctrl+"):
        return "Ctrl+" + key_name(key[5:])
    if key.startswith("f") and key[1:].isdigit():
        return key.upper()
    return _KEY_NAMES.get(key, key.upper() if key.startswith("ctrl") else key)
