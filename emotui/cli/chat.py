"""`emotui chat`: talk to a model by one message, line by line, or for a script as JSON.

The answer goes to standard output as it arrives, everything else to standard error.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from emotui.cli.chat_talk import Talk
from emotui.cli.context import (
    GIVEN_PATH,
    Command,
    json_option,
    pass_services,
    python_option,
    say,
    say_json,
    tell,
)
from emotui.cli.groups import examples
from emotui.engine.protocol import Sampling
from emotui.operations import chat as operations
from emotui.operations.engine import ENGINES
from emotui.operations.services import Services
from emotui.support.errors import EmotuiError, UsageError
from emotui.support.language import _

DEFAULTS = Sampling()


def engine_options(command: Command) -> Command:
    """Add the options that say what answers."""
    for option in (
        click.option(
            "--device", metavar="NAME", help=_("Where transformers computes: cuda or cpu.")
        ),
        click.option(
            "--trust-remote-code",
            is_flag=True,
            help=_("Let Python code in the model's folder run."),
        ),
        click.option(
            "--template", metavar="NAME", help=_("Chat template of LMDeploy to use, by name.")
        ),
        click.option(
            "--session-len",
            type=int,
            metavar="N",
            help=_("Tokens of question and answer together that the engine makes room for."),
        ),
        python_option,
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            help=_("What runs the model; without it, TurboMind where it can, else transformers."),
        ),
    ):
        command = option(command)
    return command


def sampling_options(command: Command) -> Command:
    """Add the options that say how the next token is chosen; their ranges are the engine's."""
    for flag, kind, default, help_text in (
        ("--seed", int, None, _("Number that makes the same answer come again.")),
        ("--repetition-penalty", float, DEFAULTS.repetition_penalty, _("1 means none.")),
        ("--top-k", int, DEFAULTS.top_k, _("Choose among the K likeliest tokens; 0: all.")),
        (
            "--top-p",
            float,
            DEFAULTS.top_p,
            _("Choose among the likeliest tokens that make up this share of probability."),
        ),
        (
            "--temperature",
            float,
            DEFAULTS.temperature,
            _("0 always takes the likeliest token; higher is more varied."),
        ),
        ("--max-tokens", int, DEFAULTS.max_tokens, _("Longest answer.")),
    ):
        command = click.option(
            flag, type=kind, default=default, show_default=default is not None, help=help_text
        )(command)
    return command


def conversation_options(command: Command) -> Command:
    """Add the options that look after the conversations that were kept."""
    for option in (
        click.option("--delete", "unwanted", metavar="ID", help=_("Delete a conversation.")),
        click.option("--list", "as_list", is_flag=True, help=_("List the conversations.")),
        click.option("--continue", "earlier", metavar="ID", help=_("Go on with a conversation.")),
        click.option("--no-save", is_flag=True, help=_("Do not keep this conversation.")),
    ):
        command = option(command)
    return command


@click.command(
    help=_(
        "Talk to MODEL, a folder: a Hugging Face checkpoint or a TurboMind workspace.\n\n"
        "With -m, or with text on standard input, one answer is printed as it arrives. "
        "On a terminal without -m, each line is a message. Ctrl-C stops an answer."
    ),
    epilog=examples(
        "emotui chat /data/EmoLLM",
        "emotui chat /data/ws_fp16 -m '你好,最近总是睡不好。'",
        "emotui chat /data/EmoLLM --engine transformers --json < question.txt",
        "emotui chat --list",
    )
    + "\n\n"
    + _("Exit status: 0 answered, 1 the engine failed, 2 wrong use, 130 interrupted."),
)
@click.argument("model", required=False, type=GIVEN_PATH)
@click.option("-m", "--message", metavar="TEXT", help=_("The message; - reads standard input."))
@click.option("--system", metavar="TEXT", help=_("System prompt."))
@engine_options
@sampling_options
@conversation_options
@json_option
@pass_services
def chat(services: Services, /, model: Path | None, as_json: bool, **given: Any) -> int:
    """Run the command."""
    if given["as_list"]:
        return _list(services, as_json=as_json)
    if given["unwanted"] is not None:
        tell(
            _("Deleted conversation {id}.").format(
                id=operations.delete_conversation(services, given["unwanted"])
            )
        )
        return 0
    try:
        request = _request(services, model, given)
        message = _message(given["message"], as_json=as_json)
        session = operations.open_chat(services, request)
        return asyncio.run(Talk(session, as_json=as_json).run(message))
    except EmotuiError as error:
        if not as_json:
            raise
        say_json({"event": "error", "message": str(error)})
        return error.exit_status


def _request(
    services: Services, model: Path | None, given: dict[str, Any]
) -> operations.ChatRequest:
    engine, earlier = given["engine"], given["earlier"]
    if earlier is not None:
        if given["system"] is not None or given["no_save"]:
            raise UsageError("--continue goes with neither --system nor --no-save.")
        found = operations.open_conversation(services, earlier)
        earlier, model, engine = found.id, model or Path(found.model), engine or found.engine
    if model is None:
        raise UsageError("Name the folder of a model: emotui chat MODEL")
    return operations.ChatRequest(
        model=model,
        engine=engine,
        python=given["python"],
        system=given["system"],
        session_len=given["session_len"],
        template=given["template"],
        trust_remote_code=given["trust_remote_code"],
        device=given["device"],
        sampling=Sampling(
            max_tokens=given["max_tokens"],
            temperature=given["temperature"],
            top_p=given["top_p"],
            top_k=given["top_k"],
            repetition_penalty=given["repetition_penalty"],
            seed=given["seed"],
        ),
        keep=not given["no_save"],
        conversation=earlier or "",
    )


def _message(given: str | None, *, as_json: bool) -> str | None:
    """Return the message; None when a person is going to type lines."""
    if given is None and sys.stdin.isatty():
        if as_json:
            raise UsageError("--json needs the message: give it with -m, or on standard input.")
        return None
    if given is None or given == "-":
        given = sys.stdin.buffer.read().decode("utf-8-sig", errors="replace").rstrip("\n")
    if not given.strip():
        raise UsageError("The message is empty.")
    return given


def _list(services: Services, *, as_json: bool) -> int:
    found = operations.list_conversations(services)
    if as_json:
        say_json(
            [
                {
                    "id": one.id,
                    "title": one.title,
                    "model": one.model,
                    "engine": one.engine,
                    "created": one.created.isoformat(timespec="seconds"),
                    "updated": one.updated.isoformat(timespec="seconds"),
                    "messages": one.messages,
                }
                for one in found
            ]
        )
    elif not found:
        tell(_("There are no conversations. One begins with: emotui chat MODEL"))
    else:
        for one in found:
            say(f"{one.id}  {one.updated.astimezone():%Y-%m-%d %H:%M}  {one.title}")
    return 0
