"""The command line as a whole: its streams, its errors, its help."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from emotui.cli.root import COMMANDS, LazyGroup, run
from emotui.jobs.job import JobSpec
from emotui.operations.services import open_services

CLOSED = (
    "import os, sys; [os.close(int(n)) for n in sys.argv[1]]; os.execv(sys.argv[2], sys.argv[2:])"
)
"""Closes the standard streams that are named by their numbers and becomes the command."""
EMOTUI = (sys.executable, "-m", "emotui")


def with_closed(numbers: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CLOSED, numbers, *EMOTUI, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("numbers", ["0", "1", "01", "2", "012"])
def test_closed_standard_streams_are_no_fault(numbers: str, sealed_home: Path) -> None:
    for arguments in (["jobs"], ["check"], []):
        ended = with_closed(numbers, *arguments)
        assert "fault of its own" not in ended.stderr
        assert ended.returncode in (0, 1)
    assert not (sealed_home / "emotui" / "state" / "logs").exists()


def test_chat_with_closed_input_says_that_there_is_no_message(tmp_path: Path) -> None:
    ended = with_closed("0", "chat", str(tmp_path))
    assert (ended.returncode, ended.stderr) == (2, "Error: The message is empty.\n")


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["completion", "bash"]])
def test_a_full_disk_behind_the_output_is_told_without_a_traceback(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*EMOTUI, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, "Error: No space left on device\n")


def test_a_reader_that_has_gone_is_no_fault() -> None:
    for arguments in (["--version"], ["--help"]):
        process = subprocess.Popen(
            [*EMOTUI, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == ""
        process.stderr.close()


def test_a_misspelt_command_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cofnig"]) == 2
    assert "There is no command cofnig; did you mean config?" in capsys.readouterr().err
    assert run(["jobs", "xyz"]) == 2
    assert "There are: cancel, list, logs, remove, show, wait." in capsys.readouterr().err


def test_json_before_the_command_is_refused_instead_of_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["jobs", "--json", "list"]) == 2
    assert "emotui jobs list --json" in capsys.readouterr().err


def test_what_is_wrong_with_the_settings_is_told_by_every_command(
    sealed_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sealed_home / "emotui" / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[app\n")
    assert run(["jobs", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "[]\n"
    assert printed.err.startswith(f"{file} cannot be read: ")
    file.write_text('[app]\nlanguage = "klingon"\n')
    assert run(["jobs"]) == 0
    assert "app.language is 'klingon', but must be: en, zh_CN." in capsys.readouterr().err


def test_a_home_that_cannot_be_used_is_named_with_what_to_do(
    sealed_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sealed_home / "emotui").write_text("a file in the way")
    assert run(["jobs"]) == 1
    told = capsys.readouterr().err
    assert f"EmoTUI cannot use {sealed_home / 'emotui' / 'state' / 'jobs'}: Not a directory" in told
    assert "EMOTUI_HOME" in told
    assert "Errno" not in told


def every_command() -> list[tuple[str, click.Command]]:
    root = LazyGroup()
    found: list[tuple[str, click.Command]] = []
    for name in COMMANDS:
        command = root.get_command(click.Context(root), name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {each}", below) for each, below in command.commands.items()]
    return found


def test_the_help_of_every_command_shows_an_example_of_it() -> None:
    for name, command in every_command():
        assert f"emotui {name}" in (command.epilog or ""), name


def test_a_current_folder_that_is_gone_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert run(["config", "show", "ws"]) == 1
    assert "The current folder does not exist any more." in capsys.readouterr().err


def test_a_name_that_the_settings_cannot_hold_is_refused(
    tmp_path: Path, sealed_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd\udcff"
    odd.mkdir()
    assert run(["models", "add", str(odd)]) == 2
    assert "config.toml holds UTF-8 text only" in capsys.readouterr().err
    assert not (sealed_home / "emotui" / "config" / "config.toml").exists()


def offered(words: str) -> list[str]:
    """Return what the shell would offer for the last of the words."""
    count = len(words.split(" ")) - 1
    environ = os.environ | {
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
        "_EMOTUI_COMPLETE": "bash_complete",
    }
    ended = subprocess.run(
        ["emotui"],
        executable=str(Path(sys.executable).with_name("emotui")),
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.split()]


def test_the_shell_completes_commands_jobs_and_keys(tmp_path: Path) -> None:
    store = open_services().jobs
    job = store.create(JobSpec("convert", "a -> b", ("true",), tmp_path))
    file = tmp_path / "config.ini"
    file.write_text("[llama]\nquant_policy = 0\nsession_len = 8\n")
    assert offered("emotui jo") == ["jobs"]
    assert offered("emotui jobs c") == ["cancel"]
    assert offered(f"emotui jobs show {job.id[:8]}") == [job.id]
    assert offered(f"emotui jobs show {job.id} ") == []
    assert offered(f"emotui config get {file} se") == ["session_len"]
    assert offered(f"emotui config set {file} qu") == ["quant_policy="]
    assert offered("emotui config get /nowhere qu") == []
