"""A config.ini that EmoTUI edited, read by LMDeploy 0.2.4 itself.

LMDeploy's own `_from_workspace` runs up to the call into C++: it opens the file, parses and
validates it, and hands over the text that the engine would read.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_model import make_tiny_llama

from emotui.cli.root import run
from emotui.operations.config import check_workspace
from emotui.operations.services import Services
from emotui.support.finding import Status
from emotui.support.paths import find_paths

pytestmark = pytest.mark.integration

FILE = Path(__file__).parents[1] / "fixtures" / "config_ini" / "0.2.4.ini"
READER = """
import configparser, json, sys, types
import lmdeploy.turbomind.turbomind as turbomind

def load(workspace):
    seen = {}
    turbomind._tm.AbstractTransformerModel = types.SimpleNamespace(
        create_llama_model=lambda **options: seen.update(options)
    )
    engine = object.__new__(turbomind.TurboMind)
    engine.gpu_count = 1
    engine._create_weight = lambda model: None
    engine._from_workspace(workspace, None)
    text = configparser.ConfigParser()
    text.read_string(seen["config"])
    return {"config": dict(engine.config.__dict__), "engine": dict(text["llama"])}

for workspace in sys.argv[1:]:
    try:
        answer = load(workspace)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    print("ANSWER " + json.dumps(answer))
