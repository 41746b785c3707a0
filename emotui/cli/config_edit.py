"""`emotui config set|unset|diff|undo|redo|history`: editing a config.ini from a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from emotui.cli.context import GIVEN_PATH, json_option, pass_services, say, say_json, tell
from emotui.cli.findings import columns
from emotui.cli.groups import examples
from emotui.operations import config as operations
from emotui.operations.services import Services
from emotui.support.errors import EmotuiError, UsageError
from emotui.support.language import _
from emotui.support.shell import quoted
from emotui.support.text import clean_line
from emotui.workspace.history import Edited
from emotui.workspace.opened import OpenConfig

Command = TypeVar("Command", bound=Callable[..., Any])


def complete_keys(ctx: click.Context, _param: click.Parameter, begun: str) -> list[str]:
    """Offer the keys of the workspace that was named to the shell's completion."""
    services, workspace = ctx.find_object(Services), ctx.params.get("workspace")
    if services is None or workspace is None:
        return []
    try:
        rows = operations.open_config(services, workspace).rows()
    except (EmotuiError, OSError):
        return []
    return [row.name for row in rows if row.name.startswith(begun.lower())]


workspace_argument = click.argument("workspace", type=GIVEN_PATH)


def lmdeploy_option(command: Command) -> Command:
    """Add `--lmdeploy VERSION`, the version that will read the file."""
    return click.option(
        "--lmdeploy",
        metavar="VERSION",
        help=_("Version of LMDeploy that will read the file; without it, the file's keys tell."),
    )(command)


def force_option(command: Command) -> Command:
    """Add `--force`."""
    return click.option(
        "--force", is_flag=True, help=_("Write values that EmoTUI would not allow.")
    )(command)


def dry_run_option(command: Command) -> Command:
    """Add `--dry-run`."""
    return click.option(
        "--dry-run", is_flag=True, help=_("Print the difference and save nothing.")
    )(command)


@click.command(
    "set",
    help=_(
        "Set keys and print the difference. Meanings are understood too: quant_policy=int8 is "
        "written as the digit that the version reads as int8."
    ),
    epilog=examples(
        "emotui config set /data/ws_fp16 quant_policy=int8 --dry-run",
        "emotui config set /data/ws_fp16 session_len=8192 cache_max_entry_count=50%",
    ),
)
@workspace_argument
@click.argument(
    "assignments",
    nargs=-1,
    required=True,
    metavar="KEY=VALUE...",
    shell_complete=lambda *given: [f"{key}=" for key in complete_keys(*given)],
)
@lmdeploy_option
@dry_run_option
@force_option
@pass_services
def set_(
    services: Services,
    /,
    workspace: Path,
    assignments: Sequence[str],
    lmdeploy: str | None,
    *,
    dry_run: bool,
    force: bool,
) -> None:
    """Change keys and save."""
    values = _assigned(assignments)
    opened = operations.open_config(services, workspace, lmdeploy)
    operations.set_values(opened, values, force=force)
    _finish(services, opened, dry_run=dry_run)


@click.command(
    "unset",
    help=_("Remove keys, so that the engine's own defaults hold; print the difference."),
    epilog=examples("emotui config unset /data/ws_fp16 use_logn_attn"),
)
@workspace_argument
@click.argument("names", nargs=-1, required=True, metavar="KEY...", shell_complete=complete_keys)
@dry_run_option
@force_option
@pass_services
def unset(
    services: Services,
    /,
    workspace: Path,
    names: Sequence[str],
    *,
    dry_run: bool,
    force: bool,
) -> None:
    """Remove keys and save."""
    opened = operations.open_config(services, workspace)
    operations.unset_values(opened, [name.lower() for name in names], force=force)
    _finish(services, opened, dry_run=dry_run)


