"""`emotui check` as scripts and people run it, with and without a driver."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from doubles import nvml as fake
from doubles.environments import make_environment

from emotui.cli.findings import columns, markdown_table, wrap
from emotui.support.text import cell_width, clean


@pytest.fixture(scope="module")
def library() -> Path:
    folder = fake.build()
    if folder is None:
        pytest.skip("there is no C compiler")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("lmdeploy") / "lm")


@pytest.fixture
def no_driver(tmp_path: Path) -> dict[str, str]:
    """An environment whose NVML cannot be loaded, on any machine."""
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    return fake.environment(tmp_path)


def check(environ: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emotui", "check", *map(str, arguments)],
        env=environ | {"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def by_id(document: dict) -> dict[str, dict]:
    return {finding["id"]: finding for finding in document["findings"]}


def test_json_is_one_document_with_findings_gpus_and_installations(
    library: Path, python: Path
) -> None:
    done = check(fake.environment(library), "--json", "--python", python)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["ok"] is (done.returncode == 0)
    for finding in document["findings"]:
        assert set(finding) == {"id", "title", "status", "evidence", "why", "remedy"}
        assert finding["status"] in {"ok", "warning", "failure", "unknown"}
        assert set(finding["remedy"]) == {"text", "command"}
        assert all(finding[name] for name in ("title", "evidence", "why"))
        assert finding["remedy"]["text"]
    assert len(document["gpus"]) == 8
    assert document["gpus"][0]["memory_total"] == 80 << 30
    assert document["driver"] == "550.54.15"
    (installation,) = document["installations"]
    assert installation["python"] == str(python)
    assert installation["lmdeploy"] == "0.2.4"
    assert installation["packages"]["torch"] == "2.1.2"
    assert installation["chosen"] is True


def test_a_fit_machine_ends_with_0(library: Path, python: Path) -> None:
    done = check(fake.environment(library), "--json", "--python", python)
    bad = [f for f in json.loads(done.stdout)["findings"] if f["status"] == "failure"]
    assert bad == []
    assert done.returncode == 0


def test_a_failure_ends_with_1_and_says_what_to_do(no_driver, python: Path) -> None:
    done = check(no_driver, "--python", python)
    assert done.returncode == 1
    assert "failure" in done.stdout
    assert "There is no NVIDIA driver on this machine" in done.stdout
    assert "To do:" in done.stdout
    assert "Not fit for chat" in done.stdout
    assert "\x1b" not in done.stdout


def test_converting_needs_no_gpu(no_driver, python: Path) -> None:
    done = check(no_driver, "--for", "convert", "--json", "--python", python)
    assert by_id(json.loads(done.stdout))["driver.present"]["status"] == "warning"


def test_without_lmdeploy_the_check_says_how_to_name_one(no_driver) -> None:
    done = check(no_driver, "--json")
    finding = by_id(json.loads(done.stdout))["lmdeploy.version"]
    assert finding["status"] == "failure"
    assert "--python PATH" in finding["remedy"]["text"]
    assert done.returncode == 1


def test_an_interpreter_that_is_not_there_is_a_finding_and_not_a_crash(no_driver) -> None:
    done = check(no_driver, "--json", "--python", "/nowhere/bin/python")
    finding = by_id(json.loads(done.stdout))["lmdeploy.version"]
    assert "/nowhere/bin/python" in finding["evidence"]


def test_a_model_folder_is_looked_at(no_driver, tmp_path: Path) -> None:
    done = check(no_driver, "--json", "--model", tmp_path / "missing")
    assert by_id(json.loads(done.stdout))["model.folder"]["status"] == "failure"


def test_the_markdown_report_holds_findings_gpus_and_installations(
    library: Path, python: Path
) -> None:
    done = check(fake.environment(library, name="A|B"), "--markdown", "--python", python)
    assert done.stdout.startswith("# EmoTUI check")
    assert "| ok | LMDeploy | " in done.stdout
    assert "A\\|B" in done.stdout
    assert str(python).replace("_", "\\_") in done.stdout


def test_a_task_that_does_not_exist_is_wrong_use(no_driver) -> None:
    assert check(no_driver, "--for", "fly").returncode == 2
    assert check(no_driver, "--json", "--markdown").returncode == 2


def test_a_driver_that_hangs_ends_as_findings(library: Path, python: Path) -> None:
    script = """
import sys
from emotui.cli.root import run
from emotui.operations import check
check.DRIVER_WAIT_S = 0.2
sys.exit(run(sys.argv[1:]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "check", "--json", "--python", python],
        env=fake.environment(library, hang=1),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = by_id(json.loads(done.stdout))
    assert found["driver.present"]["evidence"] == "The NVIDIA driver has not answered yet."
    assert found["lmdeploy.version"]["status"] == "ok"


def test_columns_are_aligned_by_cells_in_chinese() -> None:
    lines = columns([["失败", "x"], ["ok", "y"]])
    assert [cell_width(line[:-1]) for line in lines] == [6, 6]


def test_chinese_breaks_anywhere_but_not_before_a_full_stop() -> None:
    lines = wrap("这台机器没有驱动。请安装 NVIDIA 驱动。", 18)
    assert all(cell_width(line) <= 18 for line in lines)
    assert not any(line.startswith("。") for line in lines)
    assert "".join(lines).replace(" ", "") == "这台机器没有驱动。请安装NVIDIA驱动。"


def test_words_break_at_spaces_and_a_long_path_stays_whole() -> None:
    assert wrap("no room in /a/very/long/path/to/a/model today", 18) == [
        "no room in",
        "/a/very/long/path/to/a/model",
        "today",
    ]


def test_markdown_cells_are_only_text() -> None:
    assert markdown_table(["a"], [["<b>|*x*"]]).endswith("| \\<b\\>\\|\\*x\\* |")


def test_a_narrow_terminal_gets_the_sentences_below_their_titles(no_driver) -> None:
    terminal = pexpect.spawn(
        sys.executable,
        ["-m", "emotui", "check"],
        dimensions=(24, 44),
        encoding="utf-8",
        env=no_driver | {"PATH": "/usr/bin:/bin"},
    )
    terminal.expect(pexpect.EOF, timeout=60)
    terminal.close()
    lines = clean(terminal.before).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("failure"))
    assert lines[start] == "failure  NVIDIA driver"
    assert lines[start + 1].startswith("  There ")
    assert all(cell_width(line) <= 44 for line in lines[start:-1] if "/" not in line)
