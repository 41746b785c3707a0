"""The long-lived objects of a running EmoTUI, built here and nowhere else.

Each is made when it is first asked for, so that `emotui jobs` opens no conversation and
`emotui config` no NVML. A face builds one `Services` at its start and closes it at its end.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from emotui.support.clock import Clock, SystemClock
from emotui.support.language import detect_language
from emotui.support.paths import Paths, find_paths
from emotui.support.settings import Settings

if TYPE_CHECKING:
    from emotui.chat.session import ChatSession
    from emotui.chat.store import ConversationStore
    from emotui.gpu.nvml import Gpus
    from emotui.jobs.store import JobStore
    from emotui.lmdeploy.installation import Installations


class Services:
    """What the operations work with."""

    def __init__(
        self,
        paths: Paths,
        environ: Mapping[str, str] = os.environ,
        clock: Clock | None = None,
    ) -> None:
        self.paths = paths
        self.environ = environ
        self.clock: Clock = clock or SystemClock()
        self.chat: ChatSession | None = None
        """The session that goes on whichever screen is shown; None before the first."""

    @cached_property
    def settings(self) -> Settings:
        """The user's settings."""
        return Settings(self.paths.settings_file)

    @cached_property
    def gpus(self) -> Gpus:
        """The GPUs of this machine."""
        # Imported on use: most commands look at no GPU.
        from emotui.gpu.nvml import Gpus

        return Gpus()

    @cached_property
    def installations(self) -> Installations:
        """The interpreters that have LMDeploy."""
        # Imported on use: most commands ask no interpreter.
        from emotui.lmdeploy.installation import Installations

        return Installations(self.paths, self.environ, self.settings)

    @cached_property
    def jobs(self) -> JobStore:
        """The user's jobs."""
        # Imported on use: `emotui config`, say, has no job to look at.
        from emotui.jobs.store import JobStore

        return JobStore(self.paths.jobs, self.clock)

    @cached_property
    def conversations(self) -> ConversationStore:
        """The conversations that were kept."""
        # Imported on use, for sqlite's sake.
        from emotui.chat.store import ConversationStore

        return ConversationStore(self.paths.conversations_file, self.clock)

    def language(self) -> str:
        """Return the language to speak: the setting, else the environment's."""
        wanted = self.settings.text("app.language")
        return detect_language(self.environ, [wanted] if wanted else [])

    def close(self) -> None:
        """Give back what was opened."""
        if "gpus" in self.__dict__:
            self.gpus.close()
        if "conversations" in self.__dict__:
            self.conversations.close()


def open_services(environ: Mapping[str, str] = os.environ) -> Services:
    """Return the services for this user and this environment."""
    return Services(find_paths(environ), environ)
