"""The models screen: what lies in the models' folders, and what can be done with it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import DataTable, Input
from textual.worker import Worker, WorkerState

from emotui.app.background import in_background
from emotui.app.screens.ask_text import AskTextScreen
from emotui.app.screens.base import EmoScreen
from emotui.app.widgets.model_detail import ModelDetail
from emotui.app.widgets.model_table import ModelTable
from emotui.app.widgets.plain import Plain
from emotui.models.description import ModelFolder, ModelKind
from emotui.operations import models as operations
from emotui.operations.models import ModelList
from emotui.support.language import N_, _, message
from emotui.support.text import clean_line

SCAN = "models.scan"
FRESH_S = 10.0
"""Coming back within this time looks for no new models."""


class ModelsScreen(EmoScreen):
    """Lists the models, shows the one under the cursor, and leads on to the other screens."""

    MODE = "models"
    AUTO_FOCUS = "#models-table"
    HELP = N_(
        "# Models\n\n"
        "Model folders in and below the current folder and the folders that you added (`a`): "
        "Hugging Face checkpoints, AWQ checkpoints and TurboMind workspaces.\n\n"
        "A `!` before a name means that something is missing or broken; the pane below says "
        "what. Tab goes to that pane, so that it can be scrolled.\n\n"
        "No weights are read for this, and no code of a model runs."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add_folder", N_("Add folder"), id="models.add"),
        Binding("c", "lead_to('convert')", N_("Convert"), id="models.convert"),
        Binding("o", "lead_to('config')", N_("Configuration"), id="models.open"),
        Binding("t", "lead_to('chat')", N_("Talk"), id="models.talk"),
        Binding("slash", "filter", N_("Filter"), id="models.filter"),
        Binding("r", "rescan", N_("Rescan"), id="models.rescan"),
        Binding("escape", "clear_filter", N_("Clear the filter"), show=False, id="models.clear"),
    ]

    class Scanned(TextualMessage):
        """The folders were looked through; `chosen` is the model that was wanted."""

        def __init__(self, found: ModelList, chosen: Path | None) -> None:
            super().__init__()
            self.found = found
            self.chosen = chosen

    def __init__(self) -> None:
        super().__init__()
        self.found = ModelList((), (), ())
        self.scanned_at: float | None = None
        """When the last scan ended, None before the first."""
        self.extra: list[Path] = []
        """Folders that were shown although they are in none of the usual ones."""
        self.wanted: Path | None = None
        """The folder whose model the cursor goes to after the next scan."""
        self.chosen: Path | None = None
        """The folder of the model under the cursor, which a rebuilt table goes back to."""
        self.query_text = ""

    def compose_body(self) -> Iterable[Widget]:
        """Build filter, table, detail, the empty state and the line that tells how it goes."""
        yield Input(self.query_text, placeholder=_("Part of a name or path…"), id="models-filter")
        yield ModelTable()
        yield ModelDetail()
        yield Plain(id="models-empty", classes="empty-state")
        yield Plain(id="models-status", classes="hint")

    def after_compose(self) -> None:
        """Fill the widgets from what the last scan found."""
        self.query_one("#models-filter").display = bool(self.query_text)
        self.fill()

    # -- looking for models ----------------------------------------------------------------

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Look for models, unless it was done a moment ago: a job may have made one."""
        now = self.services.clock.monotonic()
        if self.scanned_at is None or now - self.scanned_at > FRESH_S:
            self.action_rescan()

    def action_rescan(self) -> None:
        """Look through the folders again."""
        self.run_worker(
            self._scan(tuple(self.extra), self.wanted),
            group=SCAN,
            exclusive=True,
            exit_on_error=False,
        )

    async def _scan(self, extra: tuple[Path, ...], wanted: Path | None) -> None:
        stop = threading.Event()

        def look() -> ModelsScreen.Scanned:
            found = operations.list_models(self.services, extra, stop=stop.is_set)
            chosen = found.find(wanted) if wanted is not None else None
            return self.Scanned(found, chosen.path if chosen else None)

        try:
            self.post_message(await in_background(look, "models"))
        finally:
            stop.set()  # when the worker is cancelled, the thread ends soon too

    def on_models_screen_scanned(self, event: Scanned) -> None:
        """Show what was found."""
        self.found = event.found
        self.scanned_at = self.services.clock.monotonic()
        self.wanted = None
        self.fill(event.chosen)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell when looking failed, and keep the status line true."""
        if event.worker.group != SCAN:
            return
        if event.state is WorkerState.ERROR:
            problem = message("Looking for models failed: {error}", error=str(event.worker.error))
            self.emo_app.say(problem, severity="error")
        self.show_status()

    # -- showing them ----------------------------------------------------------------------

    def fill(self, chosen: Path | None = None) -> None:
        """Show the models that the filter lets through, the cursor on `chosen` or where it was."""
        table = self.query_one(ModelTable)
        models = [model for model in self.found.models if _matches(model, self.query_text)]
        table.show(models, chosen or self.chosen)
        table.display = bool(models)
        empty = self.query_one("#models-empty", Plain)
        empty.display = not models
        empty.show(_looking() if self.scanned_at is None else _nothing(self.found))
        if models and self.focused is None:
            table.focus()
        self.show_chosen()
        self.show_status()

    def show_chosen(self) -> None:
        """Show the model under the cursor."""
        model = self.query_one(ModelTable).chosen
        self.chosen = model.path if model is not None else self.chosen
        self.query_one(ModelDetail).show(model)
        self.refresh_bindings()

    def show_status(self) -> None:
        """Tell whether a scan runs, how much there is, and what could not be looked at."""
        line = self.query_one("#models-status", Plain)
        if any(worker.group == SCAN and not worker.is_finished for worker in self.workers):
            line.show(_looking())
        else:
            counted = message("Models: {number}.", number=len(self.found.models))
            line.show(" ".join(map(str, [counted, *self.found.problems])))

    def on_data_table_row_highlighted(self, _event: DataTable.RowHighlighted) -> None:
        """Follow the cursor."""
        self.show_chosen()

    async def on_data_table_row_selected(self, _event: DataTable.RowSelected) -> None:
        """Enter opens a workspace's configuration, and goes to the detail of other models."""
        if self.check_action("lead_to", ("config",)):
            await self.action_lead_to("config")
        else:
            self.query_one(ModelDetail).focus()

    async def show(self, path: Path) -> None:
        """Put the cursor on the model in the folder `path`, looking for it if need be."""
        self.action_clear_filter()
        if any(model.path == path for model in self.found.models):
            self.fill(path)
            return
        self.wanted = path
        if path not in self.extra:
            self.extra.append(path)
        self.action_rescan()

    # -- what can be done --------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the model under the cursor allows."""
        if action != "lead_to":
            return True
        tables = self.query(ModelTable)
        model = tables.first().chosen if tables else None
        if model is None:
            return False
        is_workspace = model.kind is ModelKind.WORKSPACE
        return {"convert": not is_workspace, "config": is_workspace}.get(str(parameters[0]), True)

    async def action_lead_to(self, place: str) -> None:
        """Go on with the model: to the form that converts it, its configuration, a chat."""
        model = self.query_one(ModelTable).chosen
        if model is None:
            return
        app = self.emo_app
        ways = {"convert": app.open_convert, "config": app.open_config, "chat": app.open_chat}
        await ways[place](model.path)

    def action_add_folder(self) -> None:
        """Ask for a folder that holds models, and remember it."""
        services = self.services
        self.app.push_screen(
            AskTextScreen(
                message("Which folder holds models? It is searched four levels deep."),
                check=lambda text: operations.add_folder(services, Path(text)),
            ),
            self._added,
        )

    def _added(self, answer: str | None) -> None:
        if answer is not None:
            self.wanted = Path(answer)
            self.action_rescan()

    # -- the filter ----------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Open the filter."""
        field = self.query_one("#models-filter", Input)
        field.display = True
        field.focus()

    def action_clear_filter(self) -> None:
        """Show all models again."""
        field = self.query_one("#models-filter", Input)
        field.value = self.query_text = ""
        field.display = False
        self.fill()
        self.query_one(ModelTable).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the list with each letter."""
        self.query_text = event.value
        self.fill()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go on to the table."""
        self.query_one(ModelTable).focus()


def _looking() -> str:
    return _("Looking for models…")


def _nothing(found: ModelList) -> str:
    """Return what to do where there is nothing to see."""
    if found.models:
        return _("No model matches. Esc shows all of them.")
    places = ", ".join(clean_line(str(folder)) for folder in found.folders)
    return _(
        "There are no models yet. Press a and name a folder that holds some: Hugging Face "
        "checkpoints, or workspaces that lmdeploy convert wrote.\n\nLooked in: {folders}"
    ).format(folders=places)


def _matches(model: ModelFolder, text: str) -> bool:
    """Whether each word of `text` stands in what the table and the path say of a model."""
    known = " ".join(
        (model.name, str(model.path), model.kind.value, model.architecture or "")
    ).casefold()
    return all(part in known for part in text.casefold().split())
