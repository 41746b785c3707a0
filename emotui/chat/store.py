"""The conversations on disk: every received token is here before anybody sees it.

Each call is one transaction, short, and safe from any thread; several apps may have the same
database open. What is read back is cleaned, as all text from outside.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from emotui.chat.conversation import (
    ChatMessage,
    Conversation,
    ConversationSummary,
    Ending,
    Role,
    Status,
    clean_prompt,
    new_id,
    title_of,
)
from emotui.chat.database import open_database
from emotui.chat.writer import is_writing, writer_mark
from emotui.support.clock import Clock, SystemClock
from emotui.support.errors import EmotuiError, NotFoundError, UsageError
from emotui.support.language import N_, Message
from emotui.support.text import clean, clean_line

LIKE_ESCAPE = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_"})


class ConversationStore:
    """The conversations in one SQLite file; in memory, and forgotten, when the path is None.

    The file is opened by the first call that needs it.
    """

    def __init__(self, path: Path | None, clock: Clock | None = None) -> None:
        self.path = path
        self._problem: Message | None = None
        self._clock: Clock = clock or SystemClock()
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def begin_turn(
        self, conversation: Conversation, question: str
    ) -> tuple[ChatMessage, ChatMessage]:
        """Store a question and the empty answer to come, and return both.

        A conversation without an id is stored first and gets one. Its `messages` are left to
        whoever shows them.
        """
        now = self._clock.now()
        question = clean_prompt(question)
        with self._transaction() as database:
            if not conversation.id:
                conversation.title = title_of(question)
                conversation.id = self._insert(database, conversation, now)
            asked = self._add(database, conversation.id, Role.USER, question, now)
            answer = self._add(database, conversation.id, Role.ASSISTANT, "", now)
            self._touch(database, conversation.id, now)
        conversation.updated = now
        return asked, answer

    def append(self, message_id: int, deltas: Sequence[str]) -> None:
        """Store what an answer received, in one transaction; durable against any crash of ours."""
        with self._transaction() as database:
            database.execute(
                "INSERT INTO chunks (message, number, text) SELECT ?1, "
                "1 + coalesce((SELECT max(number) FROM chunks WHERE message = ?1), 0), ?2",
                (message_id, "".join(deltas)),
            )

    def finish(self, message_id: int, ending: Ending) -> None:
        """Store how an answer ended, and join its chunks into its text."""
        now = self._clock.now()
        with self._transaction() as database:
            database.execute(
                "UPDATE messages SET text = ?, status = ?, writer = '', finish_reason = ?, "
                "tokens = ?, seconds = ?, first_token_seconds = ?, reason = ? WHERE id = ?",
                (
                    _text_of(database, message_id),
                    ending.status.value,
                    ending.finish_reason,
                    ending.tokens,
                    ending.seconds,
                    ending.first_token_seconds,
                    ending.reason,
                    message_id,
                ),
            )
            database.execute("DELETE FROM chunks WHERE message = ?", (message_id,))
            database.execute(
                "UPDATE conversations SET updated = ? "
                "WHERE id = (SELECT conversation FROM messages WHERE id = ?)",
                (_stamp(now), message_id),
            )

    def list(self, limit: int = 500) -> list[ConversationSummary]:
        """Return the conversations, the one last written to first."""
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id, title, model, engine, created, updated, "
                "(SELECT count(*) FROM messages WHERE conversation = conversations.id) "
                "FROM conversations ORDER BY updated DESC, id DESC LIMIT ?",
                (limit,),
            ).fetchall()
            return [_summary(row) for row in rows]

    def get(self, id_or_prefix: str) -> Conversation:
        """Return one conversation with all its messages; a unique beginning of its id will do.

        Raises `NotFoundError`, and `UsageError` when several begin like that.
        """
        with self._transaction() as database:
            conversation_id = _resolve(database, id_or_prefix)
            row = database.execute(
                "SELECT model, engine, created, updated, title, system FROM conversations "
                "WHERE id = ?",
                (conversation_id,),
            ).fetchone()
            messages = [
                _message(database, entry)
                for entry in database.execute(
                    "SELECT id, role, text, created, status, writer, finish_reason, tokens, "
                    "seconds, first_token_seconds, reason FROM messages "
                    "WHERE conversation = ? ORDER BY id",
                    (conversation_id,),
                ).fetchall()
            ]
            return Conversation(
                model=row[0],
                engine=clean_line(row[1]),
                created=_moment(row[2]),
                updated=_moment(row[3]),
                id=conversation_id,
                title=clean_line(row[4]),
                system=row[5],
                messages=messages,
            )

    def delete(self, id_or_prefix: str) -> str:
        """Remove a conversation with everything in it; return its id.

        Raises `NotFoundError`, and `UsageError` when several begin like that.
        """
        with self._transaction() as database:
            conversation_id = _resolve(database, id_or_prefix)
            database.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
        return conversation_id

    def take_problem(self) -> Message | None:
        """Return, once, what opening the file met and the user should know."""
        problem, self._problem = self._problem, None
        return problem

    def close(self) -> None:
        """Close the file; a later call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None:
                    self._connection, self._problem = open_database(self.path, self._clock.now())
                database = self._connection
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                    database.execute("COMMIT")
                except BaseException:
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                # The last two are of a damaged row.
                raise StoreError(
                    N_("The conversations in {path} cannot be used: {error}."),
                    path=self.path or "",
                    error=error,
                ) from error

    def _insert(
        self, database: sqlite3.Connection, conversation: Conversation, now: datetime
    ) -> str:
        conversation_id = new_id(now)
        database.execute(
            "INSERT INTO conversations (id, title, model, engine, system, created, updated) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                conversation_id,
                conversation.title,
                conversation.model,
                conversation.engine,
                conversation.system,
                _stamp(conversation.created),
                _stamp(now),
            ),
        )
        return conversation_id

    def _add(
        self, database: sqlite3.Connection, conversation: str, role: Role, text: str, now: datetime
    ) -> ChatMessage:
        status = Status.STREAMING if role is Role.ASSISTANT else Status.COMPLETE
        mark = writer_mark() if status is Status.STREAMING else ""
        cursor = database.execute(
            "INSERT INTO messages (conversation, role, text, status, created, writer) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (conversation, role.value, text, status.value, _stamp(now), mark),
        )
        assert cursor.lastrowid is not None
        return ChatMessage(cursor.lastrowid, role, text, now, Ending(status))

    def _touch(self, database: sqlite3.Connection, conversation: str, now: datetime) -> None:
        database.execute(
            "UPDATE conversations SET updated = ? WHERE id = ?", (_stamp(now), conversation)
        )


