"""Opening a config.ini in the app: choosing one, reading it, reading it again."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from textual import events, on
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from emotui.app.background import in_background
from emotui.app.screens.ask_text import AskTextScreen
from emotui.app.screens.base import EmoScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.widgets.config_pane import ConfigPane
from emotui.app.widgets.config_table import WHOLE, ConfigTable
from emotui.app.widgets.workspace_chooser import WorkspaceChooser
from emotui.operations import config as operations
from emotui.support.errors import EmotuiError
from emotui.support.language import Message, _, message
from emotui.workspace.opened import OpenConfig

WORK = "config"
"""The group of the workers that read and write the file."""


class OpeningScreen(EmoScreen):
    """Holds at most one open config.ini and shows it; what is done with it comes on top."""

    def __init__(self) -> None:
        super().__init__()
        self.config: OpenConfig | None = None
        self.chosen = WHOLE
        """The name of the key under the cursor, `WHOLE` for the file."""
        self.workspaces: list[Path] = []
        self.problem = ""
        """Why the last workspace could not be opened."""

    def compose_body(self) -> Iterable[Widget]:
        """Build what is shown with and without an open file."""
        yield ConfigPane(self.chosen)
        yield WorkspaceChooser()

    def after_compose(self) -> None:
        """Fill the widgets from what is open."""
        self.fill()

    def fill(self) -> None:
        """Show the open file, or what to do first."""
        pane, chooser = self.query_one(ConfigPane), self.query_one(WorkspaceChooser)
        pane.display = self.config is not None
        chooser.display = self.config is None
        if self.config is not None:
            pane.show(self.config)
        else:
            chooser.show(self.workspaces, self.problem)
        self.refresh_bindings()

    def unsaved(self) -> Message | None:
        """Return that changes wait."""
        if self.config is None or not self.config.is_changed:
            return None
        return message(
            "Changes of {path} that are not saved: {keys}.",
            path=self.config.path,
            keys=", ".join(change.key for change in self.config.edit.changes),
        )

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Look for workspaces while none is open; read the open one again if nothing waits."""
        if self.config is None:
            self._work(self._look_for_workspaces())
        elif not self.config.is_changed:
            self.action_reload()

    async def _look_for_workspaces(self) -> None:
        self.workspaces = await in_background(
            partial(operations.list_workspaces, self.services), "workspaces"
        )
        self.fill()
        if self.config is None and self.workspaces and self.is_current:
            self.query_one("#chooser-list").focus()

    async def show(self, path: Path) -> None:
        """Open a workspace, asking first when changes of another one wait."""
        loss = self.unsaved()
        if loss is None:
            self._work(self._open(path))
            return
        question = f"{loss}\n" + _("Forget them and open another file?")
        self.app.push_screen(
            ConfirmScreen(question), lambda yes: self._work(self._open(path)) if yes else None
        )

    async def _open(self, path: Path) -> None:
        try:
            config = await in_background(
                partial(operations.open_config, self.services, path), "config"
            )
        except (EmotuiError, OSError) as error:
            self.problem = str(error)
            if self.config is not None:
                self.emo_app.say(self.problem, severity="error")
        else:
            self.config, self.problem = config, ""
        self.fill()
        if self.config is not None and self.is_current:
            self.query_one(ConfigTable).focus()

    def action_open(self) -> None:
        """Ask for a workspace."""

        async def take(answer: str | None) -> None:
            if answer is not None:
                await self.show(Path(answer))

        question = message("Which workspace? Name its folder, or a config.ini.")
        check = AskTextScreen(question, check=lambda text: operations.find_config(Path(text)))
        self.app.push_screen(check, take)

    @on(WorkspaceChooser.Chosen)
    async def open_chosen(self, event: WorkspaceChooser.Chosen) -> None:
        """Open the workspace that was chosen from the list."""
        await self.show(event.path)

    def action_reload(self) -> None:
        """Read the file again; changes that wait are kept."""
        if self.config is not None:
            self._work(self._reload(self.config))

    async def _reload(self, config: OpenConfig) -> None:
        try:
            fresh, left_out = await in_background(
                partial(operations.reload_config, config), "config"
            )
        except (EmotuiError, OSError) as error:
            self.emo_app.say(str(error), severity="error")
            return
        for reason in left_out:
            self.emo_app.say(str(reason), severity="warning")
        if self.config is config:
            self.config = fresh
            self.fill()

    def action_version(self) -> None:
        """Ask for the version of LMDeploy that will read the file."""

        def take(answer: str | None) -> None:
            if answer is not None and self.config is not None:
                self.config.named_reader = operations.reader_of(answer)
                self.fill()

        named = self.config and self.config.named_reader
        question = message(
            "Which version of LMDeploy will read the file? “{auto}” tells it from the keys.",
            auto=operations.AUTOMATIC,
        )
        value = named.label if named else operations.AUTOMATIC
        self.app.push_screen(AskTextScreen(question, value, operations.reader_of), take)

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        self.run_worker(work, group=WORK, exit_on_error=False)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Tell when something failed that nobody foresaw."""
        if event.worker.group == WORK and event.state is WorkerState.ERROR:
            self.emo_app.say(str(event.worker.error), severity="error")
