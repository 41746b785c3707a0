"""`emotui convert` as scripts and people run it, with a small LMDeploy that writes workspaces."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.lmdeploy_double import make_lmdeploy, make_model


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lmdeploy(tmp_path_factory.mktemp("double") / "lm")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "tiny")


@pytest.fixture
def emotui(sealed_home: Path, tmp_path: Path):
    """Run `emotui` with these arguments."""
    environ = {
        "HOME": str(sealed_home),
        "EMOTUI_HOME": str(sealed_home / "emotui"),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
    }

    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "emotui", *map(str, arguments)],
            env=environ | more,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_it_prints_the_jobs_id_and_the_job_makes_the_workspace(
    emotui, python, model, tmp_path
) -> None:
    started = emotui("convert", model, "--dst", tmp_path / "ws", "--python", python)
    assert started.returncode == 0, started.stderr
    job_id = started.stdout.strip()
    assert emotui("jobs", "wait", job_id).returncode == 0
    assert (tmp_path / "ws" / "triton_models" / "weights" / "config.ini").exists()
    assert not (tmp_path / "ws.partial").exists()
    job = json.loads(emotui("jobs", "list", "--json").stdout)[0]
    assert (job["id"], job["kind"], job["state"]) == (job_id, "convert", "succeeded")
    assert job["progress"] == 1.0
    assert job["command"][:4] == [str(python), "-m", "lmdeploy", "convert"]
    assert "splitting layers.3." in emotui("jobs", "logs", job_id).stdout


def test_wait_follows_it_on_standard_error(emotui, python, model, tmp_path) -> None:
    done = emotui("convert", model, "--dst", tmp_path / "ws", "--python", python, "--wait")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert "succeeded" in done.stderr
    assert (tmp_path / "ws").is_dir()


def test_wait_ends_with_1_when_the_conversion_fails(emotui, python, tmp_path) -> None:
    model = make_model(tmp_path / "bad", fail_at_layer=2)
    done = emotui("convert", model, "--dst", tmp_path / "ws", "--python", python, "--wait")
    assert done.returncode == 1
    assert "failed" in done.stderr
    assert not (tmp_path / "ws").exists()


def test_dry_run_prints_the_exact_commands_and_does_nothing(
    emotui, python, model, tmp_path
) -> None:
    before = sorted(tmp_path.iterdir())
    done = emotui("convert", model, "--dst", tmp_path / "a b", "--python", python, "--dry-run")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert shlex.split(first) == [
        *(str(python), "-m", "lmdeploy", "convert", "llama2", str(model)),
        *("--dst-path", str(tmp_path / "a b.partial")),
    ]
    assert shlex.split(second) == ["mv", str(tmp_path / "a b.partial"), str(tmp_path / "a b")]
    assert sorted(tmp_path.iterdir()) == before
    assert emotui("jobs", "list", "--json").stdout.strip() == "[]"


def test_an_environment_folder_is_accepted_as_python(emotui, python, model) -> None:
    done = emotui("convert", model, "--python", python.parent.parent, "--dry-run")
    assert done.returncode == 0
    assert str(python) in done.stdout


def test_an_existing_workspace_is_refused_and_stays_as_it_is(
    emotui, python, model, tmp_path
) -> None:
    config = tmp_path / "ws" / "triton_models" / "weights" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text("[llama]\nquant_policy = 4\n")
    arguments = ("convert", model, "--dst", tmp_path / "ws", "--python", python, "--wait")
    refused = emotui(*arguments, "--force")
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "--replace" in refused.stderr
    assert config.read_text() == "[llama]\nquant_policy = 4\n"
    assert emotui(*arguments, "--replace").returncode == 0
    assert "num_layer = 4" in config.read_text()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("ws")] == ["ws"]


def test_a_failed_replacement_leaves_the_old_workspace(emotui, python, tmp_path) -> None:
    model = make_model(tmp_path / "bad", fail_at_layer=1)
    config = tmp_path / "ws" / "triton_models" / "weights" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text("[llama]\nquant_policy = 4\n")
    done = emotui(
        *("convert", model, "--dst", tmp_path / "ws", "--python", python, "--replace", "--wait")
    )
    assert done.returncode == 1
    assert config.read_text() == "[llama]\nquant_policy = 4\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--tp", "3"),
        ("--tp", "two"),
        ("--model-name", "lama2"),
        ("--model-format", "gguf"),
        ("--model-format", "awq"),
        ("--group-size", "many"),
        ("--option", "nonsense=1"),
        ("--option", "=1"),
    ],
)
def test_a_value_that_is_not_allowed_ends_with_2(emotui, python, model, arguments) -> None:
    done = emotui("convert", model, "--python", python, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr


def test_a_check_that_says_no_ends_with_1_and_force_goes_on(
    emotui, python, model, tmp_path
) -> None:
    arguments = ("convert", model, "--dst", tmp_path / "ws", "--python", python, "--tp", 4)
    refused = emotui(*arguments)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "2 key/value heads" in refused.stderr
    assert "--force" in refused.stderr
    assert emotui(*arguments, "--dry-run").returncode == 1
    assert emotui(*arguments, "--force", "--wait").returncode == 0


@pytest.mark.parametrize("where", ["/no/such/python", "/tmp"])
def test_a_bad_interpreter_is_named_with_what_is_allowed(emotui, model, where) -> None:
    done = emotui("convert", model, "--python", where)
    assert done.returncode in (1, 2)
    assert where in done.stderr
    assert "virtual or conda environment" in done.stderr


def test_a_missing_model_is_named(emotui, python, tmp_path) -> None:
    done = emotui("convert", tmp_path / "nowhere", "--python", python)
    assert done.returncode == 1
    assert "nowhere" in done.stderr


def test_any_other_option_of_that_version_can_be_given(emotui, python, model) -> None:
    done = emotui(
        *("convert", model, "--python", python, "--dry-run"),
        *("-o", "new-thing=0.7", "-o", "trust_remote_code"),
    )
    assert "--new-thing 0.7" in done.stdout
    assert "--trust-remote-code" in done.stdout


def test_a_job_that_is_writing_the_same_place_is_not_disturbed(
    emotui, python, model, tmp_path
) -> None:
    held = make_model(tmp_path / "held", wait_for=str(tmp_path / "go"))
    first = emotui("convert", held, "--dst", tmp_path / "ws", "--python", python)
    second = emotui("convert", model, "--dst", tmp_path / "ws", "--python", python)
    (tmp_path / "go").touch()
    assert second.returncode == 1
    assert first.stdout.strip() in second.stderr
    assert emotui("jobs", "wait", first.stdout.strip()).returncode == 0


def test_it_speaks_chinese(emotui, python, model) -> None:
    done = emotui("convert", model, "--python", python, "--tp", 3, LANG="zh_CN.UTF-8")
    assert done.returncode == 2
    assert "必须" in done.stderr


def test_help_tells_every_option(emotui) -> None:
    text = emotui("convert", "--help").stdout
    for option in ("--dst", "--model-name", "--model-format", "--group-size", "--tp", "--replace",
                   "--python", "--dry-run", "--wait", "--force"):  # fmt: skip
        assert option in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--dst", ""], "The path is empty."),
        (["--group-size", "-4"], "--group-size must be 0 or more, not -4."),
        (["-o", "dst-path=/etc"], "--option does not take dst-path: give it as --dst."),
        (["--model-name", "zzz"], "has no chat template zzz. It has: "),
    ],
)
def test_what_makes_no_sense_is_wrong_use(emotui, python, model, arguments, said) -> None:
    ended = emotui("convert", model, "--python", python, *arguments)
    assert ended.returncode == 2
    assert said in ended.stderr


def test_the_printed_commands_mean_odd_names_too(emotui, python, model, tmp_path) -> None:
    odd = "a\x1b]0;title\x07 'b'[x]\nc\udcff"
    ended = emotui("convert", model, "--python", python, "--dst", tmp_path / odd, "--dry-run")
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 2
    assert "\x1b" not in ended.stdout
    (tmp_path / f"{odd}.partial").mkdir()
    subprocess.run(["bash", "-c", lines[1]], check=True)
    assert (tmp_path / odd).is_dir()
