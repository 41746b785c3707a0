"""`emotui models` as scripts and people run it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from doubles.model_folders import LLAMA_PARAMETERS, make_checkpoint, make_workspace

from emotui.cli.root import run
from emotui.support.text import cell_width

Output = pytest.CaptureFixture[str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a checkpoint and a workspace in it."""
    make_checkpoint(tmp_path / "llama")
    make_workspace(tmp_path / "workspace", packed=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [[], ["list"]])
def test_a_list_has_aligned_columns(here: Path, words: list[str], capsys: Output) -> None:
    assert run(["models", *words]) == 0

    title, first, second = capsys.readouterr().out.splitlines()

    assert title.split() == "NAME KIND ARCHITECTURE PARAMETERS WEIGHTS SIZE FOLDER".split()
    assert first.split()[:3] == ["llama", "hf", "LlamaForCausalLM"]
    assert second.split()[:2] == ["workspace", "workspace"]
    assert title.index("FOLDER") == first.index("/") == second.index("/")


def test_a_chinese_list_has_aligned_columns(
    here: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    (here / "llama").rename(here / "模型")

    assert run(["models"]) == 0

    title, *rows = capsys.readouterr().out.splitlines()
    assert title.split()[0] == "名称"
    assert {cell_width(line[: line.index("/")]) for line in rows} == {
        cell_width(title[: title.index("文件夹")])
    }


@pytest.mark.parametrize("words", [["list", "--json"], ["--json"]])
def test_a_list_in_json_holds_every_model(here: Path, words: list[str], capsys: Output) -> None:
    assert run(["models", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [model["path"] for model in document] == [str(here / "llama"), str(here / "workspace")]


def test_only_the_folders_that_are_named_are_listed(here: Path, capsys: Output) -> None:
    assert run(["models", str(here / "llama"), "--json"]) == 0
    assert [model["name"] for model in json.loads(capsys.readouterr().out)] == ["llama"]


def test_json_tells_everything_of_a_checkpoint(here: Path, capsys: Output) -> None:
    assert run(["models", "show", "llama", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)

    expected = {
        "path": str(here / "llama"),
        "kind": "hf",
        "architecture": "LlamaForCausalLM",
        "parameters": LLAMA_PARAMETERS,
        "dtype": "float16",
        "tokenizer": True,
        "chat_template": True,
        "layers": 2,
        "kv_heads": 2,
        "head_size": 4,
        "session_len": None,
        "quantization": None,
        "problems": [],
    }
    assert {name: document[name] for name in expected} == expected
    assert document["bytes"] > LLAMA_PARAMETERS * 2


def test_json_tells_everything_of_a_workspace(here: Path, capsys: Output) -> None:
    assert run(["models", "show", "workspace", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)

    assert (document["kind"], document["parameters"]) == ("workspace", LLAMA_PARAMETERS)
    assert (document["session_len"], document["tp"]) == (4104, 1)
    assert document["quantization"] == {"method": "awq", "bits": 4, "group_size": 8}
    assert document["config_file"].endswith("workspace/triton_models/weights/config.ini")


def test_a_person_reads_names_values_and_problems(here: Path, capsys: Output) -> None:
    (here / "llama" / "tokenizer.model").unlink()

    assert run(["models", "show", "llama"]) == 0

    output = capsys.readouterr().out
    assert "Kind             Hugging Face checkpoint" in output
    assert f"Folder           {here}/llama" in output
    assert "\nProblems\n  There is no tokenizer" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "nothing"], "nothing does not exist."),
        (["list", "nothing"], "nothing does not exist."),
        (["add", "nothing"], "nothing does not exist."),
        (["show", "."], "no model folder: it has neither a config.json"),
    ],
)
def test_what_is_no_model_fails_with_a_reason(
    here: Path, words: list[str], said: str, capsys: Output
) -> None:
    assert run(["models", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err


@pytest.mark.parametrize("words", [["show"], ["list", "--nope"], ["--nope"]])
def test_wrong_use_ends_with_2(here: Path, words: list[str], capsys: Output) -> None:
    assert run(["models", *words]) == 2
    assert capsys.readouterr().out == ""


def test_help_names_the_commands(capsys: Output) -> None:
    assert run(["models", "--help"]) == 0
    output = capsys.readouterr().out
    assert all(command in output for command in ("add", "list", "show"))


def test_a_folder_that_was_added_is_listed_from_elsewhere(
    here: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run(["models"]) == 0
    nothing = capsys.readouterr()
    assert run(["models", "add", str(here)]) == 0
    assert run(["models"]) == 0

    assert nothing.out == ""
    assert "emotui models add DIR" in nothing.err
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_problem_of_the_search_goes_to_standard_error(here: Path, capsys: Output) -> None:
    (here / "bad").mkdir()
    (here / "bad" / "config.json").write_text("{")
    assert run(["models", "--json"]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 2
    assert "bad/config.json cannot be read" in captured.err


def test_a_name_with_control_characters_and_bad_bytes_is_shown_harmless(
    here: Path, capsys: Output
) -> None:
    name = os.fsdecode(b"evil\x1b]0;title\x07\xff")
    (here / "llama").rename(here / name)

    assert run(["models"]) == 0
    shown = capsys.readouterr().out
    assert run(["models", "--json"]) == 0

    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\x1b" in json.loads(capsys.readouterr().out)[0]["path"]  # as an escape, "\u001b"