class StoreError(EmotuiError):
    """The database cannot be read or written just now."""


def _resolve(database: sqlite3.Connection, id_or_prefix: str) -> str:
    pattern = id_or_prefix.translate(LIKE_ESCAPE) + "%"
    rows = database.execute(
        "SELECT id FROM conversations WHERE id LIKE ? ESCAPE '\\' LIMIT 2", (pattern,)
    ).fetchall()
    if not rows or not id_or_prefix:
        raise NotFoundError("There is no conversation {id}.", id=id_or_prefix)
    if len(rows) > 1:
        raise UsageError(
            "Several conversations begin with {id}; give more of the one you mean.",
            id=id_or_prefix,
        )
    return str(rows[0][0])


def _text_of(database: sqlite3.Connection, message_id: int) -> str:
    stored = database.execute("SELECT text FROM messages WHERE id = ?", (message_id,)).fetchone()
    chunks = database.execute(
        "SELECT text FROM chunks WHERE message = ? ORDER BY number", (message_id,)
    )
    return (stored[0] if stored else "") + "".join(chunk[0] for chunk in chunks)


def _summary(row: Sequence[Any]) -> ConversationSummary:
    identity, title, model, engine, created, updated, messages = row
    return ConversationSummary(
        id=identity,
        title=clean_line(title),
        model=clean_line(model),
        engine=clean_line(engine),
        created=_moment(created),
        updated=_moment(updated),
        messages=messages,
    )


def _message(database: sqlite3.Connection, row: Sequence[object]) -> ChatMessage:
    """Read a message; a streaming one whose writer has gone is an interrupted one."""
    identity, role, text, created, status, writer, finish, tokens, seconds, first, reason = row
    ending = Ending(
        Status(status),
        finish_reason=finish,  # type: ignore[arg-type]
        tokens=tokens,  # type: ignore[arg-type]
        seconds=seconds,  # type: ignore[arg-type]
        first_token_seconds=first,  # type: ignore[arg-type]
        reason=clean(str(reason)),
    )
    if ending.status is Status.STREAMING:
        text = _text_of(database, int(str(identity)))
        if not is_writing(str(writer)):
            ending = Ending(Status.INTERRUPTED)
    cleaned = clean_prompt(str(text)) if role == Role.USER else clean(str(text))
    return ChatMessage(int(str(identity)), Role(role), cleaned, _moment(str(created)), ending)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
