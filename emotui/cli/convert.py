"""`emotui convert`: plan, say what speaks against it, start the job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from emotui.cli.context import GIVEN_PATH, pass_services, python_option, say, start_options, tell
from emotui.cli.groups import examples
from emotui.cli.jobs import wait_and_tell
from emotui.operations import convert as operations
from emotui.operations.services import Services
from emotui.support.errors import UsageError
from emotui.support.language import _


@click.command(
    help=_(
        "Convert MODEL to TurboMind's format, as a job that runs on when this command has ended; "
        "prints the job's id. The workspace gets its name only when it is complete."
    ),
    epilog=examples(
        "emotui convert /data/EmoLLM --dry-run",
        "emotui convert /data/EmoLLM --dst /data/ws_fp16 --wait",
        "emotui convert /data/EmoLLM --model-name internlm2-chat-7b --tp 2 --replace",
    ),
)
@click.argument("model", type=GIVEN_PATH)
@click.option(
    "--dst",
    "destination",
    type=GIVEN_PATH,
    metavar="DIR",
    help=_("The workspace to write; without it, one beside the model."),
)
@click.option(
    "--model-name",
    metavar="NAME",
    help=_("Chat template; without it, the chat template of the model's architecture."),
)
@click.option(
    "--model-format", metavar="hf|awq", help=_("Format of the weights; found out without it.")
)
@click.option(
    "--group-size",
    type=int,
    metavar="N",
    help=_("Group size of quantized weights; found out without it."),
)
@click.option("--tp", type=int, metavar="N", help=_("How many GPUs the workspace is split for."))
@click.option(
    "--tokenizer-path",
    type=GIVEN_PATH,
    metavar="FILE",
    help=_("Tokenizer file, when the model folder has none."),
)
@click.option(
    "-o",
    "--option",
    "extra",
    multiple=True,
    metavar="NAME[=VALUE]",
    help=_("Any other option of that LMDeploy's convert, such as dtype=bfloat16."),
)
@click.option("--replace", is_flag=True, help=_("Replace an existing workspace."))
@python_option
@start_options
@pass_services
def convert(
    services: Services,
    /,
    model: Path,
    extra: Sequence[str],
    *,
    dry_run: bool,
    wait: bool,
    force: bool,
    **asked: object,
) -> int:
    """Start a conversion, or print what would be started."""
    request = operations.ConvertRequest(model=model, extra=_extra(extra), **asked)  # type: ignore[arg-type]
    plan = operations.plan(services, request)
    findings = [*plan.refusals, *plan.findings]
    for finding in findings:
        tell(
            _("{status}: {text}").format(
                status=finding.status.label, text=operations.as_sentence(finding)
            )
        )
    if dry_run:
        for line in plan.commands(services.environ):
            say(line)
        return 0 if operations.can_start(plan, force=force) else 1
    if not operations.can_start(plan, force=force):
        overruled = not plan.refusals
        tell(
            _("Nothing was started. --force goes on all the same.")
            if overruled
            else _("Nothing was started.")
        )
        return 1
    job = operations.start(services, plan, force=force)
    say(job.id)
    return wait_and_tell(services, job.id) if wait else 0


OWN_OPTIONS = {
    "model_path": "MODEL",
    "dst_path": "--dst",
    "model_name": "--model-name",
    "model_format": "--model-format",
    "group_size": "--group-size",
    "tp": "--tp",
    "tokenizer_path": "--tokenizer-path",
}
"""What `--option` may not name, since EmoTUI looks at it: where it is given instead."""


def _extra(texts: Sequence[str]) -> dict[str, str | bool]:
    """Return NAME=VALUE texts by `dest`; a NAME alone is a switch."""
    found: dict[str, str | bool] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        dest = name.strip().lstrip("-").replace("-", "_")
        if not dest:
            raise UsageError("--option needs NAME or NAME=VALUE, not {text}.", text=text)
        if dest in OWN_OPTIONS:
            raise UsageError(
                "--option does not take {name}: give it as {option}.",
                name=name.strip(),
                option=OWN_OPTIONS[dest],
            )
        found[dest] = value if equals else True
    return found
