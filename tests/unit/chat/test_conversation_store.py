"""Conversations on disk: what is written is read back, whoever else writes."""

import os
import sqlite3
import stat
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotui.chat.conversation import ChatMessage, Conversation, Ending, Role, Status
from emotui.chat.database import open_database
from emotui.chat.schema import STEPS
from emotui.chat.store import ConversationStore, StoreError
from emotui.support.errors import BrokenFileError, NotFoundError, UsageError
from emotui.support.text import clean

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> ConversationStore:
    return ConversationStore(tmp_path / "data" / "conversations.sqlite3")


def begin(store: ConversationStore, conversation: Conversation, question: str) -> ChatMessage:
    _asked, answer = store.begin_turn(conversation, question)
    return answer


def talk() -> Conversation:
    return Conversation("/models/tiny", "transformers", NOW, NOW)


def test_a_finished_answer_is_read_back_whole(store: ConversationStore) -> None:
    conversation = talk()
    answer = begin(store, conversation, "Why?")
    store.append(answer.id, ["Be", "cause"])
    store.append(answer.id, ["."])
    ending = Ending(Status.COMPLETE, "stop", 3, 1.5, 0.25)
    store.finish(answer.id, ending)

    found = ConversationStore(store.path).get(conversation.id)

    assert [(m.role, m.text) for m in found.messages] == [
        (Role.USER, "Why?"),
        (Role.ASSISTANT, "Because."),
    ]
    assert found.messages[1].ending == ending
    assert found.title == "Why?"
    assert found.model == "/models/tiny"


def test_an_answer_is_streaming_while_its_writer_lives(store: ConversationStore) -> None:
    conversation = talk()
    answer = begin(store, conversation, "Why?")
    store.append(answer.id, ["Be"])

    found = ConversationStore(store.path).get(conversation.id)

    assert (found.messages[1].text, found.messages[1].status) == ("Be", Status.STREAMING)


def test_an_answer_whose_writer_has_gone_is_interrupted(store: ConversationStore) -> None:
    conversation = talk()
    child = os.fork()
    if child == 0:
        answer = begin(store, conversation, "Why?")
        store.append(answer.id, ["Be"])
        os._exit(0)
    os.waitpid(child, 0)

    (summary,) = store.list()
    found = store.get(summary.id)

    assert (found.messages[1].text, found.messages[1].status) == ("Be", Status.INTERRUPTED)


def test_the_list_begins_with_the_conversation_last_written_to(store: ConversationStore) -> None:
    first, second = talk(), talk()
    store.begin_turn(first, "first")
    store.begin_turn(second, "second")
    store.begin_turn(first, "again")

    assert [(row.title, row.messages) for row in store.list()] == [("first", 4), ("second", 2)]


def test_a_conversation_is_found_by_a_unique_beginning_of_its_id(store: ConversationStore) -> None:
    first, second = talk(), talk()
    store.begin_turn(first, "first")
    store.begin_turn(second, "second")

    assert store.get(first.id[:-1]).id == first.id
    with pytest.raises(UsageError):
        store.get(first.id[:4])
    for absent in ("", "nothing", "%", "_" * 22):
        with pytest.raises(NotFoundError):
            store.get(absent)


def test_deleting_removes_messages_and_chunks_too(store: ConversationStore) -> None:
    conversation = talk()
    answer = begin(store, conversation, "Why?")
    store.append(answer.id, ["Be"])
    store.delete(conversation.id)
    store.close()

    with sqlite3.connect(str(store.path)) as database:
        left = [
            database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("conversations", "messages", "chunks")
        ]
    database.close()
    assert left == [0, 0, 0]


