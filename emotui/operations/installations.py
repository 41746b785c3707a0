"""What the commands of an LMDeploy installation take."""

from __future__ import annotations

from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions, ask_options
from emotui.operations.services import Services


def command_options(services: Services, installation: Installation, command: str) -> CommandOptions:
    """Return what a command of an installation takes; seconds the first time: use a worker."""
    return ask_options(installation, command, services.environ, services.paths.cache)
