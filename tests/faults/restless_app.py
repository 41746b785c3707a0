"""EmoTUI with a screen that never stops drawing, or that stops doing anything: run on a terminal.

`restless_app.py` draws for a terminal that does not read; `restless_app.py stuck` blocks the
event loop, as a bug would.
"""

from __future__ import annotations

import itertools
import sys
import time

from emotui.app.app import EmoTUI
from emotui.operations.services import open_services


class RestlessApp(EmoTUI):
    """Changes every cell of the screen twenty times a second."""

    def on_mount(self) -> None:
        colours = itertools.cycle(["#202020", "#204020", "#402020"])

        def draw() -> None:
            self.screen.styles.background = next(colours)

        self.set_interval(0.05, draw)


class StuckApp(EmoTUI):
    """Says so and then answers nothing."""

    def on_mount(self) -> None:
        self.say("stuck now")
        self.set_timer(0.3, lambda: time.sleep(60))


if __name__ == "__main__":
    app = (StuckApp if "stuck" in sys.argv else RestlessApp)(open_services())
    app.run()
    raise SystemExit(app.return_code or 0)
