"""What to do while no workspace is open: a sentence, and the workspaces that were found."""

from __future__ import annotations

from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from emotui.app.widgets.plain import Plain
from emotui.support.language import N_, _
from emotui.support.text import clean_line

_NOTHING_OPEN = N_(
    "No workspace is open. Press o and name one: the folder that lmdeploy convert made. "
    "There is none yet? Convert a model first: press 2."
)
_CHOOSE = N_("No workspace is open. Choose one with Enter, or press o and name another:")


class WorkspaceChooser(Vertical):
    """Offers workspaces; `Chosen` tells which one is wanted."""

    class Chosen(TextualMessage):
        """A workspace was chosen."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self) -> None:
        super().__init__(id="workspace-chooser")
        self.workspaces: list[Path] = []

    def compose(self) -> ComposeResult:
        """Build the sentence and the list."""
        yield Plain(id="chooser-problem", classes="-status-failure")
        yield Plain(id="chooser-text", classes="hint")
        yield OptionList(id="chooser-list")

    def show(self, workspaces: list[Path], problem: str) -> None:
        """Offer `workspaces`; `problem` says why the last one could not be opened."""
        self.workspaces = workspaces
        place = self.query_one("#chooser-problem", Plain)
        place.display = bool(problem)
        place.show(problem)
        self.query_one("#chooser-text", Plain).show(_(_CHOOSE if workspaces else _NOTHING_OPEN))
        choices = self.query_one(OptionList)
        choices.display = bool(workspaces)
        choices.set_options(Option(Content(clean_line(str(each)))) for each in workspaces)
        if workspaces:
            choices.highlighted = 0

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Tell which one it was."""
        event.stop()
        self.post_message(self.Chosen(self.workspaces[event.option_index]))
