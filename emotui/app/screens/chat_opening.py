"""Opening a chat session from the app: consent to foreign code, and the end of the old engine."""

from __future__ import annotations

from dataclasses import replace

from emotui.app.background import in_background
from emotui.app.screens.base import EmoScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.chat.session import ChatSession
from emotui.operations.chat import ChatRequest, open_chat
from emotui.operations.models import show_model
from emotui.support.language import message


async def open_session(screen: EmoScreen, request: ChatRequest) -> ChatSession | None:
    """Make `request` the app's chat session, ending the one before; nothing is loaded yet.

    Returns None when the person declined. Raises `EmotuiError` and `OSError`. Must run in a
    worker, since it may ask.
    """
    services = screen.services
    before = services.chat
    if before is not None and before.busy and not await _ask_to_end(screen):
        return None
    model = await in_background(lambda: show_model(services, request.model), "model")
    if model.remote_code and not request.trust_remote_code:
        question = message(
            "{model} brings its own Python code ({files}), which runs when it is loaded. Only go "
            "on if you trust it. Run this code?",
            model=model.name,
            files=", ".join(model.code_files),
        )
        if not await _confirm(screen, ConfirmScreen(question)):
            return None
        request = replace(request, trust_remote_code=True)
    session = await in_background(lambda: open_chat(services, request), "open-chat")
    if before is not None:
        await before.close()
    services.chat = session
    return session


async def _ask_to_end(screen: EmoScreen) -> bool:
    question = message("An answer is still arriving. End it, and its engine?")
    return await _confirm(screen, ConfirmScreen(question))


async def _confirm(screen: EmoScreen, dialog: ConfirmScreen) -> bool:
    answer: bool | None = await screen.app.push_screen_wait(dialog)
    return answer is True
