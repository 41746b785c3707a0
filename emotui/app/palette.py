"""The command palette (Ctrl+P): every action that is possible now, screens, themes, languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.types import IgnoreReturnCallbackType

from emotui.app.keys import own_bindings
from emotui.app.widgets.navigation import PLACES
from emotui.support.language import LANGUAGES, _
from emotui.support.text import clean_line

if TYPE_CHECKING:
    from emotui.app.app import EmoTUI


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the palette."""

    title: str
    run: IgnoreReturnCallbackType


class EmoCommands(Provider):
    """What the palette offers."""

    async def discover(self) -> Hits:
        """Offer everything, before a letter is typed."""
        for command in self.commands():
            yield DiscoveryHit(Content(command.title), command.run, text=command.title)

    async def search(self, query: str) -> Hits:
        """Offer what matches."""
        matcher = self.matcher(query)
        found = False
        for command in self.commands():
            score = matcher.match(command.title)
            if score > 0:
                found = True
                yield Hit(
                    score,
                    matcher.highlight(command.title),
                    command.run,
                    text=command.title,
                )
        if not found:
            nothing = _("No command matches.")
            yield Hit(0.1, Content(nothing), lambda: None, text=nothing)

    def commands(self) -> Iterable[Command]:
        """Yield the actions of the screen, then those of the app."""
        app = cast("EmoTUI", self.app)
        seen = {"command_palette"}
        for active in own_bindings(self.screen.active_bindings.values()):
            binding = active.binding
            if binding.action not in seen and not (binding.id or "").startswith("go."):
                seen.add(binding.action)
                yield Command(
                    binding.description,
                    partial(app.run_action, binding.action, active.node),
                )
        for place in PLACES:
            yield Command(
                _("Go to {screen}").format(screen=_(place.title)),
                partial(app.action_go, place.mode),
            )
        for name in sorted(app.own_themes):
            yield Command(
                _("Theme: {name}").format(name=clean_line(name)),
                partial(app.action_use_theme, name),
            )
        for code, name in LANGUAGES.items():
            yield Command(
                _("Language: {name}").format(name=name),
                partial(app.action_use_language, code),
            )
