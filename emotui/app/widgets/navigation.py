"""The line at the top: the app's name and its screens, with the key of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.message import Message as TextualMessage

from emotui.app.widgets.plain import Plain
from emotui.support.language import N_, _


@dataclass(frozen=True, slots=True)
class Place:
    """A screen that the navigation leads to."""

    mode: str
    title: str
    digit: str
    function_key: str


PLACES = (
    Place("environment", N_("Environment"), "1", "f2"),
    Place("models", N_("Models"), "2", "f3"),
    Place("config", N_("Config"), "3", "f4"),
    Place("jobs", N_("Jobs"), "4", "f5"),
    Place("chat", N_("Chat"), "5", "f6"),
)


def place_bindings() -> Iterator[Binding]:
    """Yield the keys that switch screens: digits, and function keys for who is typing."""
    for place in PLACES:
        action = f"app.go('{place.mode}')"
        yield Binding(place.digit, action, place.title, show=False, id=f"go.{place.mode}")
        yield Binding(
            place.function_key,
            action,
            place.title,
            show=False,
            priority=True,  # a text field has keys of its own (F6 selects a line)
            id=f"go.{place.mode}_anywhere",
        )


class PlaceTab(Plain):
    """One entry of the navigation."""

    class Chosen(TextualMessage):
        """The user clicked an entry."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, number: int, place: Place, *, active: bool) -> None:
        super().__init__(f"{number} {_(place.title)}", classes="-active" if active else None)
        self.place = place

    def on_click(self, event: events.Click) -> None:
        """Go to the screen."""
        event.stop()
        self.post_message(self.Chosen(self.place.mode))


class NavigationBar(Horizontal):
    """The app's name and the entries; `active` is the mode whose screen this is."""

    def __init__(self, active: str) -> None:
        super().__init__(id="navigation")
        self.active = active

    def compose(self) -> ComposeResult:
        """Build the entries."""
        yield Plain("EmoTUI", id="app-name")
        for number, place in enumerate(PLACES, start=1):
            yield PlaceTab(number, place, active=place.mode == self.active)