"""


def read_with_lmdeploy(python: Path, *workspaces: Path) -> list[dict]:
    """What LMDeploy 0.2.4 makes of the config.ini of each workspace."""
    libraries = python.parents[1] / "lib"
    folder = next(libraries.glob("python3*/site-packages/nvidia/curand/lib"))
    environ = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    done = subprocess.run(
        [str(python), "-c", READER, *map(str, workspaces)],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    return [json.loads(line.removeprefix("ANSWER ")) for line in lines]


def workspace_of(folder: Path, content: bytes) -> Path:
    weights = folder / "triton_models" / "weights"
    weights.mkdir(parents=True)
    (weights / "config.ini").write_bytes(content)
    return folder


@pytest.mark.usefixtures("cpu_only")
def test_lmdeploy_reads_back_what_emotui_wrote(tmp_path: Path, lmdeploy_python: Path) -> None:
    workspace = workspace_of(tmp_path / "ws", FILE.read_bytes())
    before = read_with_lmdeploy(lmdeploy_python, workspace)[0]["config"]

    assert (
        run(
            [
                *("config", "set", str(workspace)),
                *("quant_policy=int8", "use_context_fmha=off", "cache_max_entry_count=40%"),
                *("session_len=8192", "max_batch_size=16", "rope_scaling_factor=1.0"),
                *("--lmdeploy", "0.2.4"),
            ]
        )
        == 0
    )
    run(["config", "unset", str(workspace), "use_logn_attn"])
    answer = read_with_lmdeploy(lmdeploy_python, workspace)[0]

    wanted = {
        "quant_policy": 4,
        "use_context_fmha": 0,
        "cache_max_entry_count": 0.4,
        "session_len": 8192,
        "max_batch_size": 16,
        "rope_scaling_factor": 1.0,
    }
    assert answer["config"] == {**before, **wanted}
    assert {key: answer["engine"][key] for key in wanted} == {
        key: str(value) for key, value in wanted.items()
    }

    for _ in range(2):
        assert run(["config", "undo", str(workspace)]) == 0
    assert read_with_lmdeploy(lmdeploy_python, workspace)[0]["config"] == before
    assert (workspace / "triton_models/weights/config.ini").read_bytes() == FILE.read_bytes()


PLAIN = FILE.read_bytes()
REFUSED = {
    "a comment behind a value": PLAIN.replace(b"policy = 0", b"policy = 4 ; int8"),
    "no number": PLAIN.replace(b"policy = 0", b"policy = abc"),
    "an empty number": PLAIN.replace(b"policy = 0", b"policy ="),
    "a truth value": PLAIN.replace(b"policy = 0", b"policy = True"),
    "half a number": PLAIN.replace(b"batch_size = 64", b"batch_size = 1.5"),
    "a duplicate key": PLAIN + b"QUANT_POLICY = 4\n",
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "no section": PLAIN.replace(b"[llama]\n", b""),
    "another section": PLAIN.replace(b"[llama]", b"[model]"),
    "a duplicate section": PLAIN + b"[llama]\n",
    "latin-1": PLAIN.replace(b"llama2", b"\xe9"),
    "a percent sign": PLAIN.replace(b"llama2", b"50%"),
}
ACCEPTED = {
    "as it was": PLAIN,
    "windows newlines": PLAIN.replace(b"\n", b"\r\n"),
    "a whole number with a point": PLAIN.replace(b"policy = 0", b"policy = 4.0"),
    "colons": PLAIN.replace(b" = ", b" : "),
    "upper-case keys": PLAIN.replace(b"quant_policy", b"Quant_Policy"),
    "comments on lines of their own": b"; first\n" + PLAIN.replace(b"quant", b"# note\nquant"),
    "an unknown key": PLAIN.rstrip() + b"\nnew_key = 1\n",
    "other sections": PLAIN + b"[other]\na = 1\n",
}


@pytest.mark.usefixtures("cpu_only")
def test_check_refuses_what_lmdeploy_refuses(tmp_path: Path, lmdeploy_python: Path) -> None:
    cases = {**REFUSED, **ACCEPTED}
    workspaces = [
        workspace_of(tmp_path / str(number), content)
        for number, content in enumerate(cases.values())
    ]
    services = Services(find_paths(), os.environ)

    answers = read_with_lmdeploy(lmdeploy_python, *workspaces)
    refused_by_lmdeploy = {
        name for name, answer in zip(cases, answers, strict=True) if "error" in answer
    }
    refused_by_us = {
        name
        for name, workspace in zip(cases, workspaces, strict=True)
        if not check_workspace(services, workspace, "0.2.4").ok
    }

    assert refused_by_lmdeploy == set(REFUSED)
    assert refused_by_us == set(REFUSED)


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory, lmdeploy_python: Path) -> dict[str, Path]:
    """Workspaces that LMDeploy 0.2.4 made of a real model: for one GPU and for two."""
    folder = tmp_path_factory.mktemp("real")
    model = make_tiny_llama(lmdeploy_python, folder / "model")
    libraries = next(
        (lmdeploy_python.parents[1] / "lib").glob("python3*/site-packages/nvidia/curand/lib")
    )
    environ = {
        **os.environ,
        "LD_LIBRARY_PATH": str(libraries),
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(Path(__file__).parent / "cpu_patches"),
    }
    for tp in ("1", "2"):
        command = [str(lmdeploy_python), "-m", "lmdeploy", "convert", "llama2", str(model)]
        command += ["--dst-path", str(folder / tp), "--tp", tp]
        subprocess.run(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
            check=True,
        )
    return {"one": folder / "1", "two": folder / "2"}


def findings_of(workspace: Path) -> dict[str, Status]:
    report = check_workspace(Services(find_paths(), os.environ), workspace, "0.2.4")
    return {finding.id: finding.status for finding in report.findings}


def test_the_weights_of_a_real_workspace_are_found_fitting(converted: dict[str, Path]) -> None:
    for workspace in converted.values():
        found = findings_of(workspace)
        assert found["config.weights.complete"] is Status.OK
        assert "config.weights.quantized" not in found
        assert Status.FAILURE not in found.values()


def test_a_config_ini_of_other_weights_is_found_out(
    converted: dict[str, Path], tmp_path: Path
) -> None:
    workspace = shutil.copytree(converted["two"], tmp_path / "ws", symlinks=True)
    inside = "triton_models/weights/config.ini"
    shutil.copy(converted["one"] / inside, workspace / inside)

    assert findings_of(workspace)["config.weights.complete"] is Status.FAILURE


def test_what_lmdeploy_writes_today_is_what_the_fixture_holds(converted: dict[str, Path]) -> None:
    written = (converted["one"] / "triton_models/weights/config.ini").read_bytes()

    assert written == FILE.read_bytes()
