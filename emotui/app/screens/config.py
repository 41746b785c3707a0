"""The config screen."""

from __future__ import annotations

from emotui.app.screens.base import EmoScreen


class ConfigScreen(EmoScreen):
    """The config screen."""

    MODE = "config"
