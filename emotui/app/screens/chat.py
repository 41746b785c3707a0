"""The chat screen."""

from __future__ import annotations

from emotui.app.screens.base import EmoScreen


class ChatScreen(EmoScreen):
    """The chat screen."""

    MODE = "chat"
