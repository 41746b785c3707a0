"""`emotui check`: is this machine fit, for people, for scripts and for reports."""

from __future__ import annotations

from pathlib import Path

import click

from emotui.cli.context import GIVEN_PATH, json_option, pass_services, python_option, say, say_json
from emotui.cli.findings import columns, markdown_table, print_findings
from emotui.cli.groups import examples
from emotui.environment.subject import Target
from emotui.gpu.sample import Gpu
from emotui.operations import check as operation
from emotui.operations.check import Report
from emotui.operations.services import Services
from emotui.support.finding import Status
from emotui.support.language import _
from emotui.support.shell import joined
from emotui.support.text import format_bytes


@click.command(
    help=_(
        "See whether this machine is fit for LMDeploy: driver, GPUs, LMDeploy and its packages, "
        "disk and memory. Ends with 1 when something fails."
    ),
    epilog=examples(
        "emotui check",
        "emotui check --for convert --model /data/EmoLLM --python /data/venvs/lmd024",
        "emotui check --markdown > report.md",
    ),
)
@click.option(
    "--for",
    "target",
    type=click.Choice([target.value for target in Target]),
    default=Target.CHAT.value,
    show_default=True,
    help=_("The task that the machine should be fit for."),
)
@click.option(
    "--model",
    type=GIVEN_PATH,
    metavar="DIR",
    help=_("A model folder that the task is for."),
)
@python_option
@json_option
@click.option(
    "--markdown", "as_markdown", is_flag=True, help=_("Print a report in Markdown, to send on.")
)
@pass_services
def check(
    services: Services,
    target: str,
    model: Path | None,
    python: Path | None,
    *,
    as_json: bool,
    as_markdown: bool,
) -> int:
    """Run the checks and print what they found."""
    if as_json and as_markdown:
        raise click.UsageError(_("--json and --markdown exclude each other."))
    report = operation.run(services, Target(target), model, python)
    if as_json:
        say_json(report.to_json())
    elif as_markdown:
        say(_markdown(report))
    else:
        _print(report)
    return 0 if report.ok else 1


def _print(report: Report) -> None:
    if report.gpus:
        say(_driver_line(report))
        for line in columns([_gpu_row(gpu) for gpu in report.gpus]):
            say("  " + line)
        say("")
    if report.installations:
        say(_("LMDeploy (* is the one that is meant)"))
        for line in columns(_installation_rows(report)):
            say("  " + line)
        say("")
    print_findings(report.by_urgency)
    say("")
    say(_verdict(report))


def _driver_line(report: Report) -> str:
    return _("GPUs (driver {driver}, CUDA {cuda})").format(
        driver=report.reading.driver or "-", cuda=report.reading.cuda_text or "-"
    )


def _gpu_row(gpu: Gpu) -> list[str]:
    capability = gpu.compute_capability
    return [
        str(gpu.index),
        gpu.name or "-",
        f"{_size(gpu.memory_used)} / {_size(gpu.memory_total)}",
        "-" if gpu.utilisation_percent is None else f"{gpu.utilisation_percent} %",
        "-" if gpu.temperature_c is None else f"{gpu.temperature_c} °C",
        f"{_watts(gpu.power_w)} / {_watts(gpu.power_limit_w)} W",
        "-" if capability is None else f"sm_{capability[0]}{capability[1]}",
    ]


def _size(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else format_bytes(size_bytes)


def _watts(power_w: float | None) -> str:
    return "-" if power_w is None else f"{power_w:.0f}"


def _installation_rows(report: Report) -> list[list[str]]:
    return [
        [
            "*" if each == report.chosen else " ",
            each.lmdeploy or "-",
            f"Python {each.python_version}",
            str(each.python),
        ]
        for each in report.installations
    ]


def _verdict(report: Report) -> str:
    counts = {
        status: sum(finding.status is status for finding in report.findings) for status in Status
    }
    template = (
        _("Fit for {task}: {warnings} warning(s), {unknown} unknown.")
        if report.ok
        else _(
            "Not fit for {task}: {failures} failure(s), {warnings} warning(s), {unknown} unknown."
        )
    )
    return template.format(
        task=report.target.label,
        failures=counts[Status.FAILURE],
        warnings=counts[Status.WARNING],
        unknown=counts[Status.UNKNOWN],
    )


def _markdown(report: Report) -> str:
    findings = markdown_table(
        [_("Status"), _("Check"), _("Evidence"), _("Why it matters"), _("What to do")],
        (
            [
                str(finding.status.label),
                str(finding.title),
                str(finding.evidence),
                str(finding.why),
                ""
                if finding.remedy is None
                else _remedy(finding.remedy.text, finding.remedy.command),
            ]
            for finding in report.by_urgency
        ),
    )
    parts = ["# " + _("EmoTUI check"), _verdict(report), findings]
    if report.gpus:
        head = ["#", _("GPU"), _("GPU memory"), _("Utilisation"), "°C", "W", "SM"]
        table = markdown_table(head, map(_gpu_row, report.gpus))
        parts += [f"## {_driver_line(report)}", table]
    if report.installations:
        table = markdown_table(["", "LMDeploy", "Python", _("Where")], _installation_rows(report))
        parts += ["## LMDeploy", table]
    return "\n\n".join(parts)


def _remedy(text: object, command: tuple[str, ...] | None) -> str:
    return str(text) if command is None else f"{text} $ {joined(command)}"
