"""What every screen of the app shares: navigation, footer, translated keys, language switch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import ModalScreen, Screen
from textual.screen import ScreenResultType as Result
from textual.widget import Widget
from textual.widgets import Footer

from emotui.app.widgets.navigation import NavigationBar
from emotui.support.language import Message, _

if TYPE_CHECKING:
    from textual.binding import ActiveBinding

    from emotui.app.app import EmoTUI
    from emotui.operations.services import Services


def translated(bindings: dict[str, ActiveBinding]) -> dict[str, ActiveBinding]:
    """Return the bindings with descriptions in the active language."""
    return {
        key: active._replace(
            binding=replace(active.binding, description=_(active.binding.description))
        )
        for key, active in bindings.items()
    }


class OwnScreen(Screen[Result]):
    """What screens and dialogs share: the app, typed, and keys in the active language."""

    @property
    def emo_app(self) -> EmoTUI:
        """The app, typed."""
        return cast("EmoTUI", self.app)

    @property
    def services(self) -> Services:
        """What the operations work with."""
        return self.emo_app.services

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The keys that act now, described in the active language."""
        return translated(super().active_bindings)


class EmoScreen(OwnScreen[None]):
    """A screen of the navigation. Subclasses build their part in `compose_body`.

    `after_compose` runs when the screen is mounted and again after every switch of language,
    which composes the screen anew: it fills the widgets from what the screen knows.
    """

    MODE: ClassVar[str] = ""
    """The mode of the navigation that this screen belongs to."""

    HELP: ClassVar[str | None] = ""
    """Markdown that F1 shows, marked with `N_`."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]

    def compose(self) -> ComposeResult:
        """Build navigation, body and footer."""
        yield NavigationBar(self.MODE)
        yield from self.compose_body()
        yield Footer(show_command_palette=False)

    def compose_body(self) -> Iterable[Widget]:
        """Build what stands between navigation and footer."""
        return ()

    def on_mount(self) -> None:
        """Fill the screen for the first time."""
        if not self.query(NavigationBar):
            return  # the app is ending, and Textual composes nothing any more
        if self not in self.emo_app.built_screens:
            self.emo_app.built_screens.append(self)
        self.after_compose()

    def on_unmount(self) -> None:
        """Leave what a switch of language reaches."""
        if self in self.emo_app.built_screens:
            self.emo_app.built_screens.remove(self)

    def after_compose(self) -> None:
        """Fill the widgets from what the screen knows."""

    async def retranslate(self) -> None:
        """Build the screen anew in the language that is active now; the focus stays."""
        focused = self.focused.id if self.focused is not None else None
        await self.recompose()
        self.after_compose()
        self.refresh_bindings()
        if focused is not None:
            for widget in self.query(f"#{focused}"):
                self.set_focus(widget, scroll_visible=False)

    def unsaved(self) -> Message | None:
        """Return what would be lost if the app quit now, None when nothing would be."""
        return None


class EmoDialog(ModalScreen[Result], OwnScreen[Result]):
    """A dialog; Escape closes it with no answer."""

    BINDINGS = [("escape", "dismiss_dialog", "")]

    def action_dismiss_dialog(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
