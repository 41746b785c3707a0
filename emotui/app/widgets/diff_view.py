"""A difference: removed lines in red, added lines in green, in a pane that scrolls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.color import Color
from textual.containers import VerticalScroll

from emotui.app.widgets.plain import Plain
from emotui.support.text import clean_line

_COLOURS = {"+": "success", "-": "error", "@": "secondary"}


class DiffView(VerticalScroll):
    """Shows the lines of a unified difference; the signs tell without colours too."""

    def __init__(self, lines: Sequence[str] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = lines

    def compose(self) -> ComposeResult:
        """Build the one text."""
        yield Plain(id="diff-text")

    def on_mount(self) -> None:
        """Show what it was made with."""
        self.show(self.lines)

    def show(self, lines: Iterable[str]) -> None:
        """Replace the difference."""
        self.lines = tuple(lines)
        text = Text(no_wrap=False, overflow="fold")
        for line in self.lines:
            if not line.startswith(("---", "+++")):
                text.append(clean_line(line) + "\n", self._style(line[:1]))
        self.query_one("#diff-text", Plain).update(text)

    def _style(self, sign: str) -> Style:
        name = _COLOURS.get(sign)
        if name is None:
            return Style()
        return Style(color=Color.parse(self.app.theme_variables[name]).rich_color)
