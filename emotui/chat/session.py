"""A chat session: one engine, one conversation at a time, and whoever observes them.

It belongs to no screen and runs on the event loop that loads it. Every token goes engine →
`clean` → store → observers, in that order. The death of the engine ends an answer, never the
session: the conversation stays, and `restart` brings the engine back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from emotui.chat.conversation import ChatMessage, Conversation, Ending, Role, Status, clean_prompt
from emotui.chat.events import Asked, ChatEvent, Ended, NotSaved, State, StateChanged
from emotui.chat.store import ConversationStore
from emotui.chat.turn import Turn
from emotui.engine.client import EngineClient
from emotui.engine.protocol import Loading, Ready, Sampling
from emotui.support.clock import Clock, SystemClock
from emotui.support.errors import EmotuiError, RefusedError
from emotui.support.text import clean

Observer = Callable[[ChatEvent], None]


class ChatSession:
    """Talks to one model. `connect` makes a fresh engine client, also after a death."""

    def __init__(
        self,
        store: ConversationStore,
        conversation: Conversation,
        connect: Callable[[], EngineClient],
        sampling: Sampling | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.conversation = conversation
        self.sampling = sampling or Sampling()
        self.state = State.NEW
        self.phase = ""
        """What the engine does while it loads, in its own word."""
        self.since = 0.0
        """When (monotonic) the engine began to load, or the answer was asked for."""
        self.ready: Ready | None = None
        self.last_words = ""
        """Why the engine has gone, cleaned; empty while it lives."""
        self.turn: Turn | None = None
        """The answer that is on its way; None between answers."""
        self._store = store
        self._connect = connect
        self._clock: Clock = clock or SystemClock()
        self._engine: EngineClient | None = None
        self._loader: asyncio.Task[None] | None = None
        self._guard: asyncio.Task[None] | None = None
        self._asking: asyncio.Task[None] | None = None
        self._begun = asyncio.Event()
        self._cut_short = Status.INTERRUPTED
        self._observers: list[Observer] = []

    @property
    def busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._asking is not None and not self._asking.done()

    @property
    def elapsed(self) -> float:
        """Seconds since the engine began to load, or the answer was asked for."""
        return self._clock.monotonic() - self.since

    # -- observing -----------------------------------------------------------------------

    def observe(self, observer: Observer) -> Callable[[], None]:
        """Call `observer` with every event from now on; return what ends that."""
        self._observers.append(observer)

        def forget() -> None:
            with contextlib.suppress(ValueError):
                self._observers.remove(observer)

        return forget

    async def send(self, text: str) -> AsyncIterator[ChatEvent]:
        """Ask, and yield what happens until the answer has ended.

        Whoever leaves early leaves the answer running; `stop` ends it.
        """
        events: asyncio.Queue[ChatEvent | None] = asyncio.Queue()
        forget = self.observe(events.put_nowait)
        try:
            asking = self.ask(text)
            asking.add_done_callback(lambda _task: events.put_nowait(None))
            while (event := await events.get()) is not None:
                yield event
            asking.result()
        finally:
            forget()

    # -- the engine ----------------------------------------------------------------------

    async def load(self) -> None:
        """Have the engine ready; several callers wait for one loading.

        Raises `EmotuiError` or `OSError` when it cannot be; the state is then "dead".
        """
        if self._engine is not None and self.ready is not None:
            return
        if self._loader is None or self._loader.done():
            self._loader = asyncio.create_task(self._load())
        await asyncio.shield(self._loader)

    async def restart(self) -> None:
        """Load the engine afresh, ending the old one and any answer of it."""
        await self._end_turn()
        await self._end_engine()
        await self.load()

    async def close(self) -> None:
        """End the answer, keeping its text, and the engine. Nothing can be asked afterwards."""
        await self._end_turn()
        await self._end_engine()
        self._enter(State.CLOSED)
        self._observers.clear()

    async def _load(self) -> None:
        self.phase, self.last_words, self.ready = "", "", None
        self.since = self._clock.monotonic()
        self._enter(State.LOADING)
        try:
            self._engine = self._connect()
            await self._engine.start()
            self.ready = await self._engine.load(self._loading)
        except (EmotuiError, OSError) as error:
            await self._died(error)
            raise
        self._guard = asyncio.create_task(self._watch(self._engine))
        self._enter(State.READY)

    async def _watch(self, engine: EngineClient) -> None:
        """Notice the death of an engine that nobody waits for."""
        error = await engine.wait_ended()
        if self._asking is not None:
            await asyncio.wait([self._asking])  # an answer that it ends tells the reason itself
        if self._engine is engine:
            await self._died(error)

    def _loading(self, event: Loading) -> None:
        self.phase = clean(event.phase)
        self._enter(State.LOADING)

    async def _died(self, error: Exception) -> None:
        self.last_words = clean(str(error))
        self.ready = None
        engine, self._engine = self._engine, None
        if engine is not None:
            with contextlib.suppress(EmotuiError, OSError):
                await engine.close()
        self._enter(State.DEAD)

    async def _end_engine(self) -> None:
        if self._loader is not None and not self._loader.done():
            self._loader.cancel()
            with contextlib.suppress(asyncio.CancelledError, EmotuiError, OSError):
                await self._loader
        engine, self._engine, self.ready = self._engine, None, None
        if engine is not None:
            with contextlib.suppress(EmotuiError, OSError):
                await engine.close()

    # -- the conversation ----------------------------------------------------------------

    def converse(self, conversation: Conversation) -> None:
        """Go on with another conversation; the engine stays loaded.

        Raises `RefusedError` while an answer is on its way.
        """
        if self.busy:
            raise RefusedError("An answer is on its way. Stop it first, or wait for its end.")
        self.conversation = conversation

    def ask(self, text: str) -> asyncio.Task[None]:
        """Ask the model; the answer comes as events, and the task ends with it.

        A loading engine is waited for, and a dead one is started again.

        Raises `RefusedError` while an answer is on its way or when the session is closed.
        """
        if self.busy or self.state is State.CLOSED:
            raise RefusedError("An answer is on its way. Stop it first, or wait for its end.")
        self._begun = asyncio.Event()
        self._asking = asyncio.create_task(self._ask(text))
        return self._asking

    async def stop(self) -> None:
        """End the answer where it stands; a second time, end an engine that does not obey."""
        if not self.busy:
            return
        if self.state is State.ANSWERING and self._engine is not None:
            self._enter(State.STOPPING)
            with contextlib.suppress(EmotuiError, OSError):
                await self._engine.stop()
        elif self.state is State.STOPPING and self._engine is not None:
            self._engine.kill()
        else:
            await self._end_turn(Status.STOPPED)

    async def _ask(self, text: str) -> None:
        conversation = self.conversation
        try:
            asked, answer = await self._begin(conversation, text)
        finally:
            self._begun.set()
        turn = self.turn = Turn(self._store, answer, self._tell)
        ending = Ending(Status.INTERRUPTED)
        try:
            conversation.messages += [asked, answer]
            self._tell(Asked(asked, answer))
            await self.load()
            assert self._engine is not None
            self.since = self._clock.monotonic()
            self._enter(State.ANSWERING)
            history = conversation.history()
            ending = await turn.receive(self._engine.generate(history, self.sampling))
            self._enter(State.READY)
        except asyncio.CancelledError:
            ending = Ending(self._cut_short)
        except (EmotuiError, OSError) as error:
            ending = Ending(Status.FAILED, "error", reason=clean(str(error)))
            if self.state is not State.DEAD:
                await self._died(error)
        finally:
            await turn.save_ending(ending)
            self.turn = None
            self._tell(Ended(turn.answer))

    async def _begin(
        self, conversation: Conversation, text: str
    ) -> tuple[ChatMessage, ChatMessage]:
        """Store the question; when that fails, say so and talk on without the store."""
        try:
            return await asyncio.to_thread(self._store.begin_turn, conversation, text)
        except EmotuiError as error:
            now = self._clock.now()
            asked = ChatMessage(0, Role.USER, clean_prompt(text), now)
            answer = ChatMessage(0, Role.ASSISTANT, "", now, Ending(Status.STREAMING))
            self._tell(NotSaved(error.message))
            return asked, answer

    async def _end_turn(self, status: Status = Status.INTERRUPTED) -> None:
        """Cut the answer short, here and not in the engine."""
        asking = self._asking
        if asking is None or asking.done():
            return
        await self._begun.wait()  # before that there is nothing that could be marked as ended
        self._cut_short = status
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking

    # -- telling -------------------------------------------------------------------------

    def _enter(self, state: State) -> None:
        self.state = state
        self._tell(StateChanged(state))

    def _tell(self, event: ChatEvent) -> None:
        for observer in tuple(self._observers):
            observer(event)
