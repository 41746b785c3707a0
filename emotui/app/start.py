"""Opening the app on a terminal, and ending it cleanly however the terminal ends."""

from __future__ import annotations

import os
import sys

from emotui.app.opening import OpeningApp
from emotui.operations.services import Services
from emotui.support.language import _


def start(services: Services) -> int:
    """Run the app and return the process's exit status; without a terminal, say so."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(
            _("EmoTUI needs a terminal. In scripts, use its commands: emotui --help.") + "\n"
        )
        return 1
    if os.environ.get("TERM", "") in {"", "dumb"}:
        sys.stderr.write(
            _("This terminal cannot be drawn on (TERM={term}). Try TERM=xterm-256color.").format(
                term=os.environ.get("TERM", "")
            )
            + "\n"
        )
        return 1
    app = OpeningApp(services)
    app.run()
    return app.return_code or 0
