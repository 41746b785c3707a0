"""The values of a conversion: what was asked, with the rest chosen from model and version.

Values that no version would take are refused here (`UsageError`); what may be wrong but can be
meant is a finding of `convert_checks`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from emotui.lmdeploy.commands import Value
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions
from emotui.lmdeploy.versions import chat_template
from emotui.models.folder import ModelFolder
from emotui.support.errors import UsageError

PACKED = ("awq", "gptq")
"""The formats whose weights share scales in groups."""


def template_option(options: CommandOptions) -> str:
    """Return the `dest` of the option that chooses the chat template in this version."""
    return "model_name" if options.get("chat_template") is None else "chat_template"


def default_template(installation: Installation, model: ModelFolder) -> str | None:
    """Return the chat template's name for a fine-tuned chat model of this architecture."""
    version = installation.version
    return None if version is None else chat_template(version, model.architecture)


def default_format(options: CommandOptions, model: ModelFolder) -> str | None:
    """Return the weight format to name, None when LMDeploy finds it by itself."""
    if model.quantization is None:
        return None
    method = model.quantization.method
    option = options.get("model_format")
    return method if option is not None and method in option.choices else None


def complete_values(
    asked: Mapping[str, Value],
    installation: Installation,
    options: CommandOptions,
    model: ModelFolder,
) -> dict[str, Value]:
    """Return every value of the command by `dest`; raises `UsageError`."""
    values = dict(asked)
    _choose_template(values, installation, options, model)
    if "model_format" not in values:
        values["model_format"] = default_format(options, model)
    _choose_group_size(values, installation, options, model)
    _check_numbers(values)
    tokenizer = values.get("tokenizer_path")
    if tokenizer:
        path = Path(str(tokenizer)).expanduser().absolute()
        if not path.is_file():
            raise UsageError("The tokenizer file {path} does not exist.", path=path)
        values["tokenizer_path"] = str(path)
    return {dest: value for dest, value in values.items() if value is not None}


def _choose_template(
    values: dict[str, Value],
    installation: Installation,
    options: CommandOptions,
    model: ModelFolder,
) -> None:
    """Put the template where this version wants it; its old place is then only a name."""
    dest = template_option(options)
    name = values.get(dest) or values.get("model_name") or default_template(installation, model)
    if not name:
        raise UsageError(
            "Which chat template {model} ({architecture}) needs is not known: name it with "
            "--model-name. LMDeploy {version} has: {names}",
            model=model.name,
            architecture=model.architecture or "?",
            version=installation.lmdeploy,
            names=", ".join(sorted(options.templates)) or "?",
        )
    _check_template(str(name), installation, options)
    values[dest] = name
    values["model_name"] = name


def _check_template(name: str, installation: Installation, options: CommandOptions) -> None:
    names = sorted(options.templates)
    if not names or name in names:
        return
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if not near:
        raise UsageError(
            "LMDeploy {version} has no chat template {name}. It has: {names}",
            version=installation.lmdeploy,
            name=name,
            names=", ".join(names),
        )
    raise UsageError(
        "LMDeploy {version} has no chat template {name}. Did you mean {near}? It has: {names}",
        version=installation.lmdeploy,
        name=name,
        near=", ".join(near),
        names=", ".join(names),
    )


def _choose_group_size(
    values: dict[str, Value],
    installation: Installation,
    options: CommandOptions,
    model: ModelFolder,
) -> None:
    if options.get("group_size") is None or values.get("model_format") not in PACKED:
        return
    known = None if model.quantization is None else model.quantization.group_size
    size = values.setdefault("group_size", known)
    features = installation.features
    if size is None and (features is None or features.convert_awq_needs_group_size):
        raise UsageError(
            "The group size of {model} is not known, and LMDeploy {version} needs it: give the "
            "one that it was quantized with, as a rule --group-size 128.",
            model=model.name,
            version=installation.lmdeploy,
        )
    if size is not None and _number(size, "--group-size") <= 0:
        raise UsageError(
            "--group-size must be more than 0 for 4-bit weights, not {value}; as a rule it is 128.",
            value=size,
        )


def _check_numbers(values: Mapping[str, Value]) -> None:
    size = values.get("group_size")
    if size is not None and _number(size, "--group-size") < 0:
        raise UsageError("--group-size must be 0 or more, not {value}.", value=size)
    tp = values.get("tp")
    if tp is None:
        return
    number = _number(tp, "--tp")
    if number < 1 or number & (number - 1):
        raise UsageError("--tp must be 1, 2, 4, 8 or another power of two, not {value}.", value=tp)


def _number(value: Value, name: str) -> int:
    try:
        return int(str(value))
    except ValueError as error:
        raise UsageError(
            "{name} must be a whole number, not {value}.", name=name, value=value
        ) from error
