"""What every command shares: the services, output, errors and exit statuses.

Results go to standard output, messages to standard error; `--json` prints one document and
nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from emotui.operations.services import Services
from emotui.support.language import _
from emotui.support.text import CONTROL, clean

Command = TypeVar("Command", bound=Callable[..., Any])


class GivenPath(click.Path):
    """A path, which must not be empty: that is a variable that was not set, never a folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a `Path`, or refuse."""
        if not str(value):
            self.fail(_("The path is empty."), param, ctx)
        return super().convert(value, param, ctx)


GIVEN_PATH = GivenPath(path_type=Path)
"""The type of every path on the command line."""

pass_services = click.make_pass_decorator(Services)
"""Give a command the `Services` as its first argument."""


def say(text: object) -> None:
    """Print a line of the result on standard output, cleaned of terminal controls."""
    click.echo(clean(str(text)))


def tell(text: object) -> None:
    """Print a message for the person on standard error, cleaned of terminal controls."""
    click.echo(clean(str(text)), err=True)


def say_json(document: object) -> None:
    """Print one JSON document, in one line, on standard output.

    JSON escapes half of the terminal's controls by itself; the others are escaped here, which
    changes nothing for who reads the document.
    """
    text = json.dumps(document, ensure_ascii=False)
    click.echo(CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def json_option(command: Command) -> Command:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document."))(
        command
    )


def python_option(command: Command) -> Command:
    """Add `--python PATH`, the interpreter (or environment folder) whose LMDeploy is meant."""
    return click.option(
        "--python",
        "python",
        type=GIVEN_PATH,
        metavar="PATH",
        help=_("Interpreter, or environment folder, whose LMDeploy is meant."),
    )(command)


def start_options(command: Command) -> Command:
    """Add `--dry-run`, `--wait` and `--force`, which every command that starts work takes."""
    for option in (
        click.option("--force", is_flag=True, help=_("Go on where a check says no.")),
        click.option(
            "--wait", is_flag=True, help=_("Follow the job and end with its exit status.")
        ),
        click.option("--dry-run", is_flag=True, help=_("Print the exact command and do nothing.")),
    ):
        command = option(command)
    return command
