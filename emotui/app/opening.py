"""The app as a person starts it: the navigation at once, then the first screen.

A screen of ours takes longer to import, style and build than all that comes before it. Nobody
has to wait for that with an empty terminal: the first frame is the navigation and the footer,
and keys count from then on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual.screen import ModalScreen

from emotui.app.app import STYLES, EmoTUI
from emotui.app.screens.base import EmoScreen
from emotui.operations.services import Services

OPENING = "opening"


class OpeningApp(EmoTUI):
    """EmoTUI, drawing its frame first and `first_screen` after it."""

    CSS_PATH = STYLES[:1]
    MODES: ClassVar[dict[str, Any]] = {**EmoTUI.MODES, OPENING: EmoScreen}

    def __init__(self, services: Services, *, first_screen: str = "environment") -> None:
        super().__init__(services, first_screen=OPENING)
        self.wanted_screen = first_screen

    def on_mount(self) -> None:
        """Open the first screen when the frame stands."""
        # What is called after a refresh runs in the screen's task, which is about to end.
        self.call_after_refresh(self.call_later, self._open_first_screen)

    async def _open_first_screen(self) -> None:
        if isinstance(self.screen, ModalScreen):  # a key was faster, and its dialog stays
            self.set_timer(0.1, self._open_first_screen)
            return
        self.stylesheet.read_all([Path(style) for style in STYLES[1:]])
        self.refresh_css(animate=False)
        if self.current_mode == OPENING:
            await self.switch_mode(self.wanted_screen)
        await self.remove_mode(OPENING)
