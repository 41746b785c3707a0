"""The records in a job's folder, as values: what they hold, and what makes one broken.

`spec.json` is written by the store, `state.json` and `exit.json` by the supervisor; the formats
stand at the top of the supervisor. A record that cannot be read raises `BrokenFileError`; one
that is not there is None. Nothing here decides what a job's state is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

from emotui.jobs.job import JobSpec, JobState, Publish
from emotui.support.errors import BrokenFileError
from emotui.support.text import clean_line

FORMAT = 1

Parsed = TypeVar("Parsed")


@dataclass(frozen=True, slots=True)
class SpecRecord:
    """`spec.json`: what was asked, and when."""

    spec: JobSpec
    created: datetime
    boot: str
    boot_seconds: float
    """The boot's own clock when the job was made: its age, whatever the wall clock does."""


@dataclass(frozen=True, slots=True)
class StateRecord:
    """`state.json`: the processes of a job that was started."""

    state: JobState
    boot: str
    host: str
    child: tuple[int, int]
    """Pid and start time of the command."""
    started: datetime | None


@dataclass(frozen=True, slots=True)
class EndRecord:
    """`exit.json`: how it ended."""

    state: JobState
    started: datetime | None
    ended: datetime
    seconds: float | None
    exit_status: int | None
    signal: int | None
    leftovers: tuple[int, ...]
    reason: Mapping[str, str]
    """A code under `code` and what fills its sentence; empty when nothing needs saying."""


def spec_as_json(record: SpecRecord) -> bytes:
    """Return the content of `spec.json`."""
    spec = record.spec
    publish = spec.publish and {
        "partial": str(spec.publish.partial),
        "destination": str(spec.publish.destination),
        "replace": spec.publish.replace,
        "required": list(spec.publish.required),
    }
    document = {
        "format": FORMAT,
        "kind": spec.kind,
        "title": spec.title,
        "argv": list(spec.argv),
        "cwd": str(spec.cwd),
        "env": dict(spec.env),
        "publish": publish,
        "grace_s": spec.grace_s,
        "log_limit_bytes": spec.log_limit_bytes,
        "created": record.created.timestamp(),
        "boot": record.boot,
        "boot_seconds": record.boot_seconds,
    }
    return json.dumps(document, indent=1).encode()


def read_spec(folder: Path) -> SpecRecord | None:
    """Return what the job's folder says was asked."""
    return _read(folder / "spec.json", _spec)


def read_state(folder: Path) -> StateRecord | None:
    """Return what the supervisor said when it started the command."""
    return _read(folder / "state.json", _state)


def read_end(folder: Path) -> EndRecord | None:
    """Return how the job ended."""
    return _read(folder / "exit.json", _end)


def _read(path: Path, parse: Callable[[dict[str, Any]], Parsed]) -> Parsed | None:
    try:
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict):
            raise TypeError(type(document).__name__)
        return parse(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise BrokenFileError(
            "{path} cannot be read as a job's record: {error}.",
            path=path,
            error=f"{type(error).__name__}: {error}",
        ) from error


def _spec(document: dict[str, Any]) -> SpecRecord:
    spec = JobSpec(
        kind=clean_line(_text(document["kind"])),
        title=clean_line(_text(document["title"])),
        argv=_texts(document["argv"]),
        cwd=Path(_text(document["cwd"])),
        env={
            _text(name): None if value is None else _text(value)
            for name, value in dict(document["env"]).items()
        },
        publish=_publish(document["publish"]),
        grace_s=float(document["grace_s"]),
        log_limit_bytes=int(document["log_limit_bytes"]),
    )
    return SpecRecord(
        spec,
        created=_required_time(document["created"]),
        boot=_text(document["boot"]),
        boot_seconds=float(document["boot_seconds"]),
    )


def _publish(document: dict[str, Any] | None) -> Publish | None:
    if document is None:
        return None
    return Publish(
        partial=Path(_text(document["partial"])),
        destination=Path(_text(document["destination"])),
        replace=bool(document["replace"]),
        required=_texts(document["required"]),
    )


def _state(document: dict[str, Any]) -> StateRecord:
    pid, start = document["child"]
    return StateRecord(
        state=JobState(document["state"]),
        boot=_text(document["boot"]),
        host=clean_line(_text(document["host"])),
        child=(int(pid), int(start)),
        started=_time(document.get("started")),
    )


def _end(document: dict[str, Any]) -> EndRecord:
    state = JobState(document["state"])
    exit_status = _integer(document["exit_status"])
    if not state.is_final or (state is JobState.SUCCEEDED and exit_status != 0):
        raise ValueError(f"{state} with exit status {exit_status}")
    seconds = document["seconds"]
    return EndRecord(
        state=state,
        started=_time(document.get("started")),
        ended=_required_time(document["ended"]),
        seconds=None if seconds is None else float(seconds),
        exit_status=exit_status,
        signal=_integer(document["signal"]),
        leftovers=tuple(int(pid) for pid in document["leftovers"]),
        reason={str(name): str(value) for name, value in dict(document["reason"] or {}).items()},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _texts(values: object) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is not a list")
    return tuple(_text(value) for value in values)


def _integer(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r} is not a whole number")


def _time(value: float | None) -> datetime | None:
    return None if value is None else _required_time(value)


def _required_time(value: float) -> datetime:
    return datetime.fromtimestamp(float(value), timezone.utc)
