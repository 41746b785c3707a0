"""The models screen."""

from __future__ import annotations

from emotui.app.screens.base import EmoScreen


class ModelsScreen(EmoScreen):
    """The models screen."""

    MODE = "models"
