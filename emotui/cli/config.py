"""`emotui config`: show, check and get; the commands that edit stand in `config_edit`."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from emotui.cli.config_edit import (
    complete_keys,
    diff,
    history,
    lmdeploy_option,
    redo,
    set_,
    undo,
    unset,
    workspace_argument,
)
from emotui.cli.context import json_option, pass_services, say, say_json, tell
from emotui.cli.findings import columns, print_findings
from emotui.cli.groups import CommandGroup, examples
from emotui.operations import config as operations
from emotui.operations.services import Services
from emotui.support.errors import NotFoundError
from emotui.support.language import _
from emotui.support.text import clean_line
from emotui.workspace.opened import OpenConfig, Row
from emotui.workspace.schema import Group


@click.group(
    cls=CommandGroup,
    help=_(
        "Show and edit the config.ini of a TurboMind workspace. WORKSPACE is the folder that "
        "convert made, its weights folder, or the file itself."
    ),
    epilog=examples(
        "emotui config show /data/ws_fp16",
        "emotui config set /data/ws_fp16 quant_policy=int8 session_len=8192",
        "emotui config undo /data/ws_fp16",
    ),
)
def config() -> None:
    """Hold the commands."""


@config.command(
    "show",
    help=_("Show every key with its value and what it means."),
    epilog=examples("emotui config show /data/ws_fp16 --lmdeploy 0.4.0"),
)
@workspace_argument
@lmdeploy_option
@json_option
@pass_services
def show(services: Services, /, workspace: Path, lmdeploy: str | None, *, as_json: bool) -> None:
    """Print the keys."""
    opened = operations.open_config(services, workspace, lmdeploy)
    if as_json:
        say_json(_document(opened))
        return
    tell(
        _("{path}, written by LMDeploy {writer}; meanings are those of LMDeploy {reader}.").format(
            path=opened.path, writer=opened.writer.label, reader=opened.reader.label
        )
    )
    titles = {
        Group.ENGINE: _("Engine"),
        Group.MODEL: _("Shape of the model (not to be edited)"),
        None: _("Unknown keys"),
    }
    for group, title in titles.items():
        rows = [row for row in opened.rows() if row.group is group and row.value is not None]
        if rows:
            say(_("{title}:").format(title=title))
            for line in columns([("  " + row.name, *_cells(row)) for row in rows]):
                say(line)


def _cells(row: Row) -> tuple[str, str]:
    return clean_line(row.value or ""), "" if row.meaning is None else str(row.meaning)


def _document(opened: OpenConfig) -> dict[str, object]:
    return {
        "path": str(opened.path),
        "written_by": [str(version) for version in opened.writer.versions],
        "read_by": [str(version) for version in opened.reader.versions],
        "keys": [_row_document(opened, row) for row in opened.rows()],
    }


def _row_document(opened: OpenConfig, row: Row) -> dict[str, object]:
    key = row.key
    allowed = opened.allowed(row.name)
    return {
        "key": row.name,
        "value": row.value,
        "meaning": None if row.meaning is None else str(row.meaning),
        "group": "unknown" if row.group is None else row.group.value,
        "editable": row.group is Group.ENGINE,
        "about": None if key is None else _(key.meaning),
        "allowed": None if allowed is None else str(allowed),
        "default": None if key is None else key.default(opened.reader),
    }


@config.command(
    "check",
    help=_("Look for values that are impossible or hazardous together."),
    epilog=examples("emotui config check /data/ws_fp16"),
)
@workspace_argument
@lmdeploy_option
@json_option
@pass_services
def check(services: Services, /, workspace: Path, lmdeploy: str | None, *, as_json: bool) -> int:
    """Print the findings; the exit status is 1 when one of them is a failure."""
    report = operations.check_workspace(services, workspace, lmdeploy)
    if as_json:
        say_json(
            {
                "ok": report.ok,
                "path": str(report.path),
                "findings": [finding.to_json() for finding in report.findings],
            }
        )
    else:
        print_findings(report.findings)
    return 0 if report.ok else 1


@config.command(
    "get",
    help=_("Print the value of KEY."),
    epilog=examples("emotui config get /data/ws_fp16 session_len"),
)
@workspace_argument
@click.argument("key", shell_complete=complete_keys)
@pass_services
def get(services: Services, /, workspace: Path, key: str) -> None:
    """Print one value and nothing else."""
    opened = operations.open_config(services, workspace)
    value = opened.edit.document.values.get(key.lower())
    if value is None:
        near = difflib.get_close_matches(key.lower(), opened.edit.document.values, n=1)
        if not near:
            raise NotFoundError("{path} has no {key}.", path=opened.path, key=key)
        raise NotFoundError(
            "{path} has no {key}; did you mean {near}?", path=opened.path, key=key, near=near[0]
        )
    say(value)


for _command in (set_, unset, diff, undo, redo, history):
    config.add_command(_command)
