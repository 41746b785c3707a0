"""Converting with the real LMDeploy 0.2.4, through the operation and the command line."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from integration.tiny_model import make_tiny_llama

from emotui.jobs.job import JobState
from emotui.operations.convert import ConvertRequest, plan, start
from emotui.operations.installations import command_options
from emotui.operations.jobs import ProgressWatch, log_lines, wait_for_job
from emotui.operations.services import Services, open_services

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("cpu_only")]

LIMIT_S = 120


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, lmdeploy_python: Path) -> Path:
    return make_tiny_llama(lmdeploy_python, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def services() -> Services:
    return open_services(dict(os.environ))


def config_of(workspace: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser()
    parser.read_string((workspace / "triton_models/weights/config.ini").read_text("utf-8"))
    return parser["llama"]


def emotui(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "emotui", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_the_installation_tells_its_version_and_its_packages(services, lmdeploy_python) -> None:
    found = services.installations.get(lmdeploy_python)
    assert found.lmdeploy == "0.2.4"
    assert found.python == lmdeploy_python
    assert found.packages["transformers"] == "4.37.1"
    assert found.features.workspace_config == "ini"
    assert any(folder.parts[-2] == "curand" for folder in found.libraries)


def test_the_real_parser_is_read_with_its_templates(services, lmdeploy_python) -> None:
    found = command_options(services, services.installations.get(lmdeploy_python), "convert")
    assert found.order == (
        *("model_name", "model_path", "model_format", "tp", "tokenizer_path", "dst_path"),
        *("quant_path", "group_size"),
    )
    assert all(option.label is not None for option in found.options)
    assert found.templates["internlm2-chat-7b"] is True
    assert found.templates["internlm2"] is False
    assert len(found.templates) == 37


def test_a_model_is_converted_by_a_job(services, lmdeploy_python, model, tmp_path) -> None:
    planned = plan(services, ConvertRequest(model, tmp_path / "ws", python=lmdeploy_python))
    job = start(services, planned)
    watch, seen = ProgressWatch(), [0.0]
    while not (job := wait_for_job(services, job.id, 0.2)).state.is_final:
        progress = watch.look(job)
        seen.append((progress and progress.fraction) or 0.0)
    log = list(log_lines(services, job.id))
    assert job.state is JobState.SUCCEEDED, log[-20:]
    assert watch.look(job).fraction == 1.0
    assert seen == sorted(seen)
    assert any("100%" in line for line in log)
    assert sum(line.startswith("*** splitting layers.") for line in log) == 20
    config = config_of(tmp_path / "ws")
    assert (config["model_name"], config["num_layer"]) == ("llama2", "4")
    weights = list((tmp_path / "ws/triton_models/weights").iterdir())
    assert len(weights) == 32
    assert not (tmp_path / "ws.partial").exists()
    assert (tmp_path / "ws/model_repository/turbomind/1/weights/config.ini").exists()


def test_the_command_line_keeps_replaces_and_survives_failure(
    lmdeploy_python, model, tmp_path
) -> None:
    place = ("--dst", tmp_path / "ws", "--python", lmdeploy_python, "--wait")
    assert emotui("convert", model, *place, "--model-name", "llama").returncode == 0
    assert config_of(tmp_path / "ws")["model_name"] == "llama"

    refused = emotui("convert", model, *place)
    assert refused.returncode == 1
    assert "exists already" in refused.stderr
    assert config_of(tmp_path / "ws")["model_name"] == "llama"

    broken = tmp_path / "broken"
    broken.mkdir()
    for path in model.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "pytorch_model.bin").write_bytes(b"not a checkpoint")
    failed = emotui("convert", broken, *place, "--replace", "--force")
    assert failed.returncode == 1
    assert "failed" in failed.stderr
    assert config_of(tmp_path / "ws")["model_name"] == "llama"

    assert emotui("convert", model, *place, "--replace").returncode == 0
    assert config_of(tmp_path / "ws")["model_name"] == "llama2"
    assert sorted(path.name for path in tmp_path.glob("ws*")) == ["ws"]
    states = [job["state"] for job in json.loads(emotui("jobs", "list", "--json").stdout)]
    assert states == ["succeeded", "failed", "succeeded"]
