"""One answer on its way: from the engine, cleaned, into the store, then to the observers.

Two tasks: one reads the engine and never waits for the disk, the other stores whatever has
arrived meanwhile in one transaction and only then tells it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from emotui.chat.conversation import ChatMessage, Ending, Status
from emotui.chat.events import ChatEvent, Delta, NotSaved
from emotui.chat.store import ConversationStore
from emotui.engine.protocol import Done, Token
from emotui.support.errors import EmotuiError
from emotui.support.text import clean

_STATUS = {
    "stop": Status.COMPLETE,
    "length": Status.COMPLETE,
    "stopped": Status.STOPPED,
    "error": Status.FAILED,
}


class Turn:
    """Receives one answer; `answer.text` grows as it is stored."""

    def __init__(
        self, store: ConversationStore, answer: ChatMessage, tell: Callable[[ChatEvent], None]
    ) -> None:
        self.answer = answer
        self.tokens = 0
        """Tokens received so far, as the engine counts them."""
        self._store = store
        self._tell = tell
        self._arrived: list[Token] = []
        self._unsaved: list[str] = []
        self._wake = asyncio.Event()
        self._done: Done | None = None

    async def receive(self, stream: AsyncIterator[Token | Done]) -> Ending:
        """Take the whole answer and return how it ended.

        Raises what the engine raises; what arrived before is stored and told by then.
        """
        reader = asyncio.create_task(self._read(stream))
        reader.add_done_callback(lambda _task: self._wake.set())
        try:
            while not reader.done() or self._arrived:
                await self._wake.wait()
                self._wake.clear()
                await self._pass_on()
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, EmotuiError, OSError):
                await reader
        reader.result()
        return _ending(self._done)

    async def save_ending(self, ending: Ending) -> None:
        """Store how the answer ended, with all that could not be stored before."""
        await self._pass_on()  # what arrived while the answer was being cut short
        self.answer.ending = ending
        if not self.answer.id:
            return
        try:
            if self._unsaved:
                await self._write()
            await asyncio.to_thread(self._store.finish, self.answer.id, ending)
        except EmotuiError as error:
            self._tell(NotSaved(error.message))

    async def _read(self, stream: AsyncIterator[Token | Done]) -> None:
        async for event in stream:
            if isinstance(event, Done):
                self._done = event
                return
            self._arrived.append(event)
            self._wake.set()

    async def _pass_on(self) -> None:
        batch, self._arrived = self._arrived, []
        if not batch:
            return
        text = "".join(clean(token.text) for token in batch)
        try:
            if text:
                await self._save(text)
        finally:  # cut short, it is stored too
            self.tokens = batch[-1].n
            self.answer.text += text
            self._tell(Delta(text, self.tokens))

    async def _save(self, text: str) -> None:
        """Store a delta; when that fails it is kept for later, and shown all the same."""
        if not self.answer.id:
            return
        failed_before = bool(self._unsaved)
        self._unsaved.append(text)
        try:
            await self._write()
        except EmotuiError as error:
            if not failed_before:
                self._tell(NotSaved(error.message))

    async def _write(self) -> None:
        """Store what is not stored yet.

        A thread cannot be called back: cut short, this waits for it all the same, since what it
        stores must not be stored again.
        """
        texts = tuple(self._unsaved)
        writing = asyncio.create_task(
            asyncio.to_thread(self._store.append, self.answer.id, texts), name="chat-store"
        )
        try:
            await asyncio.shield(writing)
        finally:
            await asyncio.wait([writing])
            if writing.exception() is None:
                self._unsaved = []


def _ending(done: Done | None) -> Ending:
    if done is None:
        return Ending(Status.FAILED)
    return Ending(
        status=_STATUS[done.finish_reason],
        finish_reason=done.finish_reason,
        tokens=done.tokens,
        seconds=done.seconds,
        first_token_seconds=done.first_token_seconds,
        reason=clean(done.error or ""),
    )
