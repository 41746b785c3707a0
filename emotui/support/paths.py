"""Where EmoTUI keeps its files.

`EMOTUI_HOME` moves everything into one folder; else the platform's folders are used. Nothing
is created here: the writers create what they need, private to the user (0700).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

APP = "emotui"


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders that belong to the user's EmoTUI."""

    config: Path
    """Settings and themes: what a person edits and keeps."""
    state: Path
    """Jobs and crash reports: what must survive, but only on this machine."""
    data: Path
    """Conversations and managed environments."""
    cache: Path
    """What can be made again."""

    @property
    def settings_file(self) -> Path:
        """The settings, `config.toml`."""
        return self.config / "config.toml"

    @property
    def themes(self) -> Path:
        """The user's own themes, one TOML file each."""
        return self.config / "themes"

    @property
    def jobs(self) -> Path:
        """One folder a job."""
        return self.state / "jobs"

    @property
    def logs(self) -> Path:
        """What EmoTUI's own processes wrote: engine workers, crash reports."""
        return self.state / "logs"

    @property
    def conversations_file(self) -> Path:
        """The SQLite database of conversations."""
        return self.data / "conversations.sqlite3"

    @property
    def environments(self) -> Path:
        """The virtual environments that EmoTUI made."""
        return self.data / "environments"

    @property
    def backups(self) -> Path:
        """Earlier versions of the files that EmoTUI edited."""
        return self.state / "backups"


def find_paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """Return the folders for this user and this environment."""
    home = environ.get("EMOTUI_HOME")
    if home:
        root = Path(os.path.expanduser(home)).absolute()  # noqa: PTH111 (never raises)
        return Paths(root / "config", root / "state", root / "data", root / "cache")
    return Paths(
        config=platformdirs.user_config_path(APP, appauthor=False),
        state=platformdirs.user_state_path(APP, appauthor=False),
        data=platformdirs.user_data_path(APP, appauthor=False),
        cache=platformdirs.user_cache_path(APP, appauthor=False),
    )
