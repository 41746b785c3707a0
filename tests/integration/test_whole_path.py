"""The whole path in the real app on a real terminal, with the real LMDeploy 0.2.4.

A person finds a model, converts it, loses the terminal, comes back, edits the workspace's
config.ini and talks to the model, all by keyboard. What the app wrote is read by LMDeploy.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal_session import TerminalSession
from tiny_model import make_tiny_llama

CTRL_S = b"\x13"
READ_BACK = """
import sys
from configparser import ConfigParser
from lmdeploy.messages import TurbomindEngineConfig
from lmdeploy.turbomind.deploy.target_model.base import TurbomindModelConfig
parser = ConfigParser()
with open(sys.argv[1]) as file:
    parser.read_file(file)
config = TurbomindModelConfig.from_dict(parser["llama"])
print(config.quant_policy, config.session_len, config.num_layer)
"""


@pytest.fixture
def open_app(
    lmdeploy_environment: Path, cpu_only: None, tmp_path: Path, sealed_home: Path
) -> Callable[[], TerminalSession]:
    """Open the app where one model and the real LMDeploy are known."""
    make_tiny_llama(lmdeploy_environment / "bin" / "python", tmp_path / "models" / "tiny")
    settings = sealed_home / "emotui" / "config" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f'[lmdeploy]\npython = "{lmdeploy_environment}"\n'
        f'[models]\nfolders = ["{tmp_path / "models"}"]\n'
    )
    environ = {**os.environ, "LANG": "C.UTF-8"}
    return lambda: TerminalSession(environ=environ, columns=100, rows=30)


def test_from_a_model_folder_to_an_answer(
    open_app: Callable[[], TerminalSession], lmdeploy_python: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "models" / "tiny-workspace"
    config = workspace / "triton_models" / "weights" / "config.ini"

    with open_app() as app:
        app.wait_for("0.2.4", 30)
        app.press("2")
        app.wait_for("c converts it", 20)
        app.press("c")
        app.wait_for("--dst-path", 60)
        app.wait_for("Ctrl+S starts the job", 20)
        app.send(CTRL_S)
        app.wait_for("State", 20)
        app.close_terminal()  # the connection drops
        app.wait_exit(3)

    before = config.read_bytes() if config.exists() else b""
    with open_app() as app:
        app.press("4")
        app.wait_for("succeeded", 90)
        before = before or config.read_bytes()
        app.press("2")
        app.wait_for("c converts it", 20)
        select_below(app, "o edits its configuration")
        app.press("enter")
        app.wait_for("warnings: 1", 20)  # what is to be said of the file stands first
        select_below(app, "quant_policy = 0")
        app.press("enter")
        app.wait_for("Esc closes", 10)
        app.press("down", "enter")
        app.wait_for("Unsaved: 1", 10)
        app.press("s")
        app.wait_for("+quant_policy = 4", 10)
        app.press("y")
        app.wait_until(lambda: config.read_bytes() != before, "waited for the file", 10)

        app.press("2")
        app.wait_for("o edits its configuration", 20)
        app.press("up")
        app.wait_for("c converts it", 10)
        app.press("t")
        app.wait_for("Ready on cpu", 120)
        app.press("hello how are you", "enter")
        app.wait_for("tokens/s", 120)
        app.press("ctrl+q")
        assert app.wait_exit(10) == 0
        assert app.is_restored()

    assert config.read_bytes() == before.replace(b"quant_policy = 0\n", b"quant_policy = 4\n")
    read = subprocess.run(
        [lmdeploy_python, "-c", READ_BACK, config],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": _libraries(lmdeploy_python)},
    )
    assert read.stdout.split()[-3:] == ["4", "4104", "4"]


def select_below(app: TerminalSession, detail: str) -> None:
    """Go to the second row, as a person does: once more when the list was still being filled."""
    for _attempt in range(4):
        app.press("down")
        try:
            app.wait_for(detail, 4)
        except AssertionError:
            app.press("up", "up")
        else:
            return
    app.wait_for(detail, 1)


def _libraries(python: Path) -> str:
    folders = python.parents[1].glob("lib/python3*/site-packages/nvidia/*/lib")
    return ":".join(map(str, folders))
