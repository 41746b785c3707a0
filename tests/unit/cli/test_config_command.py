"""`emotui config` as scripts use it: output, exit statuses, and what stands in the file after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emotui.cli.root import run

FILES = Path(__file__).parents[2] / "fixtures" / "config_ini"


def make_workspace(folder: Path, version: str) -> Path:
    """A workspace whose weights are empty files with the right names."""
    weights = folder / "triton_models" / "weights"
    weights.mkdir(parents=True)
    (weights / "config.ini").write_bytes((FILES / f"{version}.ini").read_bytes())
    for name in ("norm", "output", "tok_embeddings"):
        (weights / f"{name}.weight").write_bytes(b"\0" * 512)
    for layer in range(4):
        for part in ("attention.w_qkv", "attention.wo", "feed_forward.w2"):
            (weights / f"layers.{layer}.{part}.0.weight").write_bytes(b"\0" * 512)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "ws", "0.2.4")


@pytest.fixture
def file(workspace: Path) -> Path:
    return workspace / "triton_models" / "weights" / "config.ini"


def test_show_says_what_every_value_means(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "show", str(workspace)]) == 0

    output = capsys.readouterr().out
    assert "session_len              4104  4104 tokens" in output
    assert "0.8   80 % of the GPU memory" in output
    assert "Shape of the model" in output


def test_show_json_is_one_document(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "show", str(workspace), "--json", "--lmdeploy", "0.2.4"]) == 0

    captured = capsys.readouterr()
    document = json.loads(captured.out)
    rows = {row["key"]: row for row in document["keys"]}
    assert captured.err == ""
    assert document["read_by"] == ["0.2.4"]
    assert document["written_by"][-1] == "0.2.6"
    assert rows["quant_policy"]["value"] == "0"
    assert rows["quant_policy"]["allowed"] == "one of fp16 (0), int8 (4)"
    assert rows["quant_policy"]["editable"] is True
    assert rows["head_num"]["group"] == "model"
    assert rows["cache_max_entry_count"]["default"] == "0.8"


@pytest.mark.parametrize("inner", ["", "triton_models", "triton_models/weights", None])
def test_a_workspace_may_be_named_by_any_of_its_folders(
    inner: str | None, workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = file if inner is None else workspace / inner

    assert run(["config", "get", str(named), "session_len"]) == 0
    assert capsys.readouterr().out == "4104\n"


def test_set_writes_the_digit_of_the_version_and_prints_the_difference(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()

    assert run(["config", "set", str(workspace), "quant_policy=int8", "session_len=2048"]) == 0

    output = capsys.readouterr().out
    assert "-quant_policy = 0\n+quant_policy = 4\n" in output
    assert "-session_len = 4104\n+session_len = 2048\n" in output
    assert file.read_bytes() == before.replace(b"quant_policy = 0", b"quant_policy = 4").replace(
        b"session_len = 4104", b"session_len = 2048"
    )


def test_set_for_a_later_version_writes_the_later_digit(workspace: Path, file: Path) -> None:
    set_ = ["config", "set", str(workspace), "quant_policy=int8", "--lmdeploy", "0.5.3"]

    assert run(set_) == 0
    assert b"quant_policy = 8\n" in file.read_bytes()


def test_set_warns_of_what_the_new_values_bring(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["config", "set", str(workspace), "quant_policy=int8"])

    errors = capsys.readouterr().err
    assert "failure: 0 of 4 scale files" in errors
    assert "session_len" not in errors  # it was too long before, and is none of this edit


def test_a_dry_run_saves_nothing(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()

    assert run(["config", "set", str(workspace), "max_batch_size=8", "--dry-run"]) == 0

    assert "+max_batch_size = 8" in capsys.readouterr().out
    assert file.read_bytes() == before
    assert run(["config", "undo", str(workspace)]) == 1


def test_setting_what_stands_there_changes_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", str(workspace), "session_len=4104"]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Nothing changes" in captured.err


@pytest.mark.parametrize(
    ("assignment", "status"),
    [
        ("quant_policy=int4", 2),
        ("quant_policy=3", 2),
        ("session_len=many", 2),
        ("sesion_len=4096", 2),
        ("enable_prefix_caching=on", 2),
        ("session_len", 2),
        ("=3", 2),
        ("head_num=3", 1),
        ("model_name=a\nb", 1),
    ],
)
def test_what_is_not_allowed_is_refused(
    assignment: str, status: int, workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()

    assert run(["config", "set", str(workspace), "max_batch_size=8", assignment]) == status
    assert capsys.readouterr().err
    assert file.read_bytes() == before


def test_force_overrules_the_schema_but_not_the_file(workspace: Path, file: Path) -> None:
    force = ["config", "set", str(workspace), "--force"]

    assert run([*force, "model_name=internlm2-chat-7b", "quant_policy=8"]) == 0
    assert b"model_name = internlm2-chat-7b\n" in file.read_bytes()
    assert b"quant_policy = 8\n" in file.read_bytes()
    assert run([*force, "model_name=50%"]) == 2


def test_unset_removes_the_line(workspace: Path, file: Path) -> None:
    before = file.read_bytes()

    assert run(["config", "unset", str(workspace), "use_logn_attn"]) == 0
    assert file.read_bytes() == before.replace(b"use_logn_attn = 0\n", b"")
    assert run(["config", "unset", str(workspace), "session_len"]) == 1
    assert run(["config", "unset", str(workspace), "num_layer"]) == 1


def test_undo_redo_history_and_diff_follow_the_edits(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    run(["config", "set", str(workspace), "session_len=2048"])
    run(["config", "set", str(workspace), "max_batch_size=8"])
    after = file.read_bytes()

    assert run(["config", "undo", str(workspace)]) == 0
    assert run(["config", "undo", str(workspace)]) == 0
    assert file.read_bytes() == before
    assert run(["config", "redo", str(workspace)]) == 0
    assert run(["config", "redo", str(workspace)]) == 0
    assert file.read_bytes() == after
    assert "Undone: max_batch_size 64 -> 8" in capsys.readouterr().out

    run(["config", "diff", str(workspace), "--last"])
    last = capsys.readouterr().out
    run(["config", "diff", str(workspace)])
    whole = capsys.readouterr().out
    assert "session_len = 2048\n" not in last.replace(" session_len = 2048", "")
    assert "+session_len = 2048" in whole
    assert "+max_batch_size = 8" in last

    run(["config", "undo", str(workspace)])
    capsys.readouterr()
    assert run(["config", "history", str(workspace), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [entry["applied"] for entry in entries] == [True, False]
    assert entries[1]["changes"] == [{"key": "max_batch_size", "old": "64", "new": "8"}]
    assert run(["config", "history", str(workspace)]) == 0
    assert "undone   max_batch_size 64 -> 8" in capsys.readouterr().out


def test_an_edit_by_hand_is_not_undone(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["config", "set", str(workspace), "session_len=2048"])
    file.write_bytes(file.read_bytes() + b"# mine\n")

    assert run(["config", "undo", str(workspace)]) == 1
    assert "changed by something else" in capsys.readouterr().err


def test_check_ends_with_1_when_something_failed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "check", str(workspace)]) == 0
    run(["config", "set", str(workspace), "quant_policy=int8"])
    capsys.readouterr()

    assert run(["config", "check", str(workspace), "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["findings"][0]["id"] == "config.quant_policy.scales"
    assert document["findings"][0]["status"] == "failure"
    assert document["findings"][0]["remedy"]["command"][-1] == "quant_policy=fp16"


def test_check_reports_a_file_that_cannot_be_read(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_bytes() + b"quant_policy = 4\n")

    assert run(["config", "check", str(workspace), "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [each["id"] for each in findings] == ["config.file.readable"]
    assert "a second time" in findings[0]["evidence"]
    assert run(["config", "show", str(workspace)]) == 1


def test_a_later_workspace_is_explained(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    later = file.with_suffix(".yaml")
    file.rename(later)
    later.write_text("model_config:\n  model_name: x\n")

    for named in (workspace, later):
        assert run(["config", "show", str(named)]) == 1
        assert "--quant-policy" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "nowhere"],
        ["check", "."],
        ["get", "nowhere", "session_len"],
        ["undo", "nowhere"],
        ["history", "nowhere"],
    ],
)
def test_where_no_file_is_what_to_name_is_said(
    argv: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(["config", *argv]) == 1
    assert "triton_models" in capsys.readouterr().err


def test_text_that_is_no_version_is_wrong_use(workspace: Path) -> None:
    assert run(["config", "show", str(workspace), "--lmdeploy", "newest"]) == 2


def test_a_name_with_escapes_reaches_no_terminal(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_bytes(file.read_bytes().replace(b"llama2", b"\x1b]0;owned\x07"))

    run(["config", "show", str(workspace)])
    run(["config", "check", str(workspace)])

    assert "\x1b" not in "".join(capsys.readouterr())


def test_config_loads_neither_textual_nor_sqlite_nor_nvml(workspace: Path) -> None:
    code = (
        "import sys; from emotui.cli.root import run\n"
        f"run(['config', 'show', {str(workspace)!r}])\n"
        "print([m for m in ('textual', 'httpx', 'sqlite3', 'pynvml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_it_speaks_chinese(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")

    run(["config", "show", str(workspace), "--lmdeploy", "0.2.4"])

    assert "KV fp16，未量化" in capsys.readouterr().out


def test_a_key_that_is_not_there_is_guessed(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "get", str(workspace), "quant_polcy"]) == 1
    assert "has no quant_polcy; did you mean quant_policy?" in capsys.readouterr().err
    assert run(["config", "set", str(workspace), "zzz=1"]) == 2
    assert capsys.readouterr().err == (
        "Error: zzz is no key of config.ini; LMDeploy would ignore it.\n"
    )


def test_a_key_that_is_given_twice_is_refused(
    workspace: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    assert run(["config", "set", str(workspace), "session_len=1", "SESSION_LEN=2"]) == 2
    assert "session_len is given twice" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_warnings_of_set_are_whole_sentences(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config", "set", str(workspace), "session_len=5000", "--dry-run"]) == 0
    assert "no scaling of positions. Beyond its training length" in capsys.readouterr().err
