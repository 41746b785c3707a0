"""The database of conversations: its tables, and the steps from each version to the next.

Version N is what the first N steps make; `PRAGMA user_version` holds it. A step that was
released is never changed: a new one is appended.
"""

from __future__ import annotations

import sqlite3

from emotui.support.errors import BrokenFileError

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE conversations (
            id TEXT PRIMARY KEY,
            title TEXT NOT NULL,
            model TEXT NOT NULL,
            engine TEXT NOT NULL,
            system TEXT,
            created TEXT NOT NULL,
            updated TEXT NOT NULL
        )""",
        "CREATE INDEX conversations_updated ON conversations (updated)",
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
            role TEXT NOT NULL,
            text TEXT NOT NULL,
            status TEXT NOT NULL,
            created TEXT NOT NULL,
            writer TEXT NOT NULL DEFAULT '',
            finish_reason TEXT,
            tokens INTEGER,
            seconds REAL,
            first_token_seconds REAL,
            reason TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE INDEX messages_conversation ON messages (conversation, id)",
        # What an answer received since it began; joined into its text when it ends.
        """CREATE TABLE chunks (
            message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
            number INTEGER NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (message, number)
        ) WITHOUT ROWID""",
    ),
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the newest version, one step a transaction.

    Raises `BrokenFileError` for a database of a later EmoTUI, which is left as it is.
    """
    while (version := _version(connection)) != len(STEPS):
        if version > len(STEPS):
            raise BrokenFileError(
                "The conversations were written by a later EmoTUI (their format is {found}, "
                "this one reads up to {known}). Update EmoTUI; nothing was changed.",
                found=version,
                known=len(STEPS),
            )
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _version(connection) == version:  # another app may have been faster
                for statement in STEPS[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
