"""The shell of the app around five small screens, so that only the shell is tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from emotui.app.app import EmoTUI
from emotui.app.screens.base import EmoScreen
from emotui.app.widgets.plain import Plain
from emotui.operations.services import Services, open_services
from emotui.support.language import N_, Message, _, message


class SmallScreen(EmoScreen):
    """A field, a text that is translated, and a key."""

    HELP = N_("Help")
    BINDINGS = [Binding("r", "count", N_("Keys"), id="small.count")]

    def __init__(self) -> None:
        super().__init__()
        self.counted = 0
        self.subject: object = None

    def compose_body(self) -> ComposeResult:
        yield Plain(_("Quit"), id="words")
        yield Input(id="field")

    def after_compose(self) -> None:
        self.query_one("#field", Input).value = str(self.counted or "")

    def on_mount(self) -> None:
        self.set_focus(None)

    def action_count(self) -> None:
        self.counted += 1

    async def show(self, subject: object) -> None:
        self.subject = subject


def screen_of(mode: str) -> type[SmallScreen]:
    return type(f"{mode.title()}Small", (SmallScreen,), {"MODE": mode, "AUTO_FOCUS": ""})


class LosingScreen(SmallScreen):
    """A screen that would lose something."""

    MODE = "config"
    AUTO_FOCUS = ""

    def unsaved(self) -> Message | None:
        return message("Nothing to do.")


class ShellApp(EmoTUI):
    """EmoTUI with the small screens; its notices can be read."""

    MODES: ClassVar[dict[str, Any]] = {
        mode: screen_of(mode) for mode in ("environment", "models", "jobs", "chat")
    } | {"config": LosingScreen}

    @property
    def notices(self) -> list[str]:
        return [notice.message for notice in self._notifications]


def shell_app(**options: Any) -> ShellApp:
    return ShellApp(open_services(), **options)


def settings_file() -> Path:
    return open_services().paths.settings_file


def services() -> Services:
    return open_services()
