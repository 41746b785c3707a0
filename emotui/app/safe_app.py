"""An app in whose hands the terminal is safe: what it shows is text, and its faults are reports.

It draws through `SAFE_LINES`, reads through `SafeDriver`, and never prints a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text
from textual.app import App
from textual.filter import LineFilter

from emotui.app.driver import SafeDriver
from emotui.app.safety import SAFE_LINES
from emotui.operations.services import Services
from emotui.support.crash import write_crash_report
from emotui.support.errors import EmotuiError
from emotui.support.language import Message
from emotui.support.text import clean


class SafeApp(App[None]):
    """What EmoTUI is made of: notices, settings that are remembered, an end with clean words."""

    def __init__(self, services: Services) -> None:
        super().__init__(driver_class=SafeDriver)
        self.services = services
        self.has_failed = False
        self.is_leaving = False

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return Textual's filters and the last gate for control characters."""
        return [*super().get_line_filters(), SAFE_LINES]

    def say(self, text: Message | str, *, severity: str = "information") -> None:
        """Show a short notice; what stands in it is only text."""
        self.notify(
            clean(str(text)),
            severity=severity,  # type: ignore[arg-type]
            markup=False,
            timeout=5 if severity == "information" else 12,
        )

    def remember(self, name: str, value: str) -> None:
        """Store a setting; a file that cannot be written is reported, the switch stays."""
        self.run_worker(
            lambda: self._store(name, value), thread=True, group="settings", exit_on_error=False
        )

    def _store(self, name: str, value: str) -> None:
        try:
            self.services.settings.set(name, value)
        except (EmotuiError, OSError) as error:
            problem = str(error)
            self.call_from_thread(self.say, problem, severity="error")

    def exit(
        self,
        result: None = None,
        return_code: int = 0,
        message: RenderableType | None = None,
    ) -> None:
        """End the app; `message` is printed then."""
        self.is_leaving = True
        super().exit(result, return_code, None if message is None else self._as_text(message))

    def _handle_exception(self, error: Exception) -> None:
        # A screen that is half built when the app is told to end may find its widgets missing.
        if self.is_headless or not self.is_leaving:
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End after an exception that nobody handled (Textual calls this while it is handled)."""
        error = sys.exc_info()[1] or self._exception or RuntimeError("unknown")
        told = write_crash_report(self.services.paths.logs, self.services.clock.now(), error)
        self.panic(Text("\n".join(map(str, told))))

    def panic(self, *renderables: RenderableType) -> None:
        """End and print the first fault, as nothing but text."""
        if not self.has_failed:
            self.has_failed = True
            super().panic(*map(self._as_text, renderables))

    def _as_text(self, renderable: RenderableType) -> Text:
        if isinstance(renderable, str):
            return Text(clean(renderable))
        return Text(clean("".join(part.text for part in self.console.render(renderable))))
