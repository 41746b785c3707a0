"""LMDeploy's commands as argument lists, written the way that one installation reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions, Option
from emotui.support.errors import UsageError

Value = str | int | float | bool | Path | None


def entry(installation: Installation) -> list[str]:
    """Return how this installation's `lmdeploy` is started.

    `python -m lmdeploy` where the version has it, since it cannot be the wrong script; the
    script beside the interpreter before 0.2.0.
    """
    features = installation.features
    if features is None or features.runs_as_module:
        return [str(installation.python), "-m", "lmdeploy"]
    script = installation.python.parent / "lmdeploy"
    if script.is_file():
        return [str(script)]
    return [str(installation.python), "-c", "from lmdeploy.cli import run; run()"]


def convert_argv(
    installation: Installation, options: CommandOptions, values: Mapping[str, Value]
) -> list[str]:
    """Return the command that converts, with `values` by `dest`; raises `UsageError`.

    A value that is None, empty or the default is not written. One that this version has no
    option for, or that the option does not allow, is refused.
    """
    return [*entry(installation), "convert", *arguments(installation, options, values)]


def arguments(
    installation: Installation, options: CommandOptions, values: Mapping[str, Value]
) -> list[str]:
    """Return positional arguments in LMDeploy's order, then the options."""
    for dest, value in values.items():
        if options.get(dest) is None and not _absent(value):
            raise UsageError(
                "LMDeploy {version} has no option {name} for {command}. Leave it out, or choose "
                "another installation.",
                version=installation.lmdeploy,
                name="--" + dest.replace("_", "-"),
                command=options.command,
            )
    by_dest = {option.dest: option for option in options.options}
    positional: list[str] = []
    flagged: list[str] = []
    for dest in options.order:
        option = by_dest[dest]
        value = values.get(dest)
        if option.positional:
            positional.append(_positional(option, value))
        elif not _absent(value) and str(value) != str(option.default):
            flagged += _flag(option, value)
    return [*positional, *flagged]


def _absent(value: Value) -> bool:
    return value is None or value == ""


def _positional(option: Option, value: Value) -> str:
    if _absent(value):
        if option.required:
            raise UsageError("{name} is needed.", name=option.name)
        return "" if option.default is None else str(option.default)
    return checked(option, value)


def _flag(option: Option, value: Value) -> list[str]:
    if option.kind == "switch":
        return [option.name]  # it differs from the default, so it is to be switched over
    return [option.name, checked(option, value)]


def checked(option: Option, value: Value) -> str:
    """Return the value as it is written, or raise `UsageError` when it is not allowed."""
    text = str(value)
    if option.kind == "integer" and not _is(int, text):
        raise UsageError(
            "{name} must be a whole number, not {value}.", name=option.name, value=text
        )
    if option.kind == "number" and not _is(float, text):
        raise UsageError("{name} must be a number, not {value}.", name=option.name, value=text)
    if option.choices and text not in option.choices:
        raise UsageError(
            "{name} cannot be {value}. Allowed: {choices}.",
            name=option.name,
            value=text,
            choices=", ".join(option.choices),
        )
    return text


def _is(kind: type[int | float], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
