"""The jobs screen."""

from __future__ import annotations

from emotui.app.screens.base import EmoScreen


class JobsScreen(EmoScreen):
    """The jobs screen."""

    MODE = "jobs"
