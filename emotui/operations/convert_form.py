"""What a form for a conversion starts from: the model, the installations, their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions, Option
from emotui.models.folder import ModelFolder, inspect
from emotui.operations.convert import ConvertPlan, ConvertRequest, plan_with, refuse_without_convert
from emotui.operations.convert_place import default_destination
from emotui.operations.convert_values import complete_values
from emotui.operations.installations import command_options
from emotui.operations.services import Services
from emotui.support.errors import EmotuiError, NotFoundError, UsageError
from emotui.support.language import Message, raw
from emotui.support.text import clean_line

_ELSEWHERE = ("model_path", "dst_path")
"""Options that the form asks for in its own way."""


@dataclass(frozen=True, slots=True)
class ConvertForm:
    """Everything that does not change while the form is filled in."""

    model: ModelFolder
    installations: Sequence[Installation]
    installation: Installation | None
    """The one whose options these are; None when there is no LMDeploy at all."""
    options: CommandOptions | None
    """None when this installation cannot convert; `problem` says why."""
    destination: Path
    suggested: Mapping[str, str] = field(default_factory=dict)
    """Values to begin with, by `dest`."""
    problem: Message | None = None

    @property
    def choices(self) -> list[Installation]:
        """The installations to choose from, the one in use among them."""
        listed = list(self.installations)
        used = self.installation
        if used is not None and all(one.python != used.python for one in listed):
            listed.insert(0, used)
        return listed

    @property
    def fields(self) -> list[Option]:
        """The options to ask for, ours first."""
        if self.options is None:
            return []
        hidden = set(_ELSEWHERE)
        if self.options.get("chat_template") is not None:
            hidden.add("model_name")  # kept by these versions, but without effect
        return [option for option in self.options.options if option.dest not in hidden]


def prepare(services: Services, model_path: Path, python: Path | None = None) -> ConvertForm:
    """Look at the model and the installations; seconds the first time: use a worker.

    Without `python`, the installation of the settings is taken, else the newest that has
    `convert`. Raises `NotFoundError` and `BrokenFileError` when the model cannot be read.
    """
    model = inspect(model_path)
    installations = services.installations.list()
    empty = ConvertForm(model, installations, None, None, default_destination(model))
    try:
        installation = _choose(services, installations, python)
    except EmotuiError as error:
        return ConvertForm(model, installations, None, None, empty.destination, {}, error.message)
    try:
        refuse_without_convert(services, installation)
        options = command_options(services, installation, "convert")
    except EmotuiError as error:
        return ConvertForm(
            model, installations, installation, None, empty.destination, {}, error.message
        )
    suggested = _suggest(installation, options, model)
    return ConvertForm(model, installations, installation, options, empty.destination, suggested)


def plan_form(services: Services, request: ConvertRequest, form: ConvertForm) -> ConvertPlan:
    """Plan what a form asks for; fast enough for each pause in typing. Raises as `plan` does."""
    if form.installation is None or form.options is None:
        raise NotFoundError("There is no LMDeploy that converts; choose another installation.")
    return plan_with(services, request, form.installation, form.options, form.model)


def reason(error: Exception) -> Message:
    """Return what an error says, in the active language when it is one of ours."""
    return error.message if isinstance(error, EmotuiError) else raw(clean_line(str(error)))


def _choose(
    services: Services, installations: Sequence[Installation], python: Path | None
) -> Installation:
    if python is None and services.settings.text("lmdeploy.python") is None:
        for installation in installations:
            if installation.features is not None and installation.features.has_convert:
                return installation
    return services.installations.get(python)


def _suggest(
    installation: Installation, options: CommandOptions, model: ModelFolder
) -> dict[str, str]:
    try:
        values = complete_values({}, installation, options, model)
    except UsageError:
        return {}  # the form says so as soon as it is shown
    return {dest: str(value) for dest, value in values.items()}