def test_the_files_are_private_whatever_the_umask(store: ConversationStore) -> None:
    before = os.umask(0)
    try:
        store.begin_turn(talk(), "Why?")
    finally:
        os.umask(before)

    assert store.path is not None
    assert {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


def test_two_stores_write_at_once(store: ConversationStore) -> None:
    other = ConversationStore(store.path)
    ours, theirs = talk(), talk()
    ours_answer, theirs_answer = begin(store, ours, "a"), begin(other, theirs, "b")

    def write(where: ConversationStore, answer: int, letter: str) -> None:
        for _ in range(100):
            where.append(answer, [letter])

    threads = [
        threading.Thread(target=write, args=arguments)
        for arguments in ((store, ours_answer.id, "a"), (other, theirs_answer.id, "b"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.get(ours.id).messages[1].text == "a" * 100
    assert other.get(theirs.id).messages[1].text == "b" * 100


def test_a_store_without_a_path_keeps_nothing() -> None:
    store = ConversationStore(None)
    conversation = talk()
    store.finish(begin(store, conversation, "Why?").id, Ending(Status.COMPLETE))

    assert len(store.get(conversation.id).messages) == 2
    store.close()
    assert store.list() == []


@pytest.mark.parametrize(
    "damage",
    [b"this is no database, though it is long enough to be one" * 100, b"SQLite format 3\x00" * 9],
)
def test_a_damaged_database_is_put_aside_and_a_new_one_begun(
    store: ConversationStore, damage: bytes
) -> None:
    assert store.path is not None
    store.path.parent.mkdir()
    store.path.write_bytes(damage)

    conversation = talk()
    store.begin_turn(conversation, "Why?")

    (aside,) = store.path.parent.glob("*.damaged-*")
    assert aside.read_bytes() == damage
    assert aside.name in str(store.take_problem())
    assert store.take_problem() is None
    assert [row.id for row in store.list()] == [conversation.id]


def test_a_truncated_database_is_put_aside(store: ConversationStore) -> None:
    conversation = talk()
    answer = begin(store, conversation, "Why?")
    store.append(answer.id, ["x" * 50_000])
    store.close()
    assert store.path is not None
    store.path.write_bytes(store.path.read_bytes()[:-20_000])

    assert store.list() == []
    assert list(store.path.parent.glob("*.damaged-*"))


def test_a_locked_database_is_not_a_damaged_one(
    store: ConversationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotui.chat.database.BUSY_TIMEOUT_S", 0.05)
    store.list()
    store.close()
    holder = sqlite3.connect(str(store.path), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")

    from emotui.chat.store import StoreError

    with pytest.raises(StoreError):
        store.begin_turn(talk(), "Why?")
    holder.close()

    assert store.path is not None
    assert not list(store.path.parent.glob("*.damaged-*"))
    assert store.list() == []


def test_a_database_of_a_later_version_is_left_alone(store: ConversationStore) -> None:
    store.list()
    store.close()
    later = sqlite3.connect(str(store.path), isolation_level=None)
    later.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    later.close()

    with pytest.raises(BrokenFileError, match="later EmoTUI"):
        store.list()
    assert store.path is not None
    assert not list(store.path.parent.glob("*.damaged-*"))


def test_a_network_file_system_gets_a_rollback_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emotui.chat.database.is_local", lambda path: False)
    database, problem = open_database(tmp_path / "c.sqlite3", NOW)

    assert database.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert problem is None
    database.close()


@pytest.mark.parametrize("damage", ["updated = 'soon'", "created = x'00ff'"])
def test_a_damaged_row_is_told_as_what_it_is(store: ConversationStore, damage: str) -> None:
    conversation = talk()
    begin(store, conversation, "Why?")
    store.close()
    assert store.path is not None
    with sqlite3.connect(store.path) as database:
        database.execute(f"UPDATE conversations SET {damage}")
    database.close()

    with pytest.raises(StoreError):
        store.list()
    with pytest.raises(StoreError):
        store.get(conversation.id)


def test_what_a_manipulated_database_holds_is_cleaned(store: ConversationStore) -> None:
    conversation = talk()
    store.begin_turn(conversation, "Why?")
    with store._transaction() as database:
        database.execute(
            "UPDATE messages SET text = ?, reason = ?", ("\x1b]52;c;eA==\x07hi", "\x9b2J")
        )
        database.execute("UPDATE conversations SET title = ?", ("\x1b]0;title\x07\u202ename",))
        database.execute(
            "UPDATE messages SET text = CAST(x'ff41' AS TEXT) WHERE role = 'assistant'"
        )

    found = store.get(conversation.id)

    assert found.messages[0].text == "hi"
    assert found.messages[1].text.endswith("A")
    assert found.title == "\N{REPLACEMENT CHARACTER}name"
    assert store.list()[0].title == "\N{REPLACEMENT CHARACTER}name"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text().map(clean), max_size=8))
def test_an_answer_is_the_sum_of_its_deltas(deltas: list[str]) -> None:
    store = ConversationStore(None)
    conversation = talk()
    answer = begin(store, conversation, "Why?")
    for delta in deltas:
        store.append(answer.id, [delta])
    store.finish(answer.id, Ending(Status.COMPLETE))

    assert store.get(conversation.id).messages[1].text == "".join(deltas)
    store.close()
