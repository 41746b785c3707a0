"""The config screen: a workspace's config.ini with what its values mean, edited and saved."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from emotui.app.background import in_background
from emotui.app.screens.config_dialogs import HistoryScreen, SaveScreen
from emotui.app.screens.config_edit import EditKeyScreen
from emotui.app.screens.config_opening import OpeningScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.widgets.config_pane import ConfigPane
from emotui.app.widgets.key_detail import KeyDetail
from emotui.operations import config as operations
from emotui.support.errors import EmotuiError
from emotui.support.language import N_, Message, _, message
from emotui.workspace.opened import OpenConfig
from emotui.workspace.schema import Group

_HELP = N_(
    """
# Config

The `config.ini` of a TurboMind workspace: every key, its value, and what it means to the version
of LMDeploy that reads it. **o** opens a workspace, **Enter** edits the key under the cursor,
**Del** removes it. Changes are marked `*` and wait: **s** shows the difference and saves. `!`
warns, `!!` will fail; the pane says why and what to do (Tab goes there).

**u** takes the last change back, **x** the one of this key. When none waits, **u** undoes the
last saved edit to the byte, also after a restart; **U** does it again, **h** shows all of them.

The same digit means different things to different versions (quant_policy 4 is int8 up to 0.3.0
and int4 from 0.4.0 on): **v** names the version that will read the file.
"""
)


class ConfigScreen(OpeningScreen):
    """Edits the config.ini that is open, saves it, undoes and redoes."""

    MODE = "config"
    HELP = _HELP
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", N_("Save"), id="config.save"),
        Binding("u", "step('undo')", N_("Undo"), id="config.undo"),
        Binding("U", "step('redo')", N_("Redo"), show=False, id="config.redo"),
        Binding("x", "change('revert')", N_("Revert key"), show=False, id="config.revert"),
        Binding("v", "version", N_("Version"), id="config.version"),
        Binding("o", "open", N_("Open"), id="config.open"),
        Binding("h", "history", N_("History"), show=False, id="config.history"),
        Binding("delete", "change('remove')", N_("Remove key"), show=False, id="config.remove"),
        Binding("r", "reload", N_("Read again"), show=False, id="config.reload"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is possible now."""
        panes = self.query(ConfigPane)
        row = panes.first().row if panes and self.config is not None else None
        if action == "save":
            return self.config is not None and self.config.is_changed
        if action == "change":
            return row is not None and (
                row.is_changed if parameters == ("revert",) else row.value is not None
            )
        return action not in ("step", "history", "reload", "version") or self.config is not None

    # -- editing -----------------------------------------------------------------------------

    @on(ConfigPane.Moved)
    def follow_cursor(self, event: ConfigPane.Moved) -> None:
        """Offer what is possible with the key under the cursor."""
        self.chosen = event.chosen
        self.refresh_bindings()

    @on(DataTable.RowSelected, "#config-table")
    def edit_chosen(self, _event: DataTable.RowSelected) -> None:
        """Edit the key under the cursor; the shape of the model only after a warning."""
        config, row = self.config, self.query_one(ConfigPane).row
        if config is None or row is None:
            self.query_one(KeyDetail).focus()
            return
        is_shape = row.key is not None and row.group is Group.MODEL

        def take(answer: str | None) -> None:
            if answer is not None:
                force = is_shape or row.key is None
                self._change(lambda config: config.set(row.name, answer, force=force))

        def ask(wanted: bool | None) -> None:
            if wanted:
                self.app.push_screen(EditKeyScreen(config, row, force=is_shape), take)

        if row.key is None or not is_shape:
            ask(wanted=True)
            return
        question = _("{explanation}\n\nEdit {key} all the same?").format(
            explanation=_(row.key.explanation), key=row.name
        )
        self.app.push_screen(ConfirmScreen(question), ask)

    def action_change(self, kind: str) -> None:
        """Take back the change of the key under the cursor, or remove its line."""
        name = self.query_one(ConfigPane).chosen
        if kind == "revert":
            self._change(lambda config: config.edit.revert(name))
        else:
            self._change(lambda config: config.unset(name))

    def _change(self, change: Callable[[OpenConfig], None]) -> None:
        if self.config is None:
            return
        try:
            change(self.config)
        except EmotuiError as error:
            self.emo_app.say(str(error), severity="error")
        self.fill()

    # -- saving and undoing --------------------------------------------------------------------

    def action_save(self) -> None:
        """Show the difference, and save when it is confirmed."""
        config = self.config
        if config is None:
            return
        save = partial(operations.save_config, self.services, config)
        saved = message("Saved. u takes it back.")
        self.app.push_screen(
            SaveScreen(config.edit.difference(), config.new_warnings()),
            lambda yes: self._work(self._write(config, save, saved)) if yes else None,
        )

    def action_step(self, kind: str) -> None:
        """Take the last change back, the saved edit when none waits; or redo one."""
        config = self.config
        if config is None:
            return
        if config.is_changed:
            last = config.edit.changes[-1].key
            if kind == "undo":
                self._change(lambda config: config.edit.revert(last))
            else:
                text = message("Save the changes that wait (s), or take them back (u), first.")
                self.emo_app.say(text, severity="warning")
            return
        way, done = {
            "undo": (operations.undo_config, message("Undone. U does it again.")),
            "redo": (operations.redo_config, message("Done again. u undoes it.")),
        }[kind]
        self._work(self._write(config, partial(way, self.services, config.path), done))

    async def _write(self, config: OpenConfig, write: Callable[[], object], done: Message) -> None:
        try:
            await in_background(write, "config")
        except (EmotuiError, OSError) as error:
            self.emo_app.say(str(error), severity="error")
        else:
            self.emo_app.say(done)
            await self._reload(config)
        self.fill()

    def action_history(self) -> None:
        """Show the edits that were saved."""
        if self.config is not None:
            self.app.push_screen(HistoryScreen(self.config.path))
