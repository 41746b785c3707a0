"""The last gate before the terminal: no control character of any widget passes it.

Texts from outside are cleaned where they enter (`support.text.clean`); this filter holds even
where that was forgotten. Textual applies it to the lines of widgets, borders and titles, never
to the control sequences of its own, so deleting is always right here. Written for textual 8.2.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from emotui.support.text import CONTROL


class SafeLines(LineFilter):
    """Delete control characters from every line that is drawn."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """Return the segments without control characters, in text and in links."""
        if all(map(_is_safe, segments)):
            return segments
        return [_safe(segment) for segment in segments]


def _is_safe(segment: Segment) -> bool:
    style = segment.style
    return segment.text.isprintable() and (style is None or style.link is None)


def _safe(segment: Segment) -> Segment:
    text, style, _control = segment
    if style is not None and style.link is not None and CONTROL.search(style.link):
        style = style.update_link(None)
    # A segment of a widget that calls itself a control sequence is foreign: Textual writes its
    # own past this filter.
    return Segment(CONTROL.sub("", text), style)


SAFE_LINES = SafeLines()
