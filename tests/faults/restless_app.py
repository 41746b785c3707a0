"""EmoTUI with a screen that never stops drawing: run on a terminal that does not read."""

from __future__ import annotations

import itertools
from typing import Any

from emotui.app.app import EmoTUI
from emotui.operations.services import open_services


class RestlessApp(EmoTUI):
    """Changes every cell of the screen twenty times a second."""

    MODES = {"environment": EmoTUI.MODES["environment"]}

    def on_mount(self) -> None:
        colours = itertools.cycle(["#202020", "#204020", "#402020"])

        def draw() -> None:
            self.screen.styles.background = next(colours)

        self.set_interval(0.05, draw)


def run(app: Any) -> None:
    """Run as `emotui` does."""
    app.run()
    raise SystemExit(app.return_code or 0)


if __name__ == "__main__":
    run(RestlessApp(open_services()))
