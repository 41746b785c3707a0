"""`emotui jobs`: list, show, logs, wait, cancel, remove."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from click.shell_completion import CompletionItem

from emotui.cli.context import json_option, pass_services, say, say_json, tell
from emotui.cli.groups import CommandGroup, examples
from emotui.cli.job_text import as_document, details, in_columns, row_of, state_and_progress
from emotui.jobs.job import Job, JobState
from emotui.lmdeploy.progress import Progress
from emotui.operations import jobs as operations
from emotui.operations.services import Services
from emotui.support.errors import EmotuiError, UsageError
from emotui.support.language import _
from emotui.support.text import cell_width, clean_line, pad

WAIT_TICK_S = 0.5
CANCEL_MARGIN_S = 5.0


def complete_ids(ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Offer the jobs to the shell's completion, with their states and titles."""
    services = ctx.find_object(Services)
    found = operations.list_jobs(services) if services is not None else []
    return [
        CompletionItem(job.id, help=clean_line(f"{job.state.label}  {job.spec.title}"))
        for job in found
        if job.id.startswith(begun) and job.id not in (ctx.params.get("ids") or ())
    ]


ids_argument = click.argument(
    "ids", nargs=-1, required=True, metavar="ID...", shell_complete=complete_ids
)


@click.group(
    cls=CommandGroup,
    invoke_without_command=True,
    help=_("See and steer the jobs; without a command, list them."),
    epilog=examples("emotui jobs", "emotui jobs logs -f ID", "emotui jobs cancel ID")
    + "\n\n"
    + _("The first characters of an ID are enough when no other job begins with them."),
)
@json_option
@click.pass_context
def jobs(ctx: click.Context, as_json: bool) -> int:
    """Without a sub-command, list."""
    if ctx.invoked_subcommand is None:
        return int(ctx.invoke(list_command, as_json=as_json))
    if as_json:
        raise UsageError(
            "Write --json behind the command: emotui jobs {command} --json",
            command=ctx.invoked_subcommand,
        )
    return 0


@jobs.command(
    "list",
    help=_("List all jobs, the newest first."),
    epilog=examples("emotui jobs list --json"),
)
@json_option
@pass_services
def list_command(services: Services, as_json: bool) -> int:
    """Print a table, or one JSON list."""
    watch = operations.ProgressWatch()
    found = operations.list_jobs(services)
    if as_json:
        say_json([as_document(job, progress_now(watch, job)) for job in found])
    elif not found:
        tell(_("There are no jobs. One begins with: emotui convert MODEL"))
    else:
        now = services.clock.now()
        titles = (_("ID"), _("STATE"), _("PROGRESS"), _("TIME"), _("STARTED"), _("TITLE"))
        rows = [titles, *(row_of(job, progress_now(watch, job), now) for job in found)]
        for line in in_columns(rows):
            say(line)
    for job in found:
        if job.damage is not None:
            tell(_("Job {id}: {problem}").format(id=job.id, problem=job.damage))
    return 0


@jobs.command(
    help=_("Show everything that is known of jobs."),
    epilog=examples("emotui jobs show ID --json"),
)
@ids_argument
@json_option
@pass_services
def show(services: Services, ids: tuple[str, ...], as_json: bool) -> int:
    """Print fields, or one JSON document a job, one a line."""
    watch = operations.ProgressWatch()
    for number, job in enumerate([operations.show_job(services, name) for name in ids]):
        progress = watch.look(job)
        if as_json:
            say_json(as_document(job, progress) | details(job, progress))
            continue
        if number:
            say("")
        now = services.clock.now()
        fields = [(str(name), value) for name, value in operations.facts(job, now, progress)]
        width = max(cell_width(name) for name, _value in fields)
        for name, value in fields:
            say(f"{pad(name, width)}  {value}")
    return 0


