"""The rows of the conversion form that no option of LMDeploy stands for."""

from __future__ import annotations

from textual.widgets import Input

from emotui.app.widgets.option_form import FormCheckbox, FormRow, choice
from emotui.operations.convert_form import ConvertForm
from emotui.support.language import message

INSTALLATION = "form-installation"
DESTINATION = "form-destination"
REPLACE = "form-replace"


def own_rows(form: ConvertForm, destination: str, *, replaces: bool) -> list[FormRow]:
    """Return the rows for installation, destination and replacing."""
    rows = [] if not form.choices else [_installation(form)]
    field = Input(
        destination, compact=True, select_on_focus=False, id=DESTINATION, classes="form-field"
    )
    rows.append(
        FormRow(
            message("Destination"),
            field,
            message(
                "The workspace's folder. It gets its name only when the conversion is complete; "
                "an existing one is kept unless it is to be replaced."
            ),
        )
    )
    switch = FormCheckbox(value=replaces, id=REPLACE)
    rows.append(
        FormRow(
            message("Replace an existing one"),
            switch,
            message(
                "An existing workspace is put aside when the new one is complete, and then "
                "deleted; its edited config.ini and KV scales are gone with it."
            ),
        )
    )
    return rows


def _installation(form: ConvertForm) -> FormRow:
    pairs = [(f"{one.lmdeploy or '-'}  {one.python}", str(one.python)) for one in form.choices]
    chosen = None if form.installation is None else str(form.installation.python)
    return FormRow(
        message("LMDeploy"),
        choice(pairs, chosen, id=INSTALLATION),
        message("The installation whose convert runs; the options below are its own."),
    )
