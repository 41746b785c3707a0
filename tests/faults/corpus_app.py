"""EmoTUI with a screen that shows hostile text in every kind of widget: run on a terminal.

`corpus_app.py show` shows them, `corpus_app.py crash` dies of an exception that quotes them.
"""

from __future__ import annotations

import sys
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import (
    Button,
    Checkbox,
    DataTable,
    Footer,
    Header,
    Input,
    Log,
    Markdown,
    OptionList,
    ProgressBar,
    RadioButton,
    RichLog,
    Select,
    TextArea,
    Tree,
)

from emotui.app.app import EmoTUI
from emotui.app.screens.base import EmoScreen
from emotui.app.widgets.plain import Plain
from emotui.operations.services import open_services

PAYLOADS = {
    "title": "\x1b]0;PWN\x07",
    "icon and title": "\x1b]2;PWN\x1b\\",
    "hyperlink": "\x1b]8;;http://pwn.example/\x1b\\PWN\x1b]8;;\x1b\\",
    "font": "\x1b]50;PWN\x07",
    "clipboard": "\x1b]52;c;UFdO\x07",
    "iterm": "\x1b]1337;SetMark=PWN\x07",
    "DCS": "\x1bP1;1|PWN\x1b\\",
    "DECRQSS": "\x1bP$qm\x1b\\",
    "APC": "\x1b_GPWN\x1b\\",
    "PM": "\x1b^PWN\x1b\\",
    "SOS": "\x1bXPWN\x1b\\",
    "DSR": "\x1b[6n",
    "DA": "\x1b[c",
    "window": "\x1b[21t",
    "erase": "\x1b[2J",
    "reset": "\x1bc",
    "colour": "\x1b[38;5;201;7m",
    "C1 CSI": "\x9b31;7m",
    "C1 OSC": "\x9d0;PWN\x9c",
    "C1 DCS": "\x90$qm\x9c",
    "bell": "\x07",
    "backspace": "\x08\x08\x08",
    "vertical tab": "\x0b\x0c",
    "shift out": "\x0e\x0f",
    "NUL": "\x00",
    "delete": "\x7f",
    "NEL": "\x85",
    "carriage": "\rPWN",
    "override": "\u202egnp.exe\u202c",
    "isolate": "\u2066abc\u2069",
    "marks": "\u200e\u200f\u061c",
    "separators": "\u2028\u2029",
    "surrogate": "\ud800",
    "cut short": "\x1b",
}
SOUP = " ".join(f"{name}<{payload}>" for name, payload in PAYLOADS.items())
MARK = "all shown"


class CorpusScreen(Screen[None]):
    """Every kind of widget, with the payloads as its text."""

    BINDINGS = [Binding("x", "nothing", SOUP[:200], id="corpus.x")]

    def compose(self) -> ComposeResult:
        yield Header()
        table: DataTable[Any] = DataTable()
        table.add_columns(Text(SOUP), Content(SOUP))
        tree: Tree[None] = Tree(Text(SOUP))
        tree.root.expand()
        with VerticalScroll():
            yield Plain(SOUP)
            raw = Plain(id="raw")
            yield raw
            yield Markdown(f"# {SOUP}\n\n```\n{SOUP}\n```\n\n[{SOUP}](http://{SOUP}) `{SOUP}`")
            yield Log()
            yield RichLog()
            yield table
            yield tree
            yield OptionList(Content(SOUP), Text(SOUP))
            yield Select([(Content(SOUP), 1)], prompt=SOUP, value=1)
            yield Input(SOUP, placeholder=SOUP)
            yield Input(placeholder=SOUP)
            yield TextArea(SOUP)
            yield TextArea.code_editor(SOUP, language=None)
            yield Button(Content(SOUP))
            yield Checkbox(Content(SOUP))
            yield RadioButton(Content(SOUP))
            yield ProgressBar()
            yield Plain("edge", id="edge")
        yield Footer()

    def on_mount(self) -> None:
        self.title = SOUP
        self.sub_title = SOUP
        self.query_one("#raw", Plain).update(Content(SOUP))  # past the gate of Plain
        self.query_one(Log).write_lines([SOUP, *PAYLOADS.values()])
        self.query_one(RichLog).write(Text(SOUP))
        self.query_one(RichLog).write(SOUP)
        table = self.query_one(DataTable)
        tree = self.query_one(Tree)
        for payload in PAYLOADS.values():
            table.add_row(Text(payload), Content(payload))
            tree.root.add_leaf(Text(payload))
        edge = self.query_one("#edge")
        edge.styles.border = ("round", "red")
        edge.border_title = Content(SOUP)
        edge.border_subtitle = Content(SOUP)
        self.app.notify(SOUP, title=SOUP, markup=False, timeout=60)
        self.set_timer(0.5, lambda: self.query_one("#raw", Plain).show(MARK))


class EmptyScreen(EmoScreen):
    """A screen of the navigation that dies when it is told to."""

    MODE = "environment"

    def on_mount(self) -> None:
        if "crash" in sys.argv:
            raise RuntimeError(SOUP)
        self.app.push_screen(CorpusScreen())


class CorpusApp(EmoTUI):
    """EmoTUI, opening on the corpus."""

    MODES = {"environment": EmptyScreen}
    CSS = "#raw {height: auto} Log, RichLog, TextArea {height: 8} DataTable, Tree {height: 12}"


if __name__ == "__main__":
    app = CorpusApp(open_services())
    app.run()
    raise SystemExit(app.return_code or 0)