def _assigned(assignments: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError("Write KEY=VALUE, such as session_len=8192, not {text}.", text=text)
        key = name.strip().lower()
        if key in values:
            raise UsageError("{key} is given twice; give it once.", key=key)
        values[key] = value
    return values


def _finish(services: Services, opened: OpenConfig, *, dry_run: bool) -> None:
    """Print the difference, save it, and tell what speaks against the new values."""
    lines = opened.edit.difference()
    if not lines:
        tell(_("Nothing changes: {path} says so already.").format(path=opened.path))
        return
    for finding in opened.new_warnings():
        tell(
            _("{status}: {evidence}").format(
                status=finding.status.label,
                evidence=_("{evidence} {why}").format(
                    evidence=_sentence(finding.evidence), why=finding.why
                ),
            )
        )
    if not dry_run:
        operations.save_config(services, opened)
    for line in lines:
        say(line)
    tell(
        _("Nothing was saved (--dry-run).")
        if dry_run
        else _("Saved. “emotui config undo {path}” takes it back.").format(
            path=quoted(str(opened.path))
        )
    )


@click.command(
    "diff",
    help=_("Print what EmoTUI changed in the file, since its first edit."),
    epilog=examples("emotui config diff /data/ws_fp16 --last"),
)
@workspace_argument
@click.option("--last", is_flag=True, help=_("Only what the last saved edit changed."))
@pass_services
def diff(services: Services, /, workspace: Path, *, last: bool) -> None:
    """Print a unified difference."""
    for line in operations.config_difference(services, workspace, last=last):
        say(line)


@click.command(
    "undo",
    help=_("Take back the last saved edit, to the byte."),
    epilog=examples("emotui config undo /data/ws_fp16"),
)
@workspace_argument
@pass_services
def undo(services: Services, /, workspace: Path) -> None:
    """Undo, and say what was undone."""
    say(
        _("Undone: {changes}").format(changes=_changes(operations.undo_config(services, workspace)))
    )


@click.command(
    "redo",
    help=_("Apply again the edit that was undone last."),
    epilog=examples("emotui config redo /data/ws_fp16"),
)
@workspace_argument
@pass_services
def redo(services: Services, /, workspace: Path) -> None:
    """Redo, and say what was redone."""
    say(
        _("Done again: {changes}").format(
            changes=_changes(operations.redo_config(services, workspace))
        )
    )


@click.command(
    "history",
    help=_("List the edits that were saved, oldest first."),
    epilog=examples("emotui config history /data/ws_fp16 --json"),
)
@workspace_argument
@json_option
@pass_services
def history(services: Services, /, workspace: Path, *, as_json: bool) -> None:
    """Print one edit a line."""
    found = operations.config_history(services, workspace)
    if as_json:
        say_json(
            [
                {
                    "number": number,
                    "time": entry.time.isoformat(),
                    "applied": number <= found.applied,
                    "changes": [
                        {"key": each.key, "old": each.old, "new": each.new}
                        for each in entry.changes
                    ],
                }
                for number, entry in enumerate(found.entries, start=1)
            ]
        )
        return
    if not found.entries:
        tell(_("EmoTUI has saved no edit of {path}.").format(path=found.path))
        return
    for line in columns(
        [
            (
                str(number),
                f"{entry.time.astimezone():%Y-%m-%d %H:%M:%S}",
                _("applied") if number <= found.applied else _("undone"),
                _changes(entry),
            )
            for number, entry in enumerate(found.entries, start=1)
        ]
    ):
        say(line)


def _sentence(text: object) -> str:
    """Return evidence such as `session_len = 4096` as a sentence, for running text."""
    ended = str(text).rstrip()
    return ended if ended[-1:] in ".!?。！？" else ended + _(".")


def _changes(entry: Edited) -> str:
    """Return the changes of an edit in one line: `session_len 32776 -> 8192`."""
    absent = _("absent")
    return ", ".join(
        clean_line(
            f"{each.key} {absent if each.old is None else each.old} -> "
            f"{absent if each.new is None else each.new}"
        )
        for each in entry.changes
    )