@jobs.command(
    help=_("Print the log of jobs."),
    epilog=examples("emotui jobs logs ID -n 20", "emotui jobs logs -f ID"),
)
@ids_argument
@click.option("-f", "--follow", is_flag=True, help=_("Go on while the job runs."))
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), metavar="LINES", help=_("Only the last LINES.")
)
@click.option("--raw", is_flag=True, help=_("Every byte as it was written, controls too."))
@pass_services
def logs(
    services: Services, ids: tuple[str, ...], follow: bool, lines: int | None, raw: bool
) -> int:
    """Print lines, or bytes."""
    if follow and len(ids) > 1:
        raise UsageError("Only one job can be followed at a time.")
    for name in ids:
        if len(ids) > 1:
            tell(f"==> {operations.show_job(services, name).id} <==")
        if raw:
            output = sys.stdout.buffer
            for data in operations.log_bytes(services, name, lines, follow=follow):
                output.write(data)
                output.flush()
        else:
            for line in operations.log_lines(services, name, lines, follow=follow):
                say(line)
    return 0


@jobs.command(
    help=_(
        "Wait until jobs are over. Ends with 0 when all succeeded, else with 1. Ctrl+C ends the "
        "waiting, never the job."
    ),
    epilog=examples("emotui jobs wait ID && emotui chat /data/ws_fp16"),
)
@ids_argument
@pass_services
def wait(services: Services, ids: tuple[str, ...]) -> int:
    """Wait for one job after the other."""
    names = [operations.show_job(services, name).id for name in ids]
    return max([wait_and_tell(services, name) for name in names])


@jobs.command(
    help=_("Stop jobs, with everything that they started."),
    epilog=examples("emotui jobs cancel ID"),
)
@ids_argument
@pass_services
def cancel(services: Services, ids: tuple[str, ...]) -> int:
    """Ask all of them to end, then see them end."""
    status, asked = 0, []
    for name in ids:
        with told_errors() as failed:
            asked.append(operations.cancel_job(services, name))
        status = max(status, *failed, 0)
    for job in asked:
        limit_s = job.spec.grace_s + CANCEL_MARGIN_S
        ended = operations.wait_for_job(services, job.id, limit_s)
        say(f"{ended.id}  {ended.state.label}")
        status = max(status, int(ended.state is not JobState.CANCELLED))
    return status


@jobs.command(
    help=_("Delete jobs that are over, with their logs. What they made stays."),
    epilog=examples("emotui jobs remove ID ID"),
)
@ids_argument
@pass_services
def remove(services: Services, ids: tuple[str, ...]) -> int:
    """Remove each; one that cannot be removed does not keep the others."""
    status = 0
    for name in ids:
        with told_errors() as failed:
            operations.remove_job(services, name)
        status = max(status, *failed, 0)
    return status


@contextmanager
def told_errors() -> Iterator[list[int]]:
    """Tell an error instead of raising it; the list gets its exit status."""
    failed: list[int] = []
    try:
        yield failed
    except (EmotuiError, OSError) as error:
        tell(_("Error: {error}").format(error=error))
        failed.append(error.exit_status if isinstance(error, EmotuiError) else 1)


def wait_and_tell(services: Services, name: str) -> int:
    """Wait for a job, telling its progress and its end on standard error; 0 when it succeeded."""
    watch, last = operations.ProgressWatch(), ""
    on_terminal = sys.stderr.isatty()
    while True:
        job = operations.wait_for_job(services, name, WAIT_TICK_S)
        if job.state.is_final:
            break
        progress = watch.look(job)
        line = f"{job.id}  {state_and_progress(job, progress, rough=not on_terminal)}"
        if line != last:
            last = line
            click.echo(
                f"\r{clean_line(line)}\x1b[K" if on_terminal else line, err=True, nl=not on_terminal
            )
    if on_terminal and last:
        click.echo("\r\x1b[K", err=True, nl=False)
    tell(f"{job.id}  {job.state.label}" + (f"  {job.reason}" if job.reason else ""))
    if job.state is JobState.FAILED:
        tell(_("What it said: emotui jobs logs {id} -n 20").format(id=job.id))
    return int(job.state is not JobState.SUCCEEDED)


def progress_now(watch: operations.ProgressWatch, job: Job) -> Progress | None:
    """Return the progress of a job that is not over, or that succeeded: others tell nothing."""
    return None if job.state.is_final and job.state is not JobState.SUCCEEDED else watch.look(job)
