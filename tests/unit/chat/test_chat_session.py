"""A session: what it stores, what it tells, and how it takes the death of its engine.

The client and the worker are the real ones; only the model follows a script.
"""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest
from waiting import happens

from emotui.chat.conversation import Conversation, Status
from emotui.chat.events import ChatEvent, Delta, NotSaved, State
from emotui.chat.session import ChatSession
from emotui.chat.store import ConversationStore
from emotui.engine.client import EngineClient, EngineDied, EngineSpec, Sampling
from emotui.support.errors import RefusedError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
WORKER = Path(__file__).resolve().parents[2] / "doubles" / "scripted_worker.py"


def talk() -> Conversation:
    return Conversation("/models/tiny", "transformers", NOW, NOW)


@asynccontextmanager
async def session_in(
    folder: Path, store: ConversationStore | None = None, **env: str
) -> AsyncIterator[ChatSession]:
    spec = EngineSpec("transformers", Path(sys.executable), folder, env=env)
    session = ChatSession(
        store or ConversationStore(folder / "c.sqlite3"),
        talk(),
        lambda: EngineClient(spec, folder / "logs" / "engine.log", worker=WORKER),
        Sampling(max_tokens=100_000),
    )
    try:
        yield session
    finally:
        await session.close()


async def collect(session: ChatSession, question: str) -> list[ChatEvent]:
    return [event async for event in session.send(question)]


