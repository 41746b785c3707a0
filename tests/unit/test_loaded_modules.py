"""The second lock on the layering: what a command really loads, looked at from inside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import emotui

HEAVY = {"textual", "rich", "httpx", "pynvml", "torch", "transformers", "lmdeploy"}

LOOK = """
import json, sys
before = set(sys.modules)
sys.argv = ["emotui", *{arguments!r}]
try:
    import runpy
    runpy.run_module("emotui", run_name="__main__", alter_sys=True)
except SystemExit as end:
    status = end.code
else:
    status = 0
print(json.dumps([status, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""


def loaded(arguments: list[str]) -> tuple[int, set[str]]:
    """The exit status of a command and the modules that it imported."""
    ran = subprocess.run(
        [sys.executable, "-c", LOOK.format(arguments=arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    status, modules = json.loads(ran.stderr.splitlines()[-1])
    return status, set(modules)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["jobs"],
        ["jobs", "list", "--json"],
        ["config", "--help"],
        ["check", "--help"],
        ["models", "--help"],
        ["convert", "--help"],
        ["chat", "--help"],
        ["completion", "bash"],
    ],
    ids=" ".join,
)
def test_a_command_pays_for_no_screen_and_no_network(arguments: list[str]) -> None:
    status, modules = loaded(arguments)

    assert status in (0, None)
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    assert arguments[0] == "chat" or "sqlite3" not in modules


def test_the_version_loads_the_package_and_nothing_else() -> None:
    _status, modules = loaded(["--version"])

    assert {name for name in modules if name.split(".")[0] not in sys.stdlib_module_names} <= {
        "emotui",
        "emotui.__main__",
    }


def test_help_loads_no_command_but_the_one_that_is_asked() -> None:
    _status, modules = loaded(["--help"])

    assert {name for name in modules if name.startswith("emotui.cli.")} == {
        "emotui.cli.root",
        "emotui.cli.context",
        "emotui.cli.groups",
    }


def test_reading_settings_needs_no_writer() -> None:
    _status, modules = loaded(["jobs"])

    assert "tomlkit" not in modules


def test_the_supervisor_of_a_job_needs_the_standard_library_alone() -> None:
    look = (
        "import sys; sys.path.insert(0, {!r}); import emotui.jobs.supervisor; print(*sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", look.format(str(Path(emotui.__file__).parents[1]))],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    outside = {name.split(".")[0] for name in ran.stdout.split()} - sys.stdlib_module_names
    assert outside - {"__main__"} == {"emotui"}
