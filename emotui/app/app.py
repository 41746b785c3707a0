"""The Textual app: modes, keys, theme and language. No logic of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.screen import ModalScreen, Screen

from emotui.app.keys import key_name
from emotui.app.palette import EmoCommands
from emotui.app.safe_app import SafeApp
from emotui.app.screens.base import EmoScreen
from emotui.app.theming import DEFAULT_THEME, load_themes, shipped_themes
from emotui.app.widgets.navigation import PlaceTab, place_bindings
from emotui.operations.services import Services
from emotui.support.language import N_, Message, _, message, set_language

SCREENS = {
    "environment": "EnvironmentScreen",
    "models": "ModelsScreen",
    "config": "ConfigScreen",
    "jobs": "JobsScreen",
    "chat": "ChatScreen",
}
"""The class of each mode's screen, in the module of the mode's name."""

STYLES: list[str | PurePath] = [
    Path(__file__).parent / "styles" / f"{name}.tcss" for name in ("app", *SCREENS, "convert")
]
"""The style sheets; the first is shared by all screens."""


def _screen_of(mode: str) -> Callable[[], Screen[Any]]:
    def build() -> Screen[Any]:
        # Imported on the first visit, so that the first frame waits for one screen only.
        module = importlib.import_module(f"emotui.app.screens.{mode}")
        return cast("Screen[Any]", getattr(module, SCREENS[mode])())

    return build


class EmoTUI(SafeApp):
    """The terminal app."""

    TITLE = "EmoTUI"
    CSS_PATH = STYLES
    MODES: ClassVar[dict[str, Any]] = {mode: _screen_of(mode) for mode in SCREENS}
    COMMANDS: ClassVar[set[Any]] = {EmoCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        *place_bindings(),
        Binding("f1", "help", N_("Help"), id="app.help"),
        Binding("question_mark", "keys", N_("Keys"), show=False, id="app.keys"),
        Binding("ctrl+p", "command_palette", N_("Palette"), id="app.palette", priority=True),
        Binding("q", "quit", N_("Quit"), id="app.quit"),
        Binding("ctrl+q", "quit", N_("Quit"), show=False, id="app.quit_anywhere", priority=True),
    ]

    def __init__(self, services: Services, *, first_screen: str = "environment") -> None:
        # No empty screen is built before the first one.
        self.DEFAULT_MODE = first_screen  # type: ignore[misc]
        super().__init__(services)
        self.built_screens: list[EmoScreen] = []
        """The screens that were visited and are kept."""
        self.own_themes, self.theme_problems = load_themes(
            [shipped_themes(), services.paths.themes]
        )
        set_language(services.language())
        for theme in self.own_themes.values():
            self.register_theme(theme)
        wanted = services.settings.text("app.theme") or DEFAULT_THEME
        self.theme = wanted if wanted in self.own_themes else DEFAULT_THEME
        self.missing_theme = None if wanted in self.own_themes else wanted
        if "SSH_CONNECTION" in services.environ:
            self.animation_level = "none"  # a slow line has better things to carry

    def on_mount(self) -> None:
        """Say what could not be read, and begin to notice jobs that end."""
        self.call_after_refresh(self._report_problems)
        self.call_after_refresh(self._watch_jobs)

    def _watch_jobs(self) -> None:
        # Imported on use: the first frame does not wait for it.
        from emotui.app.watch import JobWatch

        JobWatch(self).start()

    def _report_problems(self) -> None:
        for problem in (*self.services.settings.problems, *self.theme_problems):
            self.say(problem, severity="warning")
        if self.missing_theme is not None:
            self.say(
                message(
                    "There is no theme {name}; {used} is used. Choose one in the palette.",
                    name=self.missing_theme,
                    used=DEFAULT_THEME,
                ),
                severity="warning",
            )

    # -- going somewhere ---------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Keep the screens' keys from acting under a dialog."""
        return not (action == "go" and isinstance(self.screen, ModalScreen))

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as keyboards name it, for the footer."""
        return binding.key_display or key_name(binding.key)

    async def action_go(self, mode: str) -> None:
        """Switch to the screen of `mode`."""
        await self.switch_mode(mode)

    async def on_place_tab_chosen(self, event: PlaceTab.Chosen) -> None:
        """Switch to the screen that was clicked."""
        await self.action_go(event.mode)

    async def open_config(self, workspace: Path) -> None:
        """Open a workspace's `config.ini` in the Config screen."""
        await self._show("config", workspace)

    async def open_chat(self, model: Path) -> None:
        """Start a conversation with a model in the Chat screen."""
        await self._show("chat", model)

    async def open_jobs(self, job_id: str) -> None:
        """Show a job in the Jobs screen."""
        await self._show("jobs", job_id)

    async def open_models(self, model: Path) -> None:
        """Show a model in the Models screen."""
        await self._show("models", model)

    async def open_convert(self, model: Path) -> None:
        """Open the form that converts a model."""
        # Imported on use: most visits of the app convert nothing.
        from emotui.app.screens.convert import ConvertScreen

        await self.push_screen(ConvertScreen(model))

    async def _show(self, mode: str, subject: object) -> None:
        await self.switch_mode(mode)
        await cast("Any", self.screen_stack[0]).show(subject)

    # -- help, palette, quitting -----------------------------------------------------------

    def action_help(self) -> None:
        """Show what this screen is for, and its keys."""
        text = self.screen.HELP if isinstance(self.screen, EmoScreen) else ""
        self._open_help(_(text) if text else "")

    def action_keys(self) -> None:
        """Show the keys that act now."""
        self._open_help("")

    def _open_help(self, text: str) -> None:
        # Imported on use, for the first frame's sake.
        from emotui.app.screens.help import HelpScreen

        self.push_screen(HelpScreen(text, self.screen.active_bindings.values()))

    def action_command_palette(self) -> None:
        """Open the palette."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(
                CommandPalette(placeholder=_("Search for a command…"), id="--command-palette")
            )

    def action_help_quit(self) -> None:
        """Tell who presses Ctrl+C how to leave."""
        self.say(message("Press q to quit (Ctrl+Q while typing)."))

    async def action_quit(self) -> None:
        """Quit, asking first when something would be lost."""
        losses = [loss for screen in self.built_screens if (loss := screen.unsaved())]
        if not losses:
            self.exit()
            return
        self.run_worker(
            self._ask_and_quit(losses), group="quit", exclusive=True, exit_on_error=False
        )

    async def _ask_and_quit(self, losses: list[Message]) -> None:
        from emotui.app.screens.confirm import ConfirmScreen

        question = "\n".join([*map(str, losses), "", _("Quit all the same?")])
        if await self.push_screen_wait(ConfirmScreen(question)):
            self.exit()

    # -- theme and language ---------------------------------------------------------------------

    def action_use_theme(self, name: str) -> None:
        """Switch to a theme now, and remember it."""
        self.theme = name
        self.remember("app.theme", name)

    async def action_use_language(self, code: str) -> None:
        """Switch the language of every screen now, and remember it."""
        set_language(code)
        for screen in list(self.built_screens):
            await screen.retranslate()
        self.remember("app.language", code)
