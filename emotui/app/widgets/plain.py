"""Text that is only text: the one place where Static and Label may be used directly."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from emotui.support.language import Message
from emotui.support.text import clean


class Plain(Static):
    """A `Static` that reads no markup and lets no control character through."""

    def __init__(
        self,
        text: object = "",
        *,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(clean(str(text)), id=id, classes=classes, markup=False)

    def show(self, text: str | Message | Content) -> None:
        """Replace the text; ready-made `Content` keeps its styles."""
        self.update(text if isinstance(text, Content) else clean(str(text)))
