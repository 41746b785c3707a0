"""The LMDeploy installations of this machine, and what their commands take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions, ask_options
from emotui.operations.services import Services


def list_installations(services: Services) -> Sequence[Installation]:
    """Return the installations found, newest first. Starts processes: call it in a worker."""
    return services.installations.list()


def get_installation(services: Services, python: Path | None = None) -> Installation:
    """Return the installation that `python` names, else the one of the settings or the newest."""
    return services.installations.get(python)


def command_options(services: Services, installation: Installation, command: str) -> CommandOptions:
    """Return what a command of an installation takes; seconds the first time: use a worker."""
    return ask_options(installation, command, services.environ, services.paths.cache)
