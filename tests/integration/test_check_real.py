"""`emotui check` about the real LMDeploy 0.2.4."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


def test_the_real_0_2_4_is_recognised_with_its_packages(lmdeploy_python: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "emotui", "check", "--for", "convert", "--json"),
            *("--python", str(lmdeploy_python)),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    document = json.loads(done.stdout)
    found = {finding["id"]: finding for finding in document["findings"]}
    assert found["lmdeploy.version"]["status"] == "ok"
    assert found["lmdeploy.internlm2"]["status"] == "ok"
    assert found["lmdeploy.task"]["status"] == "ok"
    assert "config.ini" in found["lmdeploy.task"]["evidence"]
    assert found["packages.transformers"]["status"] == "ok"
    # The environment holds a newer PyTorch than 0.2.4 asks for, because it must run on a CPU.
    assert found["packages.torch"]["status"] == "warning"
    (chosen,) = [each for each in document["installations"] if each["chosen"]]
    assert chosen["lmdeploy"].startswith("0.2.4")
    assert chosen["packages"]["transformers"] == "4.37.1"
