"""The options of LMDeploy's commands, as one installation's own parser has them.

Dozens of versions differ in names, defaults and choices, and the next one will too: so the
installation is asked (child/emotui_options.py), and our names and explanations are laid over
its answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emotui.lmdeploy.answers import AnswerCache, stamp_of
from emotui.lmdeploy.asking import ask, child_environ
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.labels import LABELS, OptionKind
from emotui.support.errors import NotFoundError, ProcessError
from emotui.support.language import Message
from emotui.support.text import clean_line

__all__ = ["CommandOptions", "Option", "OptionKind", "ask_options"]

Default = str | int | float | bool | None

ASK_TIMEOUT_S = 90.0
"""Some versions import torch for it, which takes its time on a network disk."""


@dataclass(frozen=True, slots=True)
class Option:
    """One argument of a command."""

    dest: str
    """The name by which values are kept: `model_format`."""
    flags: tuple[str, ...]
    """As it is written: `--model-format`; empty for a positional one."""
    kind: OptionKind
    default: Default
    """None: LMDeploy decides, or there is none."""
    choices: tuple[str, ...]
    """The values that are allowed; empty: any."""
    required: bool
    help: str
    """LMDeploy's own words, in English."""
    label: Message | None
    """Our name for it; None for an option that we do not know."""
    explanation: Message | None
    advanced: bool

    @property
    def positional(self) -> bool:
        """Whether it is written without a flag."""
        return not self.flags

    @property
    def name(self) -> str:
        """The longest flag, or the name of a positional one."""
        return max(self.flags, key=len) if self.flags else self.dest


@dataclass(frozen=True, slots=True)
class CommandOptions:
    """What one command of one installation takes."""

    command: str
    options: tuple[Option, ...]
    """In the order of a form: ours first, in our order, then the unknown."""
    order: tuple[str, ...]
    """The `dest` of each in LMDeploy's own order, which positional ones must keep."""
    templates: Mapping[str, bool | None] = field(default_factory=dict)
    """Chat template names of this installation, and whether each dresses a prompt as a chat
    (None: unknown). Empty: not known."""

    def get(self, dest: str) -> Option | None:
        """Return the option called `dest`, None when this version has none."""
        return next((option for option in self.options if option.dest == dest), None)


def ask_options(
    installation: Installation, command: str, environ: Mapping[str, str], cache_folder: Path
) -> CommandOptions:
    """Ask an installation what `command` takes; answers are kept until it changes.

    Starts a process the first time, which takes seconds: use a worker. Raises `NotFoundError`
    when this version has no such command and `ProcessError` when it cannot be asked.
    """
    answer = _answer(installation, command, environ, cache_folder)
    problem = answer.get("problem")
    if isinstance(problem, str):
        raise ProcessError(
            "LMDeploy {version} of {python} cannot say which options {command} takes: {problem}. "
            "Its environment may be broken; see the Environment screen.",
            version=installation.lmdeploy,
            python=installation.python,
            command=command,
            problem=clean_line(problem)[:300],
        )
    rows = answer.get("options")
    if not isinstance(rows, list):
        raise NotFoundError(
            "LMDeploy {version} has no command {command}.",
            version=installation.lmdeploy,
            command=command,
        )
    found = [_option(command, row) for row in rows if isinstance(row, dict)]
    known = list(LABELS.get(command, {}))
    ordered = sorted(found, key=lambda o: known.index(o.dest) if o.dest in known else len(known))
    templates = answer.get("templates")
    return CommandOptions(
        command=command,
        options=tuple(ordered),
        order=tuple(option.dest for option in found),
        templates=dict(templates) if isinstance(templates, dict) else {},
    )


def _answer(
    installation: Installation, command: str, environ: Mapping[str, str], cache_folder: Path
) -> dict[str, object]:
    if installation.lmdeploy is None or installation.site_packages is None:
        raise NotFoundError(
            "{python} has no LMDeploy. Install it there, or choose another installation.",
            python=installation.python,
        )
    package = installation.site_packages / "lmdeploy"
    cache = AnswerCache(cache_folder / "options.json")
    key = f"{installation.python}|{installation.lmdeploy}|{package}|{command}"
    answer = cache.get(key)
    if answer is None:
        delta = installation.environment(environ)
        answer = ask(
            installation.python,
            "emotui_options.py",
            [str(package), *command.split()],
            child_environ(environ, delta),
            timeout_s=ASK_TIMEOUT_S,
        )
        if answer.get("problem") is None:  # one that may be mended is asked again
            watched = [package, package / "version.py", package / "cli" / "cli.py"]
            cache.put(key, stamp_of([installation.python, *watched]), answer)
            cache.save()
    return answer


def _option(command: str, row: Mapping[str, object]) -> Option:
    dest = clean_line(str(row.get("dest", "")))
    label = LABELS.get(command, {}).get(dest)
    kind = label.kind if label is not None and label.kind is not None else _kind(row)
    default = row.get("default")
    return Option(
        dest=dest,
        flags=tuple(clean_line(flag) for flag in _texts(row.get("flags"))),
        kind=kind,
        default=default if isinstance(default, (str, int, float, bool)) else None,
        choices=tuple(clean_line(choice) for choice in _texts(row.get("choices"))),
        required=row.get("required") is True,
        help=clean_line(str(row.get("help", ""))),
        label=None if label is None else label.label,
        explanation=None if label is None else label.explanation,
        advanced=True if label is None else label.advanced,
    )


def _kind(row: Mapping[str, object]) -> OptionKind:
    if row.get("action") in ("StoreTrue", "StoreFalse", "BooleanOptional"):
        return "switch"
    if _texts(row.get("choices")):
        return "choice"
    if row.get("type") == "int":
        return "integer"
    return "number" if row.get("type") == "float" else "text"


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
