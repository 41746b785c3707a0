"""What survives when something is killed, full, locked or broken in the middle of an answer."""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import psutil
import pytest
from doubles import scripted_worker
from doubles.scripted_worker import make_interpreter, make_model
from terminal_session import EMOTUI, TerminalSession

from emotui.chat.conversation import Conversation, Ending, Status
from emotui.chat.events import State
from emotui.chat.session import ChatSession
from emotui.chat.store import ConversationStore
from emotui.engine.client import EngineClient, EngineSpec, Sampling
from emotui.support.errors import EmotuiError

HOLDER = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(60)
"""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_interpreter(tmp_path_factory.mktemp("engine") / "lm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def chat(python: Path, model: Path) -> list[str]:
    words = [sys.executable, "-m", "emotui", "chat", str(model), "--max-tokens", "1000000"]
    return [*words, "--python", str(python), "--engine", "transformers"]


def database() -> Path:
    return Path(os.environ["EMOTUI_HOME"]) / "data" / "conversations.sqlite3"


def until(happened: Callable[[], object], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def kill_while_it_answers(chat: list[str], moment: random.Random) -> None:
    """Kill `emotui chat` in the middle of an answer; check what it left behind."""
    with subprocess.Popen([*chat, "-m", "count 1000000"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        shown = process.stdout.read(moment.randrange(10, 3000))
        (worker,) = psutil.Process(process.pid).children()
        process.kill()
        shown += process.stdout.read()
        process.wait(10)
    until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 2.0)

    store = ConversationStore(database())
    answer = store.get(store.list()[0].id).messages[-1]
    store.close()
    assert answer.text.startswith(shown.decode())
    assert answer.status is Status.INTERRUPTED


def test_a_kill_in_the_middle_of_an_answer_loses_no_token_that_was_shown(chat: list[str]) -> None:
    moment = random.Random(20240221)
    for _ in range(6):
        kill_while_it_answers(chat, moment)


@pytest.mark.long
def test_many_kills_in_the_middle_of_an_answer_lose_no_token(chat: list[str]) -> None:
    moment = random.Random(7)
    for _ in range(200):
        kill_while_it_answers(chat, moment)


@contextmanager
def the_app_answering(python: Path, model: Path) -> Iterator[TerminalSession]:
    """The app in a terminal, in the middle of an answer of numbers."""
    settings = Path(os.environ["EMOTUI_HOME"]) / "config" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[lmdeploy]\npython = "{python}"\n[models]\nfolders = ["{model}"]\n')
    with TerminalSession(EMOTUI, columns=100, rows=30) as terminal:
        terminal.wait_for("Environment")
        terminal.press("f6")
        terminal.wait_for("Talk to a model")
        terminal.press("o")
        terminal.wait_for("Its folder")
        terminal.send(str(model).encode() + b"\r")
        terminal.wait_for("Ready on", 30)
        terminal.send(b"climb\r")
        terminal.wait_until(lambda: highest_shown(terminal) >= 40, "waited for 40 in the answer")
        yield terminal


def highest_shown(terminal: TerminalSession) -> int:
    """The last number of the answer; the line above it counts tokens and may be ahead."""
    _above, _, answer = terminal.text().partition("climb")
    numbers = re.findall(r"\b\d+\b", answer.split("Enter sends")[0])
    return max(map(int, numbers), default=0)


def test_the_app_killed_in_the_middle_of_an_answer_has_stored_what_it_showed(
    python: Path, model: Path
) -> None:
    with the_app_answering(python, model) as terminal:
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.wait_exit(5)
        highest = highest_shown(terminal)

    store = ConversationStore(database())
    (kept,) = store.list()
    answer = store.get(kept.id).messages[-1]
    assert answer.status is Status.INTERRUPTED
    stored = [int(number) for number in answer.text.split()]
    assert stored == list(range(1, len(stored) + 1))
    assert len(stored) >= highest >= 40


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_the_middle_of_an_answer_ends_app_and_engine_in_time(
    python: Path, model: Path, number: signal.Signals
) -> None:
    with the_app_answering(python, model) as terminal:
        (worker,) = [
            child
            for child in terminal.process.children(recursive=True)
            if scripted_worker.__file__ in child.cmdline()
        ]
        terminal.process.send_signal(number)
        terminal.wait_exit()
        until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, 2.0)

    store = ConversationStore(database())
    answer = store.get(store.list()[0].id).messages[-1]
    assert answer.status is Status.INTERRUPTED
    assert answer.text.startswith("1 2 3 ")


def test_a_full_disk_loses_the_saving_and_not_the_answer(chat: list[str]) -> None:
    # Room for the file as it is created, not for the answer.
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, 90_000))

    done = subprocess.run(
        [*chat, "-m", "count 30000"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        preexec_fn=small,
    )
    assert done.returncode == 0
    assert done.stdout.decode().split() == [str(number) for number in range(1, 30_001)]
    assert b"cannot be used" in done.stderr
    assert b"Traceback" not in done.stderr


async def test_an_engine_that_hangs_is_ended_by_the_second_stop(tmp_path: Path) -> None:
    worker = Path(scripted_worker.__file__)
    spec = EngineSpec("transformers", Path(sys.executable), tmp_path)
    session = ChatSession(
        ConversationStore(tmp_path / "c.sqlite3"),
        Conversation("/m", "transformers", NOW, NOW),
        lambda: EngineClient(spec, tmp_path / "engine.log", worker=worker),
        Sampling(),
    )
    await session.load()
    asking = session.ask("forever")
    while session.turn is None or not session.turn.tokens:
        await asyncio.sleep(0.01)
    (process,) = [
        child for child in psutil.Process().children() if str(worker) in " ".join(child.cmdline())
    ]
    process.suspend()
    first = asyncio.create_task(session.stop())
    while session.state is not State.STOPPING:
        await asyncio.sleep(0.01)
    await session.stop()
    await asyncio.wait_for(asking, 5)
    await first

    assert session.state is State.DEAD
    assert session.conversation.messages[-1].text.startswith("more")
    assert not process.is_running()
    await session.close()


def fill(path: Path) -> None:
    store = ConversationStore(path)
    for number in range(20):
        conversation = Conversation("/m", "transformers", NOW, NOW)
        _asked, answer = store.begin_turn(conversation, f"question {number}")
        store.append(answer.id, ["word " * 200])
        if number % 2:
            store.finish(answer.id, Ending(Status.COMPLETE, "stop", 200, 1.0, 0.1))
    store.close()


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_end_nothing_and_delete_nothing(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "c.sqlite3"
    fill(path)
    chance = random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(chance.choice((1, 5, 50, 500))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(content)

    store = ConversationStore(path)
    try:
        for summary in store.list():
            store.get(summary.id)
    except EmotuiError:
        pass
    store.close()
    aside = list(tmp_path.glob("*.damaged-*"))
    whole = aside[0] if aside else path
    assert whole.read_bytes()[100:4000:97] == bytes(content)[100:4000:97]
    if aside:
        assert ConversationStore(path).list() == []


def test_an_app_that_opens_meanwhile_sees_an_answer_streaming_and_not_broken(
    chat: list[str],
) -> None:
    with subprocess.Popen([*chat, "-m", "forever"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read(20)
        store = ConversationStore(database())
        (kept,) = store.list()
        assert store.get(kept.id).messages[-1].status is Status.STREAMING
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.wait(10)
    assert store.get(kept.id).messages[-1].status is Status.STOPPED


def test_a_writer_that_is_killed_holding_the_lock_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    ConversationStore(path).list()
    child = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.wait()
    child.stdout.close()

    conversation = Conversation("/m", "transformers", NOW, NOW)
    ConversationStore(path).begin_turn(conversation, "question")
    assert sqlite3.connect(str(path)).execute("SELECT count(*) FROM messages").fetchone() == (2,)
