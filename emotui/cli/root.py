"""The `emotui` command: its sub-commands, loaded when they are named, and its exit statuses.

0 done, 1 it failed, 2 wrong use or a value not allowed, 130 interrupted.
"""

from __future__ import annotations

import gettext
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from emotui import __version__
from emotui.cli.context import tell
from emotui.cli.groups import CommandGroup
from emotui.operations.services import Services, open_services
from emotui.support.crash import write_crash_report
from emotui.support.errors import EmotuiError
from emotui.support.language import (
    DOMAIN,
    LOCALE_FOLDER,
    N_,
    Message,
    _,
    language_code,
    message,
    raw,
    set_language,
)

INTERRUPTED = 130
NO_CURRENT_FOLDER = N_("The current folder does not exist any more. Go to another one with cd.")

COMMANDS = {
    "check": ("emotui.cli.check:check", N_("See whether this machine is fit for LMDeploy.")),
    "models": ("emotui.cli.models:models", N_("See what model folders are.")),
    "convert": ("emotui.cli.convert:convert", N_("Convert a model to TurboMind's format.")),
    "config": ("emotui.cli.config:config", N_("Show and edit a workspace's config.ini.")),
    "jobs": ("emotui.cli.jobs:jobs", N_("See and steer the jobs.")),
    "chat": ("emotui.cli.chat:chat", N_("Talk to a model.")),
    "completion": (
        "emotui.cli.completion:completion",
        N_("Print the completion script of a shell."),
    ),
}
"""Each sub-command: where it is defined, and its line in the help."""


class LazyGroup(CommandGroup):
    """A group that imports a sub-command when it is used; `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section(gettext.gettext("Commands")):
            formatter.write_dl([(name, _(line)) for name, (_place, line) in COMMANDS.items()])


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit status; every error becomes one message."""
    services = open_services()
    set_language(services.language())
    _translate_click()
    try:
        _keep_unencodable()
        result = _root().main(
            args=list(arguments), prog_name="emotui", standalone_mode=False, obj=services
        )
        sys.stdout.flush()
        return result if type(result) is int else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        tell(_("Interrupted."))
        return INTERRUPTED
    except click.ClickException as error:
        tell(_shown(error))
        return error.exit_code
    except EmotuiError as error:
        tell(_("Error: {error}").format(error=error))
        return error.exit_status
    except BrokenPipeError:
        return 1  # the reader (head, say) has gone, and wants to hear no more
    except OSError as error:
        tell(_("Error: {error}").format(error=_failure(services, error)))
        return 1
    except Exception as error:  # noqa: BLE001 (a fault of ours: a report, not a traceback)
        for line in write_crash_report(services.paths.logs, services.clock.now(), error):
            tell(line)
        return 1
    finally:
        _let_go_of_output()
        services.close()


def _let_go_of_output() -> None:
    """Drop what nobody takes: Python would complain of it once more while it closes stdout."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _shown(error: click.ClickException) -> str:
    """Return what click would print of its error, which quotes the arguments as they are."""
    printed = io.StringIO()
    error.show(printed)
    return printed.getvalue().rstrip("\n")


def _failure(services: Services, error: OSError) -> Message:
    """Return what the system refused, and what to do where it was about our own files."""
    path, reason = error.filename, error.strerror or str(error)
    if path is None:
        return raw(reason) if _has_current_folder() else message(NO_CURRENT_FOLDER)
    own = services.paths
    place = Path(os.fsdecode(path)) if isinstance(path, str | bytes) else Path(str(path))
    folders = (own.config, own.state, own.data, own.cache)
    if any(place.is_relative_to(each) or each.is_relative_to(place) for each in folders):
        return message(
            "EmoTUI cannot use {path}: {reason}. Make that place writable, or name another "
            "folder for its files with EMOTUI_HOME.",
            path=place,
            reason=reason,
        )
    return message("{path}: {reason}", path=place, reason=reason)


def _has_current_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _keep_unencodable() -> None:
    """Let no character that the locale lacks end a command; it is printed as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _root() -> click.Group:
    @click.group(
        cls=LazyGroup,
        invoke_without_command=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        help=_(
            "The terminal cockpit for deploying large language models with LMDeploy. "
            "Without a command, the app opens."
        ),
        epilog=_(
            "Exit status: 0 done, 1 it failed, 2 wrong use, 130 interrupted. "
            "EMOTUI_HOME moves settings, jobs and conversations into one folder."
        ),
    )
    @click.version_option(
        __version__, message="emotui %(version)s", help=_("Show the version and exit.")
    )
    @click.pass_context
    def root(ctx: click.Context) -> int:
        services = ctx.find_object(Services)
        if ctx.invoked_subcommand is None:
            return _open_app(services)
        for problem in services.settings.problems if services is not None else ():
            tell(problem)
        return 0

    return root


def _open_app(services: Services | None) -> int:
    # Here and nowhere else, so that no command pays for Textual.
    from emotui.app.start import start

    assert services is not None
    return start(services)


def _translate_click() -> None:
    """Let click's own words ("Usage", "Options") come from our catalogue too."""
    if language_code() != "en":
        os.environ["LANGUAGE"] = language_code()
        gettext.bindtextdomain(DOMAIN, str(LOCALE_FOLDER))
        gettext.textdomain(DOMAIN)
