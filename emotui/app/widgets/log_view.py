"""A log of any size on the screen: any line is drawn from the file when it is looked at.

The view knows a `LogIndex` and nothing of jobs. A big log opens at its end at once, on an index
of its tail, while the index of the whole is made in the background; then the one takes the place
of the other under the same lines. No byte but those of the tail is read twice for the index.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from rich.segment import Segment
from textual import events, on
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message as Event
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollTo, ScrollUp
from textual.strip import Strip

from emotui.app.background import in_background
from emotui.jobs.log import LogIndex, tail_offset
from emotui.support.language import N_, _
from emotui.support.text import cell_width

LOOK_S = 0.3
"""How often a log is looked at for what was added."""

_STEP_BYTES = 16 << 20
_WHOLE_AT_ONCE_BYTES = 4 << 20
_TAIL_LINES = 2000
_KEPT_LINES = 1000


class LogView(ScrollView, can_focus=True):
    """Shows a log and follows its end; looking upwards ends the following, End begins it."""

    BINDINGS = [
        Binding("f", "toggle_follow", N_("Follow"), id="log.follow"),
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
        Binding("ctrl+u", "page_up", show=False),
        Binding("ctrl+d", "page_down", show=False),
    ]

    following: reactive[bool] = reactive(True, init=False)
    """Whether the end stays in view."""

    def __init__(self, path: Path, id: str | None = None) -> None:
        super().__init__(id=id)
        self.path = path
        self.index = LogIndex(path)
        self.awake = asyncio.Event()
        self.awake.set()
        self.lines: OrderedDict[int, str] = OrderedDict()
        self.known = 0
        self.widest = 0
        self.problem = ""

    def on_mount(self) -> None:
        """Begin to look at the log."""
        self.run_worker(self._watch(), group="log.watch", exclusive=True, exit_on_error=False)

    def pause(self) -> None:
        """Stop looking: nobody sees the view."""
        self.awake.clear()

    def resume(self) -> None:
        """Look again."""
        self.awake.set()

    # -- reading ---------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Look for new lines for as long as the view is there."""
        await self._open()
        while True:
            await self.awake.wait()
            before = self.index.size_bytes
            try:
                more = await in_background(lambda: self.index.extend(_STEP_BYTES), "log")
            except OSError as error:
                self.problem = str(error)
                more = False
            if self.index.size_bytes != before:
                self._grown()
            self._tell()
            await asyncio.sleep(0 if more else LOOK_S)

    async def _open(self) -> None:
        """Show the end of a big log at once, then learn where all its other lines are."""
        try:
            start = await in_background(lambda: _tail_start(self.path), "log")
            if start == 0:
                return
            tail = LogIndex(self.path, start)
            await in_background(lambda: tail.extend(_STEP_BYTES), "log")
            self.index = tail
            self._grown()
            whole = LogIndex(self.path)
            while await in_background(lambda: whole.extend(_STEP_BYTES), "log"):
                await self.awake.wait()
        except OSError as error:
            self.problem = str(error)
            return
        above = len(whole) - len(tail)
        self.index = whole
        self.lines.clear()
        self._grown()
        if not self.following:
            self.scroll_to(y=self.scroll_offset.y + above, animate=False, immediate=True)

    def _grown(self) -> None:
        # The last line that was known may have been an open one, and may have changed.
        for number in [number for number in self.lines if number >= self.known - 1]:
            del self.lines[number]
        self.known = len(self.index)
        self._measure()
        self._keep_end()
        # Once more when the room is laid out: a scroll bar that appears takes a line of it.
        self.call_after_refresh(self._keep_end)
        self.refresh()

    def _keep_end(self) -> None:
        if self.following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def line(self, number: int) -> str:
        """Return a line's text, as it stands in the file."""
        text = self.lines.pop(number, None)
        if text is None:
            try:
                text = self.index.line(number)
            except (OSError, IndexError):  # the file went away, or shrank under us
                return ""
        self.lines[number] = text
        while len(self.lines) > _KEPT_LINES:
            self.lines.popitem(last=False)
        return text

    # -- drawing ---------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is in view."""
        scroll_x, scroll_y = self.scroll_offset
        width = self.scrollable_content_region.width
        number = scroll_y + y
        text = self.line(number)
        if y == 0 and not len(self.index):
            text = self.problem or _("Nothing has been written yet.")
        style = self.rich_style
        return Strip([Segment(text, style)]).crop_extend(scroll_x, scroll_x + width, style)

    def _measure(self) -> None:
        """Make the room to scroll in as wide as the widest line that was seen."""
        first = self.scroll_offset.y
        height = max(1, self.scrollable_content_region.height)
        last = len(self.index)
        if self.following:
            first = max(0, last - height)
        seen = (cell_width(self.line(number)) for number in range(first, min(last, first + height)))
        self.widest = max(self.widest, *seen, 0)
        self.virtual_size = Size(self.widest, last)

    def _tell(self) -> None:
        """Say in the border how long the log is and whether its end is followed."""
        count = len(self.index)
        if self.following:
            text = _("Log: {count} lines, following").format(count=count)
        else:
            shown = min(count, self.scroll_offset.y + self.scrollable_content_region.height)
            text = _("Log: line {shown} of {count}").format(shown=shown, count=count)
        if self.border_title != text:
            self.border_title = text

    # -- moving -----------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Say where in the log one is."""
        super().watch_scroll_y(old_value, new_value)
        self._measure()
        self._tell()

    def watch_following(self) -> None:
        """Go to the end when following begins."""
        self._keep_end()
        self._tell()

    def _look_up(self) -> None:
        """Looking upwards ends the following; a change of size, which scrolls too, does not."""
        if self.max_scroll_y > 0:
            self.following = False

    def action_scroll_up(self) -> None:
        """Go up a line."""
        self._look_up()
        super().action_scroll_up()

    def action_page_up(self) -> None:
        """Go up a page."""
        self._look_up()
        super().action_page_up()

    def action_scroll_home(self) -> None:
        """Go to the first line."""
        self._look_up()
        super().action_scroll_home()

    @on(events.MouseScrollUp)
    @on(ScrollUp)
    @on(ScrollTo)
    def look_up_by_mouse(self, event: Event) -> None:
        """The wheel and the scroll bar look upwards too."""
        if not isinstance(event, ScrollTo) or event.y is not None:
            self._look_up()

    def action_toggle_follow(self) -> None:
        """Follow the end of the log, or stay here."""
        self.following = not self.following

    def action_scroll_end(self) -> None:
        """Go to the end and follow it."""
        self.following = True
        self._keep_end()

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the end in view."""
        self._grown()


def _tail_start(path: Path) -> int:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    return 0 if size < _WHOLE_AT_ONCE_BYTES else tail_offset(path, _TAIL_LINES)
