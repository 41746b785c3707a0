"""A streaming answer: Markdown that redraws no faster than it can afford.

Deltas wait in a list and are drawn together; the pause after a drawing grows with its cost,
so that a long code block slows itself down and nothing else. An answer whose drawing becomes
too dear goes on as plain text.
"""

from __future__ import annotations

import asyncio
import re
from time import perf_counter

from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.widgets import Markdown

from emotui.app.widgets.plain import Plain

MIN_PAUSE_S = 0.08  # 12 redraws a second are smooth to read and kind to a slow line
MAX_PAUSE_S = 1.0
DUTY = 4  # at most about a quarter of the event loop for one answer
DEAR_S = 0.6
"""A single drawing that takes this long makes the answer plain."""
PLAIN_FROM = 30_000
"""Characters from which a finished answer is shown as plain text."""

# Textual 8.2 draws these wrong when they are appended piecemeal; they need one full parse.
_NEEDS_REPARSE = re.compile(r"^ {0,3}(?:\d+[.)] |\[[^\]]+\]: )", re.MULTILINE)


class AnswerView(VerticalGroup):
    """The text of one answer. Call `feed` while it grows and `finish` exactly once."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._parts = [text] if text else []
        self._waiting: list[str] = []
        self._wake = asyncio.Event()
        self._finishing = False
        self._plain = len(text) > PLAIN_FROM

    def compose(self) -> ComposeResult:
        """Build the text as it is so far."""
        # What was fed between the constructor and here is in `text`, and must not come twice.
        self._waiting.clear()
        if self._plain:
            yield Plain(self.text, classes="answer-plain")
        else:
            yield Markdown(self.text, open_links=False)

    def on_mount(self) -> None:
        """Begin to draw what comes."""
        self._pump = self.run_worker(self._redraw(), group="answer", exit_on_error=False)

    @property
    def text(self) -> str:
        """All that was fed, drawn or not."""
        return "".join(self._parts)

    @property
    def is_plain(self) -> bool:
        """Whether the answer is shown as plain text."""
        return self._plain

    def feed(self, delta: str) -> None:
        """Take a (clean) delta; cheap, and never draws."""
        self._parts.append(delta)
        self._waiting.append(delta)
        self._wake.set()

    async def finish(self) -> None:
        """Draw what is left. Must run on every way out: done, stopped, failed."""
        self._finishing = True
        self._wake.set()
        if not self.is_mounted:
            return
        await self._pump.wait()
        if not self._plain and _NEEDS_REPARSE.search(self.text):
            await self.query_one(Markdown).update(self.text)

    async def _redraw(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = "".join(self._waiting), []
            cost = 0.0
            if batch:
                start = perf_counter()
                is_drawn = await self._draw(batch)
                cost = perf_counter() - start
                if not self._plain and (cost > DEAR_S or not is_drawn):
                    await self._become_plain()
            if self._finishing and not self._waiting:
                return
            if not self._finishing:
                await asyncio.sleep(min(MAX_PAUSE_S, max(MIN_PAUSE_S, DUTY * cost)))

    async def _draw(self, batch: str) -> bool:
        if self._plain:
            self.query_one(Plain).show(self.text)
            return True
        try:
            await self.query_one(Markdown).append(batch)
        except Exception:  # noqa: BLE001 (what a model writes must not end its own answer)
            return False
        return True

    async def _become_plain(self) -> None:
        self._plain = True
        await self.query_one(Markdown).remove()
        await self.mount(Plain(self.text, classes="answer-plain"))
