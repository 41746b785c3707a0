"""`emotui models`: list, show, add."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from emotui.cli.context import GIVEN_PATH, json_option, pass_services, say, say_json, tell
from emotui.cli.groups import CommandGroup, examples
from emotui.cli.job_text import in_columns
from emotui.models.description import ModelFolder
from emotui.operations import models as operations
from emotui.operations.services import Services
from emotui.support.language import Message, _
from emotui.support.text import cell_width, clean_line, format_bytes, format_count, pad


class ListByDefault(CommandGroup):
    """A group in which `list` may be left out: `emotui models /data --json`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` before arguments that name no command."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=ListByDefault,
    help=_("See what model folders are; without a command, list them."),
    epilog=examples(
        "emotui models", "emotui models /data/models --json", "emotui models show /data/EmoLLM"
    ),
)
def models() -> None:
    """Hold the commands."""


@models.command(
    "list",
    help=_(
        "List the models in and below some folders: the ones given, else the current one and "
        "those that the setting models.folders names."
    ),
    epilog=examples("emotui models list /data/models"),
)
@click.argument("folders", nargs=-1, type=GIVEN_PATH, metavar="[DIR]...")
@json_option
@pass_services
def list_command(services: Services, folders: tuple[Path, ...], as_json: bool) -> int:
    """Print a table, or one JSON list."""
    for folder in folders:
        operations.require_folder(folder)
    found = operations.list_models(services, folders, usual=not folders)
    if as_json:
        say_json([as_document(model) for model in found.models])
    elif found.models:
        for line in in_columns([_titles(), *map(_row, found.models)]):
            say(line)
    else:
        places = ", ".join(map(str, found.folders))
        tell(_("There are no models in or below {folders}.").format(folders=places))
        tell(_("Name a folder that holds some with: emotui models add DIR"))
    for problem in found.problems:
        tell(problem)
    return 0


@models.command(
    help=_("Show everything that is known of a model folder."),
    epilog=examples("emotui models show /data/EmoLLM"),
)
@click.argument("folder", type=GIVEN_PATH, metavar="DIR")
@json_option
@pass_services
def show(services: Services, folder: Path, as_json: bool) -> int:
    """Print fields, or one JSON document."""
    model = operations.show_model(services, folder)
    if as_json:
        say_json(as_document(model))
        return 0
    fields = [(str(name), str(value)) for name, value in operations.facts(model)]
    width = max(cell_width(name) for name, _value in fields)
    for name, value in fields:
        say(f"{pad(name, width)}  {clean_line(value)}")
    _print_notes(_("Problems"), model.problems)
    _print_notes(_("Warnings"), model.warnings)
    return 0


@models.command(
    help=_("Remember a folder that holds models, in the setting models.folders."),
    epilog=examples("emotui models add /data/models"),
)
@click.argument("folder", type=GIVEN_PATH, metavar="DIR")
@pass_services
def add(services: Services, folder: Path) -> int:
    """Store the setting."""
    added = operations.add_folder(services, folder)
    tell(_("{path} was added to the models' folders.").format(path=added))
    return 0


def as_document(model: ModelFolder) -> dict[str, Any]:
    """Return what `--json` says of a model; None (null) means unknown."""
    quantization = model.quantization
    return {
        "path": _text(model.path),
        "name": model.name,
        "kind": model.kind.value,
        "architecture": model.architecture,
        "model_type": model.model_type,
        "model_name": model.model_name,
        "parameters": model.parameters,
        "dtype": model.dtype,
        "bytes": model.size_bytes,
        "format": model.weight_format.value if model.weight_format else None,
        "tokenizer": model.tokenizer,
        "tokenizer_files": list(model.tokenizer_files),
        "chat_template": model.chat_template,
        "layers": model.layers,
        "heads": model.heads,
        "kv_heads": model.kv_heads,
        "head_size": model.head_size,
        "hidden_size": model.hidden_size,
        "vocab_size": model.vocab_size,
        "max_position_embeddings": model.max_position_embeddings,
        "session_len": model.session_len,
        "tp": model.tp,
        "quantization": None
        if quantization is None
        else {
            "method": quantization.method,
            "bits": quantization.bits,
            "group_size": quantization.group_size,
        },
        "config_file": _text(model.config_file) if model.config_file else None,
        "remote_code": model.remote_code,
        "code_files": list(model.code_files),
        "problems": [str(problem) for problem in model.problems],
        "warnings": [str(warning) for warning in model.warnings],
    }


def _text(path: Path) -> str:
    """Return a path as JSON can hold it; bytes that are no UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")


def _titles() -> tuple[str, ...]:
    return (
        _("NAME"),
        _("KIND"),
        _("ARCHITECTURE"),
        _("PARAMETERS"),
        _("WEIGHTS"),
        _("SIZE"),
        _("FOLDER"),
    )


def _row(model: ModelFolder) -> tuple[str, ...]:
    return (
        model.name + (" !" if model.problems else ""),
        model.kind.value,
        model.architecture or "?",
        format_count(model.parameters) if model.parameters is not None else "?",
        operations.weights_label(model),
        format_bytes(model.size_bytes),
        clean_line(str(model.path)),
    )


def _print_notes(title: str, notes: Iterable[Message]) -> None:
    for number, note in enumerate(notes):
        if number == 0:
            say("")
            say(title)
        say(f"  {note}")
