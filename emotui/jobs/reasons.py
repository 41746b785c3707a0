"""Why a job is in its state, as sentences.

The supervisor writes a code and parameters, because it speaks no language; here they become
messages. Where the command's output can be found is said too, as long as it lies there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from emotui.jobs.job import JobSpec, JobState
from emotui.jobs.publishing import aside_path
from emotui.support.language import N_, Message, message

_SENTENCES = {
    "exit-status": N_("The command ended with exit status {number}."),
    "signal": N_("The command was ended by signal {number} ({name})."),
    "command": N_("The command could not be started: {error}."),
    "folder": N_("Its working folder could not be entered: {error}."),
    "cancelled": N_("It was stopped on request."),
    "terminated": N_("It was stopped because its supervisor was told to end (SIGTERM)."),
    "publish-missing": N_(
        "The command ended with exit status 0, but did not write everything: {missing} is missing."
    ),
    "publish-exists": N_(
        "The command ended with exit status 0, but {destination} exists meanwhile and was not "
        "to be replaced."
    ),
    "publish-failed": N_(
        "The command ended with exit status 0, but its output could not be renamed to "
        "{destination}: {error}."
    ),
    "supervisor": N_("Its supervisor could not start it: {error}."),
}
_DISK_FULL = N_("{what} The disk that holds {full} is full, which may be why.")
_PARTIAL = N_("{what} What it had written is in {partial}.")
_ASIDE = N_("{what} The output that was to be replaced is in {aside}.")
_LEFTOVERS = N_("{what} Processes that it had started were still there: {pids}.")

SUCCEEDED = message("The command ended with exit status 0.")
NEVER_STARTED = message("It was never started: no supervisor took it.")
REBOOTED = message("The machine was restarted while it ran; how it would have ended is unknown.")
KILLED = message("Its supervisor was killed; how the command ended is unknown.")
ORPHANED = message(
    "Its supervisor was killed, but the command still runs. How it ends will not be known."
)
END_DAMAGED = message("The record of its end is damaged; how the command ended is unknown.")
STOP_WANTED = message("It was asked to stop.")


def elsewhere(host: str) -> Message:
    """Say that the job ran on another machine, which alone may know more."""
    return message("It ran on {host} and left no record of its end; look there.", host=host)


def from_record(reason: Mapping[str, str]) -> Message | None:
    """Return the sentence of a supervisor's reason; None when it gave none."""
    if not reason:
        return None
    params = {name: value for name, value in reason.items() if name not in ("code", "full")}
    if reason.get("code") == "signal":
        params["name"] = _signal_name(params.get("number", ""))
    try:
        template = _SENTENCES[reason["code"]]
        template.format(**params)
    except (KeyError, IndexError):
        return message("Its record gives a reason that is not known here: {reason}.", reason=reason)
    sentence = Message(template, params)
    full = reason.get("full")
    return Message(_DISK_FULL, {"what": sentence, "full": full}) if full else sentence


def _signal_name(number: str) -> str:
    try:
        return signal.Signals(int(number)).name
    except ValueError:
        return "?"


def with_places(
    what: Message | None,
    job_id: str,
    spec: JobSpec,
    state: JobState,
    leftovers: tuple[int, ...] = (),
) -> Message | None:
    """Add to `what` where output and processes of the job are, so far as there are any left."""
    if leftovers:
        pids = ", ".join(map(str, leftovers))
        what = Message(_LEFTOVERS, {"what": what or SUCCEEDED, "pids": pids})
    if spec.publish is None:
        return what
    if state is not JobState.SUCCEEDED and what and os.path.lexists(spec.publish.partial):
        what = Message(_PARTIAL, {"what": what, "partial": spec.publish.partial})
    aside = aside_path(Path(spec.publish.destination), job_id)
    if os.path.lexists(aside):
        what = Message(_ASIDE, {"what": what or SUCCEEDED, "aside": aside})
    return what
