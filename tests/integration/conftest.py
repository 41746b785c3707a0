"""The real LMDeploy 0.2.4, which runs on a CPU, for the integration tests.

`EMOTUI_TEST_LMDEPLOY` names the folder of its environment (`.ci/lmdeploy-0.2.4 FOLDER` makes
it). Without it the tests are skipped on a developer's machine; `.ci/run` sets it and sets
`EMOTUI_TEST_REQUIRED`, and then nothing here may be skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

PATCHES = Path(__file__).parent / "cpu_patches"
"""Holds the `sitecustomize.py` that lets LMDeploy's commands run where no GPU is."""


@pytest.fixture(scope="session")
def lmdeploy_environment() -> Path:
    """The folder of the virtual environment that has the real LMDeploy 0.2.4."""
    folder = os.environ.get("EMOTUI_TEST_LMDEPLOY", "")
    if not folder or not (Path(folder) / "bin" / "python").exists():
        if os.environ.get("EMOTUI_TEST_REQUIRED"):
            pytest.fail("EMOTUI_TEST_LMDEPLOY must name the environment with LMDeploy 0.2.4")
        pytest.skip("EMOTUI_TEST_LMDEPLOY does not name an environment with LMDeploy 0.2.4")
    return Path(folder)


@pytest.fixture(scope="session")
def lmdeploy_python(lmdeploy_environment: Path) -> Path:
    """The interpreter that has the real LMDeploy 0.2.4."""
    return lmdeploy_environment / "bin" / "python"


@pytest.fixture
def cpu_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let LMDeploy's commands run without a GPU, as children of what the test runs."""
    monkeypatch.setenv("PYTHONPATH", str(PATCHES))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield
