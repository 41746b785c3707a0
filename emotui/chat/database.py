"""Opening the database of conversations: private, checked, migrated; a damaged one put aside.

One connection, used under a lock from whichever thread asks. Write-ahead logging only where
the file system is known to be local, a rollback journal elsewhere; `synchronous=NORMAL`, so a
commit survives the death of every process, and a power cut may cost the last moments.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from emotui.chat.filesystem import is_local
from emotui.chat.schema import migrate
from emotui.support.errors import BrokenFileError
from emotui.support.files import PRIVATE_FILE, make_private_folder
from emotui.support.language import Message, message

BUSY_TIMEOUT_S = 10.0
_OPENING_TIMEOUT_S = 15.0


def open_database(path: Path | None, now: datetime) -> tuple[sqlite3.Connection, Message | None]:
    """Return an open, current database and what the user must know about it, if anything.

    None as the path means a database in memory. Raises `OSError`, `sqlite3.Error` and, for one
    of a later version, `BrokenFileError`.
    """
    if path is None:
        return _connect(":memory:", local=True), None
    make_private_folder(path.parent)
    with _alone(path):
        try:
            return _open_file(path), None
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            # Exactly these mean "malformed" or "not a database" (or that even SQLite's message
            # about it quotes broken bytes); a lock, a full disk and everything else that may
            # pass have classes of their own.
            if type(error) not in (sqlite3.DatabaseError, UnicodeDecodeError):
                raise
            aside = _put_aside(path, now)
            note = message(
                "The conversations in {path} could not be read ({error}). The file was kept as "
                "{aside} and a new one begun.",
                path=path,
                error=error,
                aside=aside.name,
            )
            return _open_file(path), note


def _open_file(path: Path) -> sqlite3.Connection:
    _make_private(path)
    connection = _connect(str(path), local=is_local(path.parent))
    try:
        problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problem != "ok":
            raise sqlite3.DatabaseError(str(problem))
        return connection
    except BaseException:
        connection.close()
        raise


def _connect(name: str, *, local: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    connection.text_factory = _decode
    try:
        connection.execute(f"PRAGMA journal_mode = {'WAL' if local else 'DELETE'}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _decode(raw: bytes) -> str:
    """Read text that damage may have left broken: the rest of it is still worth showing."""
    return raw.decode("utf-8", errors="replace")


def _make_private(path: Path) -> None:
    """Create the file for the user alone; SQLite gives its companions the same mode."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, PRIVATE_FILE)
    finally:
        os.close(descriptor)


def _put_aside(path: Path, now: datetime) -> Path:
    """Rename a damaged database with its companions; return its new name."""
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%d-%H%M%S}")
    number = 1
    while aside.exists():
        number += 1
        aside = aside.with_name(f"{path.name}.damaged-{now:%Y%m%d-%H%M%S}-{number}")
    for companion in ("-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + companion).rename(aside.with_name(aside.name + companion))
    path.rename(aside)
    return aside


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time check and replace the database.

    Else a second one that saw the same damage would put the fresh file aside. Where the file
    system has no locks, there is none.
    """
    descriptor = os.open(
        path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE
    )
    try:
        deadline = time.monotonic() + _OPENING_TIMEOUT_S
        while not _locked(descriptor):
            if time.monotonic() > deadline:
                raise BrokenFileError(
                    "Another EmoTUI has been opening {path} for too long. Close it and try again.",
                    path=path,
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
