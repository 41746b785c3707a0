"""`emotui chat` as scripts and people run it; the engine is real except for its model."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from doubles.scripted_worker import make_interpreter, make_model
from terminal_session import TerminalSession

from emotui.chat.conversation import Ending, Status
from emotui.chat.store import ConversationStore
from emotui.cli import root
from emotui.operations.chat import no_room, summary_of


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_interpreter(tmp_path_factory.mktemp("engine") / "lm")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def chat(python: Path, model: Path) -> list[str]:
    """The command line up to the message."""
    words = [sys.executable, "-m", "emotui", "chat", str(model)]
    return [*words, "--python", str(python), "--engine", "transformers"]


def run(
    argv: list[str], *more: str, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run([*argv, *more], capture_output=True, timeout=60, check=False, **given)


def events(output: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def store() -> ConversationStore:
    return ConversationStore(Path(os.environ["EMOTUI_HOME"]) / "data" / "conversations.sqlite3")


def test_the_answer_is_on_standard_output_and_the_figures_on_the_other(chat: list[str]) -> None:
    done = run(chat, "-m", "count 5")

    assert done.returncode == 0
    assert done.stdout == b"1 2 3 4 5 \n"
    assert b"5 tokens" in done.stderr
    assert b"tokens/s" in done.stderr


def test_json_gives_tokens_and_then_how_it_ended(chat: list[str]) -> None:
    done = run(chat, "-m", "count 20", "--json", "--max-tokens", "7")

    *tokens, last = events(done.stdout)
    assert done.returncode == 0
    assert done.stderr == b""
    assert {event["event"] for event in tokens} == {"token"}
    assert "".join(str(event["text"]) for event in tokens) == "1 2 3 4 5 6 7 "
    assert (last["event"], last["tokens"], last["finish_reason"]) == ("done", 7, "length")
    assert last["seconds"] >= last["first_token_seconds"] >= 0  # type: ignore[operator]


def test_the_answer_streams_as_it_arrives(chat: list[str]) -> None:
    with subprocess.Popen([*chat, "-m", "forever"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(20) == b"more more more more "
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 130
    assert rest.endswith(b"\n")


def test_ctrl_c_stops_the_answer_keeps_it_and_leaves_no_process(chat: list[str]) -> None:
    with subprocess.Popen(
        [*chat, "-m", "forever"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(20)
        (worker,) = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        errors = process.stderr.read()
        assert process.wait(20) == 130
    assert not worker.is_running()
    assert b"Traceback" not in errors
    assert b"Stopped" in errors
    (kept,) = store().list()
    answer = store().get(kept.id).messages[-1]
    assert answer.status is Status.STOPPED
    assert answer.text.startswith("more more")


def test_ctrl_c_ends_an_engine_that_is_loading(
    chat: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTUI_SCRIPT_LOAD", "hang")
    with subprocess.Popen(
        [*chat, "-m", "echo x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert b"importing" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(20) == 130


def test_an_engine_that_will_not_stop_is_killed(chat: list[str]) -> None:
    with subprocess.Popen(
        [*chat, "-m", "deaf"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.read(20)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(20) == 130


def test_an_engine_that_dies_leaves_its_last_words(chat: list[str]) -> None:
    done = run(chat, "-m", "die 2 RuntimeError: CUDA out of memory")

    assert done.returncode == 1
    assert done.stdout == b"dying dying \n"
    assert b"CUDA out of memory" in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_engine_that_dies_is_an_error_event(chat: list[str]) -> None:
    done = run(chat, "--json", "-m", "die 2 RuntimeError: CUDA out of memory")

    last = events(done.stdout)[-1]
    assert done.returncode == 1
    assert last["event"] == "error"
    assert "CUDA out of memory" in str(last["message"])


def test_the_message_comes_from_standard_input_whatever_its_bytes(chat: list[str]) -> None:
    done = run(chat, "-m", "-", stdin=b"echo \xff\xfe ok\n")
    assert done.stdout.decode() == "\ufffd\ufffd ok\n"

    done = run(chat, stdin="echo 你好".encode())
    assert done.stdout.decode() == "你好\n"


def test_what_the_model_says_cannot_act_on_the_terminal(chat: list[str], tmp_path: Path) -> None:
    evil = tmp_path / "evil"
    evil.write_bytes(b"a\x1b]52;c;ZXZpbA==\x07b\x1b[2Jc\xc2\x9b31m\xe2\x80\xaed\x00[/]\rz")

    for more in ((), ("--json",)):
        out = run(chat, "-m", f"write {evil}", *more).stdout.decode()
        assert "[/]" in out
        assert not any(ord(char) < 32 and char != "\n" for char in out)
        assert not any(0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in out)


def test_system_prompt_and_earlier_messages_are_told(chat: list[str]) -> None:
    run(chat, "--system", "Be kind.", "-m", "echo one")
    (kept,) = store().list()

    argv = [sys.executable, "-m", "emotui", "chat", "--continue", kept.id, "--python", chat[6]]
    done = run(argv, "-m", "history")

    assert done.stdout.decode() == "Be kind.|echo one|one|history\n"
    assert store().list()[0].messages == 4


def test_conversations_are_listed_and_deleted(chat: list[str]) -> None:
    run(chat, "-m", "echo one")
    run(chat, "-m", "echo two", "--no-save")
    emotui = [sys.executable, "-m", "emotui", "chat"]

    (kept,) = json.loads(run(emotui, "--list", "--json").stdout)
    assert kept["title"] == "echo one"
    assert kept["id"] in run(emotui, "--list").stdout.decode()

    assert run(emotui, "--delete", kept["id"]).returncode == 0
    assert run(emotui, "--delete", kept["id"]).returncode == 1
    assert json.loads(run(emotui, "--list", "--json").stdout) == []


@pytest.mark.parametrize(
    "wrong",
    [
        ["--temperature", "-0.1"],
        ["--temperature", "nan"],
        ["--max-tokens", "0"],
        ["--top-p", "0"],
        ["--top-p", "1.5"],
        ["--top-k", "-1"],
        ["--seed", "-1"],
        ["--session-len", "0"],
        ["--repetition-penalty", "0"],
        ["--max-tokens", "many"],
        ["--engine", "steam"],
        ["-m", "  "],
    ],
)
def test_a_value_that_is_not_allowed_ends_with_2(
    chat: list[str], wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = root.run([*chat[3:], "-m", "echo x", *wrong])

    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    assert said.err


def test_a_model_that_is_not_there_is_said_plainly(chat: list[str], tmp_path: Path) -> None:
    chat[4] = str(tmp_path / "absent")
    done = run(chat, "-m", "echo x")
    assert done.returncode == 1
    assert b"absent" in done.stderr

    done = run(chat, "-m", "echo x", "--json")
    (event,) = events(done.stdout)
    assert (done.returncode, event["event"]) == (1, "error")


def test_without_a_model_the_use_is_wrong() -> None:
    done = run([sys.executable, "-m", "emotui", "chat", "-m", "x"])

    assert done.returncode == 2
    assert b"MODEL" in done.stderr


@contextmanager
def at_a_terminal(argv: list[str]) -> Iterator[TerminalSession]:
    with TerminalSession(argv) as terminal:
        terminal.wait_for("Ready")
        yield terminal


def wait_for_prompt(terminal: TerminalSession) -> None:
    terminal.wait_until(
        lambda: bool(re.search(r"\n>\s*$", terminal.text())), "waited for the prompt"
    )


def test_lines_are_messages_on_a_terminal_and_exit_leaves(chat: list[str]) -> None:
    with at_a_terminal(chat) as terminal:
        terminal.send(b"echo first\r")
        terminal.wait_for("5 tokens")
        terminal.send(b"history\r")
        terminal.wait_for("echo first|first|history")
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(10) == 0


def test_ctrl_c_stops_an_answer_and_the_next_line_is_asked(chat: list[str]) -> None:
    with at_a_terminal(chat) as terminal:
        terminal.send(b"forever\r")
        terminal.wait_for("more more")
        terminal.send(b"\x03")
        terminal.wait_for("Stopped")
        terminal.send(b"echo again\r")
        terminal.wait_until(lambda: "\nagain" in terminal.text(), "the next answer")
        wait_for_prompt(terminal)
        terminal.send(b"\x04")
        assert terminal.wait_exit(10) == 0


def test_ctrl_c_at_the_prompt_leaves_with_130(chat: list[str]) -> None:
    with at_a_terminal(chat) as terminal:
        wait_for_prompt(terminal)
        terminal.send(b"\x03")
        try:
            status = terminal.wait_exit(4)
        except AssertionError:
            # Python's readline misses a signal in the moment between its prompt and its wait.
            terminal.send(b"\x03")
            status = terminal.wait_exit(10)
        assert status == 130
        assert "Traceback" not in terminal.text()


def test_a_byte_that_is_no_character_does_not_end_the_conversation(chat: list[str]) -> None:
    with at_a_terminal(chat) as terminal:
        wait_for_prompt(terminal)
        terminal.send(b"echo a\xffb\r")
        terminal.wait_for("tokens")
        terminal.send(b"/exit\r")
        assert terminal.wait_exit(10) == 0


def test_an_answer_that_had_no_room_is_no_success() -> None:
    full = Ending(Status.COMPLETE, finish_reason="length", tokens=0)
    cut = Ending(Status.COMPLETE, finish_reason="length", tokens=7)
    assert no_room(full)
    assert "--session-len" in str(summary_of(full))
    assert not no_room(cut)
    assert "Cut at the largest number" in str(summary_of(cut))
