"""A real virtual environment whose LMDeploy is metadata only."""

from __future__ import annotations

import venv
from pathlib import Path

FITTING = {"torch": "2.1.2", "transformers": "4.37.1", "protobuf": "4.25.1", "numpy": "1.26.4"}
FITTING |= {"pydantic": "2.6.0"}
"""Packages that go with LMDeploy 0.2.4."""


def make_environment(folder: Path, lmdeploy: str | None = "0.2.4", **packages: str) -> Path:
    """Make the environment with `FITTING` and `packages`; return its interpreter."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    site = next(folder.glob("lib/python3*/site-packages"))
    wanted = FITTING | packages | ({} if lmdeploy is None else {"lmdeploy": lmdeploy})
    for name, version in wanted.items():
        metadata = site / f"{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8"
        )
    return folder / "bin" / "python"