def text_of(events: list[ChatEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def test_an_answer_is_told_and_stored_with_its_figures(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        events = await collect(session, "count 50")

        answer = session.conversation.messages[-1]
        assert text_of(events) == answer.text == "".join(f"{n} " for n in range(1, 51))
        assert answer.status is Status.COMPLETE
        assert (answer.ending.finish_reason, answer.ending.tokens) == ("stop", 50)
        assert answer.ending.seconds is not None
        stored = ConversationStore(tmp_path / "c.sqlite3").get(session.conversation.id)
        assert stored.messages[-1].text == answer.text
        assert stored.messages[-1].ending == answer.ending


async def test_every_delta_is_stored_before_it_is_told(tmp_path: Path) -> None:
    other = ConversationStore(tmp_path / "c.sqlite3")
    told = ""
    async with session_in(tmp_path) as session:

        def look(event: ChatEvent) -> None:
            nonlocal told
            if isinstance(event, Delta):
                told += event.text
                assert other.get(session.conversation.id).messages[-1].text.startswith(told)

        session.observe(look)
        await collect(session, "count 200")
    assert told


async def test_the_history_is_sent_each_turn_with_the_system_prompt(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        session.conversation.system = "Be brief."
        await collect(session, "echo hello")
        events = await collect(session, "history")

    assert text_of(events) == "Be brief.|echo hello|hello|history"


async def test_stopping_keeps_what_arrived_and_the_engine_answers_again(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        session.ask("forever")
        await happens(lambda: session.turn and session.turn.tokens > 5)
        await session.stop()
        await happens(lambda: not session.busy)

        answer = session.conversation.messages[-1]
        assert answer.status is Status.STOPPED
        assert answer.text.startswith("more more")
        assert text_of(await collect(session, "echo again")) == "again"


async def test_an_engine_that_does_not_stop_is_killed_by_the_second_stop(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        session.ask("deaf")
        await happens(lambda: session.turn and session.turn.tokens > 5)
        first = asyncio.create_task(session.stop())
        await happens(lambda: session.state is State.STOPPING)
        await session.stop()
        await first
        await happens(lambda: not session.busy)

        assert session.state is State.DEAD
        assert session.conversation.messages[-1].status is Status.FAILED
        assert session.conversation.messages[-1].text.startswith("more")


async def test_a_dying_engine_says_why_and_the_conversation_goes_on(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        await collect(session, "die 3 RuntimeError: CUDA out of memory")

        answer = session.conversation.messages[-1]
        assert (answer.text, answer.status) == ("dying dying dying ", Status.FAILED)
        assert "CUDA out of memory" in answer.ending.reason
        assert session.state is State.DEAD
        assert "CUDA out of memory" in session.last_words

        await session.restart()
        assert session.state is State.READY
        events = await collect(session, "history")
    assert text_of(events).startswith("die 3 RuntimeError: CUDA out of memory|dying dying")


async def test_asking_a_dead_engine_starts_it_again(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        await collect(session, "die 0 gone")

        assert text_of(await collect(session, "echo back")) == "back"


async def test_an_engine_that_dies_between_answers_is_noticed(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        await session.load()
        assert session._engine is not None
        session._engine.kill()
        await happens(lambda: session.state is State.DEAD)

        assert "SIGKILL" in session.last_words


async def test_an_error_of_the_engine_fails_the_answer_and_nothing_else(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        await collect(session, "fail the tensors \x1b[31mdisagree")

        answer = session.conversation.messages[-1]
        assert answer.status is Status.FAILED
        assert answer.ending.reason == "RuntimeError: the tensors disagree"
        assert session.state is State.READY


async def test_a_model_that_cannot_be_loaded_fails_the_question_with_the_reason(
    tmp_path: Path,
) -> None:
    async with session_in(tmp_path, EMOTUI_SCRIPT_LOAD="fail") as session:
        with pytest.raises(EngineDied, match="the weights are not there"):
            await session.load()
        assert session.state is State.DEAD

        await collect(session, "echo x")
        assert "the weights are not there" in session.conversation.messages[-1].ending.reason


async def test_a_question_waits_for_the_loading_engine_and_can_be_stopped(tmp_path: Path) -> None:
    async with session_in(tmp_path, EMOTUI_SCRIPT_LOAD="hang") as session:
        session.ask("echo x")
        await happens(lambda: session.phase == "import")
        await session.stop()

        assert session.conversation.messages[-1].status is Status.STOPPED
        assert session.state is State.LOADING


async def test_one_answer_at_a_time(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        session.ask("forever")
        with pytest.raises(RefusedError):
            session.ask("echo x")
        with pytest.raises(RefusedError):
            session.converse(talk())


async def test_another_conversation_keeps_the_engine(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        await collect(session, "echo one")
        first, engine = session.conversation, session._engine
        session.converse(talk())
        events = await collect(session, "history")

        assert text_of(events) == "history"
        assert session.conversation.id != first.id
        assert session._engine is engine


async def test_closing_in_the_middle_marks_the_answer_and_leaves_no_process(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        session.ask("forever")
        await happens(lambda: session.turn and session.turn.tokens > 5)
        assert session._engine is not None
        pid = session._engine._process._pid  # type: ignore[union-attr]
        await session.close()

        assert session.state is State.CLOSED
        assert not Path(f"/proc/{pid}").exists()
        with pytest.raises(RefusedError):
            session.ask("echo x")
    (summary,) = ConversationStore(tmp_path / "c.sqlite3").list()
    stored = ConversationStore(tmp_path / "c.sqlite3").get(summary.id)
    assert stored.messages[-1].status is Status.INTERRUPTED
    assert stored.messages[-1].text.startswith("more")


class WaitingStore(ConversationStore):
    """The store on a disk that takes its time: nothing is written until it is let go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked = threading.Event()
        self.goes_on = threading.Event()

    def append(self, message_id: int, deltas: Sequence[str]) -> None:
        self.asked.set()
        assert self.goes_on.wait(20)
        super().append(message_id, deltas)


async def test_an_answer_that_is_cut_short_while_it_is_stored_is_stored_once(
    tmp_path: Path,
) -> None:
    store = WaitingStore(tmp_path / "c.sqlite3")
    async with session_in(tmp_path, store) as session:
        session.ask("count 50")
        await happens(store.asked.is_set)
        closing = asyncio.create_task(session.close())
        for _step in range(5):  # until the end of the answer has reached the one who stores
            await asyncio.sleep(0)
        store.goes_on.set()
        await closing

        answer = session.conversation.messages[-1]
        assert answer.text
        assert "".join(f"{n} " for n in range(1, 51)).startswith(answer.text)
        stored = store.get(session.conversation.id).messages[-1]
        assert (stored.text, stored.status) == (answer.text, Status.INTERRUPTED)


async def test_a_store_that_cannot_be_written_is_reported_and_the_answer_shown(
    tmp_path: Path,
) -> None:
    (tmp_path / "c.sqlite3").mkdir()
    async with session_in(tmp_path) as session:
        events = await collect(session, "echo hello")

    assert [event for event in events if isinstance(event, NotSaved)]
    assert text_of(events) == "hello"
    assert session.conversation.messages[-1].status is Status.COMPLETE


async def test_a_store_that_fails_for_a_while_gets_everything_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotui.chat.database.BUSY_TIMEOUT_S", 0.02)
    store = ConversationStore(tmp_path / "c.sqlite3")
    async with session_in(tmp_path, store) as session:
        events: list[ChatEvent] = []
        session.observe(events.append)
        session.ask("forever")
        await happens(lambda: session.turn and session.turn.tokens > 5)
        other = ConversationStore(tmp_path / "c.sqlite3")
        with other._transaction():
            await happens(lambda: any(isinstance(event, NotSaved) for event in events))
        await session.stop()
        await happens(lambda: not session.busy)

        stored = other.get(session.conversation.id).messages[-1]
        assert stored.text == session.conversation.messages[-1].text
        assert stored.status is Status.STOPPED


async def test_what_a_model_says_is_cleaned_before_it_is_stored_or_told(tmp_path: Path) -> None:
    evil = tmp_path / "evil.txt"
    evil.write_bytes(
        b"a\x1b]52;c;ZXZpbA==\x07b\x1b[2Jc\x9b31m\xe2\x80\xaed\x00[bold]e[/]\x1bPq\x1b\\f\xff\n\tg"
    )
    async with session_in(tmp_path) as session:
        events = await collect(session, f"write {evil}")

        answer = session.conversation.messages[-1]
        assert text_of(events) == answer.text
        assert not any(ord(char) < 32 and char != "\n" for char in answer.text)
        assert not any(0x7F <= ord(char) < 0xA0 for char in answer.text)
        assert "\u202e" not in answer.text
        assert "[bold]e[/]" in answer.text
        stored = ConversationStore(tmp_path / "c.sqlite3").get(session.conversation.id)
        assert stored.messages[-1].text == answer.text


async def test_an_observer_that_forgot_hears_nothing(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        heard: list[ChatEvent] = []
        session.observe(heard.append)()
        await collect(session, "echo x")
    assert heard == []


async def test_leaving_the_events_early_leaves_the_answer_running(tmp_path: Path) -> None:
    async with session_in(tmp_path) as session:
        async for event in session.send("count 300"):
            if isinstance(event, Delta):
                break
        await happens(lambda: not session.busy)

        assert session.conversation.messages[-1].text.endswith("300 ")
        assert os.path.exists(tmp_path / "c.sqlite3")
