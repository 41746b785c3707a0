"""The fake NVML: `fake_nvml.c`, built once a run, found by name through LD_LIBRARY_PATH."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).parent / "fake_nvml.c"


@functools.cache
def build() -> Path | None:
    """Return the folder that holds the library, None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="fake-nvml-"))
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(SOURCE)],
        check=True,
    )
    return folder


def environment(folder: Path, **settings: object) -> dict[str, str]:
    """Return this process's environment with the fake library in front and no GPU hidden."""
    found = {**os.environ, "LD_LIBRARY_PATH": str(folder)}
    found.pop("CUDA_VISIBLE_DEVICES", None)
    return found | {f"FAKE_NVML_{name.upper()}": str(value) for name, value in settings.items()}
