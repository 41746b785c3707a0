"""The conversations of the past, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from emotui.chat.conversation import ConversationSummary
from emotui.support.language import N_, _


class ConversationList(OptionList):
    """One entry a conversation: its title, and below it when and with which model."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,d", "delete", N_("Delete"), id="chat.delete"),
    ]

    class Chosen(TextualMessage):
        """The person chose a conversation."""

        def __init__(self, summary: ConversationSummary) -> None:
            super().__init__()
            self.summary = summary

    class Unwanted(TextualMessage):
        """The person wants a conversation deleted."""

        def __init__(self, summary: ConversationSummary) -> None:
            super().__init__()
            self.summary = summary

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True)
        self._summaries: list[ConversationSummary] = []

    def show(self, summaries: Sequence[ConversationSummary], current: str = "") -> None:
        """Replace the entries, keeping the highlighted one highlighted."""
        marked = self._marked()
        wanted = marked.id if marked else current
        self._summaries = list(summaries)
        self.clear_options()
        self.add_options(Option(_entry(summary), id=summary.id) for summary in self._summaries)
        if self._summaries:
            ids = [summary.id for summary in self._summaries]
            self.highlighted = ids.index(wanted) if wanted in ids else 0

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tell which conversation was chosen."""
        event.stop()
        self.post_message(self.Chosen(self._summaries[event.option_index]))

    def action_delete(self) -> None:
        """Tell which conversation is unwanted; whoever owns the list asks and deletes."""
        marked = self._marked()
        if marked is not None:
            self.post_message(self.Unwanted(marked))

    def _marked(self) -> ConversationSummary | None:
        if self.highlighted is None or self.highlighted >= len(self._summaries):
            return None
        return self._summaries[self.highlighted]


def _entry(summary: ConversationSummary) -> Content:
    title = summary.title or _("(no title)")
    return Content.assemble(
        title, "\n", (f"{_when(summary.updated)}  {PurePath(summary.model).name}", "dim")
    )


def _when(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
