"""The environment screen."""

from __future__ import annotations

from emotui.app.screens.base import EmoScreen


class EnvironmentScreen(EmoScreen):
    """The environment screen."""

    MODE = "environment"
