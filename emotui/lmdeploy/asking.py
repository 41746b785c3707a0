"""Asking an interpreter a question: run one of our scripts with it and read one JSON answer.

The interpreter is somebody else's: its site-packages may be broken, on a slow network disk, or
printing on start. It gets a time limit, no standard input, and an environment without
our own PYTHONPATH.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from emotui.support.errors import ProcessError
from emotui.support.text import clean_line

CHILD_FOLDER = Path(__file__).resolve().parent / "child"
TIMEOUT_S = 20.0
_NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")


class NoAnswerError(ProcessError):
    """The interpreter could not be run, took too long, or answered something else."""


def ask(
    python: Path,
    script: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    *,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, object]:
    """Run `child/script` with `python` and return the object that it printed last.

    `environ` is the whole environment of the child (see `child_environ`). Raises
    `NoAnswerError` with the interpreter's last words.
    """
    argv = [str(python), str(CHILD_FOLDER / script), *arguments]
    try:
        status, output, errors = _run(argv, environ, timeout_s)
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(
            "{python} did not answer within {seconds} s. Its disk may be slow, or its "
            "site-packages broken; try: {python} -c pass",
            python=python,
            seconds=int(timeout_s),
        ) from error
    except OSError as error:
        raise NoAnswerError(
            "{python} cannot be run: {error}. Give another interpreter.",
            python=python,
            error=error.strerror or error,
        ) from error
    answer = _last_object(output)
    if answer is None:
        raise NoAnswerError(
            "{python} is not a Python interpreter that can answer (exit status {status}): {words}",
            python=python,
            status=status,
            words=_last_words(errors or output),
        )
    return answer


def _run(argv: list[str], environ: Mapping[str, str], timeout_s: float) -> tuple[int, bytes, bytes]:
    """Run to the end; at the time limit the whole session is killed, grandchildren too."""
    with subprocess.Popen(
        argv,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except BaseException:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return process.returncode, output, errors


def child_environ(environ: Mapping[str, str], delta: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment for a child: ours without what bends Python, then the delta."""
    result = {name: value for name, value in environ.items() if name not in _NOT_INHERITED}
    result["PYTHONDONTWRITEBYTECODE"] = "1"
    for name, value in delta.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def _last_object(output: bytes) -> dict[str, object] | None:
    """Return the JSON object on the last line; what a site customisation printed is skipped."""
    for line in reversed(output.decode("utf-8", "replace").splitlines()):
        if not line.strip():
            continue
        try:
            answer = json.loads(line)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None
    return None


def _last_words(output: bytes) -> str:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return clean_line(lines[-1])[:300] if lines else "-"
