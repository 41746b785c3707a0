"""One Python interpreter that has (or should have) LMDeploy, and what is installed beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from emotui.lmdeploy.numbering import Version
from emotui.lmdeploy.versions import Features, features

Source = Literal["given", "active", "settings", "conda", "managed", "folder"]
"""How an installation was found: with --python, as the active environment, named by the
settings, in conda's list, made by EmoTUI, or in a folder of environments."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An interpreter and the packages that it sees."""

    python: Path
    """The interpreter as it was found; a virtual environment's is not resolved to its base."""
    prefix: Path
    """`sys.prefix`: the environment's folder."""
    python_version: str
    lmdeploy: str | None
    """The version of LMDeploy, None when this interpreter has none."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Distribution name (lower case, hyphens) to version, for the packages of interest."""
    source: Source = "folder"
    site_packages: Path | None = None
    """The folder that holds LMDeploy's package."""
    libraries: tuple[Path, ...] = ()
    """Folders of NVIDIA's wheels that hold shared libraries."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """What must be set for this interpreter to see these packages: the PYTHONPATH of the active
    one, nothing for others."""

    @property
    def version(self) -> Version | None:
        """The version of LMDeploy as a number, None when there is none or it cannot be read."""
        return Version.parse(self.lmdeploy)

    @property
    def features(self) -> Features | None:
        """What this version can do, None when its version cannot be read."""
        version = self.version
        return None if version is None else features(version)

    @property
    def name(self) -> str:
        """What a person calls it: the environment's folder name."""
        return self.prefix.name or str(self.prefix)
