"""Choosing what to talk to: a folder, the engine that runs it, a system prompt."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Select
from textual.widgets.option_list import Option

from emotui.app.background import in_background
from emotui.app.screens.base import EmoDialog
from emotui.app.widgets.plain import Plain
from emotui.models.description import ModelFolder
from emotui.operations.engine import ENGINES
from emotui.operations.models import list_models, show_model
from emotui.support.errors import EmotuiError
from emotui.support.language import _
from emotui.support.text import clean_line

AUTOMATIC = "automatic"


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """What the person wants to talk to."""

    path: Path
    engine: str | None = None
    """None leaves the choice to EmoTUI."""
    system: str | None = None


class OpenModelScreen(EmoDialog[ModelChoice]):
    """Asks for a model; offers those that are found."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "to_list", show=False),
    ]

    def __init__(self, path: str = "") -> None:
        super().__init__(classes="dialog")
        self.path = path
        self.models: list[ModelFolder] = []

    def compose(self) -> ComposeResult:
        """Build the fields and the list."""
        with Vertical(classes="dialog-box", id="open-model"):
            yield Plain(_("Talk to which model? Its folder:"))
            yield Input(self.path, id="model-path", compact=True)
            yield Plain("", id="problem", classes="dialog-problem")
            yield OptionList(id="found-models", compact=True)
            yield Plain(_("System prompt, if you want one:"))
            yield Input(id="system-prompt", compact=True)
            yield Plain(_("Engine:"))
            yield Select(
                [
                    (Content(_("the one that fits")), AUTOMATIC),
                    *((Content(engine), engine) for engine in ENGINES),
                ],
                value=AUTOMATIC,
                allow_blank=False,
                compact=True,
                id="engine",
            )
            yield Plain(
                _("Enter opens, Tab and arrow keys move, Esc closes."), classes="dialog-hint"
            )

    def on_mount(self) -> None:
        """Start in the field, and look for models meanwhile."""
        self.query_one("#problem").display = False
        self.query_one("#model-path").focus()
        self.run_worker(self._look(), group="open.look", exit_on_error=False)

    async def _look(self) -> None:
        stop = threading.Event()
        try:
            found = await in_background(
                lambda: list_models(self.services, stop=stop.is_set), "models"
            )
        finally:
            stop.set()
        self.models = list(found.models)
        entries = self.query_one("#found-models", OptionList)
        entries.add_options(Option(_entry(model)) for model in self.models)
        entries.set_class(not self.models, "-empty")

    def action_to_list(self) -> None:
        """Go from the field to the list."""
        if self.focused is self.query_one("#model-path") and self.models:
            entries = self.query_one("#found-models", OptionList)
            entries.highlighted = 0
            entries.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take a model that was found."""
        event.stop()
        self._answer(self.models[event.option_index].path)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Check the path, and take it or say what is wrong."""
        event.stop()
        text = self.query_one("#model-path", Input).value.strip()
        if text:
            path = Path(text).expanduser().absolute()
            self.run_worker(
                self._check(path), group="open.check", exclusive=True, exit_on_error=False
            )
        else:
            self._say(_("Name a folder, or choose one of the list."))

    async def _check(self, path: Path) -> None:
        try:
            model = await in_background(lambda: show_model(self.services, path), "model")
        except (EmotuiError, OSError) as error:
            self._say(str(error))
        else:
            self._answer(model.path)

    def _say(self, problem: str) -> None:
        line = self.query_one("#problem", Plain)
        line.display = True
        line.show(clean_line(problem))

    def _answer(self, path: Path) -> None:
        chosen = self.query_one("#engine", Select).value
        engine = str(chosen) if chosen != AUTOMATIC else None
        system = self.query_one("#system-prompt", Input).value.strip() or None
        self.dismiss(ModelChoice(path, engine, system))


def _entry(model: ModelFolder) -> Content:
    return Content.assemble(
        clean_line(model.name), (f"  {clean_line(str(model.path.parent))}", "dim")
    )
