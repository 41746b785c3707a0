"""A form made of an installation's own options: a line each, the explanation of the one in focus.

It knows options, not commands: what stands in the fields goes out as text by `dest`. Letters
belong to a field that has the focus, also to one that is no text field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Checkbox, Collapsible, Input, Select

from emotui.app.widgets.plain import Plain
from emotui.lmdeploy.options import Option
from emotui.support.language import N_, Message, _
from emotui.support.text import clean_line

FieldValue = str | bool

TEXTUALS_WORDS = (N_("Dismiss menu"),)
"""What Textual's own widgets put into the footer; the screens translate it there."""


class FormSelect(Select[str], inherit_bindings=False):
    """A choice that keeps letters to itself; Enter or space opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", show=False)]

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Keep the app's letters from acting while this has the focus."""
        return character is not None and character.isprintable()


class FormCheckbox(Checkbox):
    """A switch that says yes or no, since colour alone would not tell, and keeps letters."""

    def __init__(self, *, value: bool, id: str) -> None:
        super().__init__(_word(value), value, compact=True, id=id, classes="form-field")

    def watch_value(self) -> None:
        """Say what it stands at."""
        super().watch_value()
        self.label = _word(self.value)

    def check_consume_key(self, key: str, character: str | None) -> bool:  # noqa: ARG002
        """Keep the app's letters from acting while this has the focus."""
        return character is not None and character.isprintable()


class FormRow(Horizontal):
    """A label and its field; clicking the label goes to the field."""

    def __init__(self, label: str | Message, field: Widget, explanation: str | Message) -> None:
        super().__init__(classes="form-row")
        self.label = label
        self.field = field
        self.explanation = explanation

    def compose(self) -> ComposeResult:
        """Build the line."""
        yield Plain(clean_line(str(self.label)), classes="form-label")
        yield self.field

    def on_click(self, event: events.Click) -> None:
        """Go to the field."""
        event.stop()
        self.field.focus()


def choice(
    values: Iterable[tuple[str, str]], value: str | None, *, id: str, blank: str | None = None
) -> FormSelect:
    """Return a choice of (label, value); `blank` names the choice of none, None forbids it."""
    options = [(Content(clean_line(label)), key) for label, key in values]
    known = [key for _label, key in options]
    return FormSelect(
        options,
        prompt=blank or "",
        allow_blank=blank is not None or value not in known,
        value=value if value is not None and value in known else Select.NULL,
        compact=True,
        id=id,
        classes="form-field",
    )


class OptionForm(VerticalScroll):
    """The fields; posts `Changed` when what stands in them changes, `Explained` on focus."""

    can_focus = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    class Changed(TextualMessage):
        """A field has another value."""

    class Explained(TextualMessage):
        """A field got the focus; this is what it is for."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self,
        first: Sequence[FormRow],
        options: Sequence[Option],
        values: Mapping[str, FieldValue],
        templates: Mapping[str, bool | None],
    ) -> None:
        super().__init__(id="option-form")
        self.first = first
        self.options = options
        self.initial = values
        self.templates = templates

    def compose(self) -> ComposeResult:
        """Build the rows of the caller, the basic options, and the others folded away."""
        yield from self.first
        for option in self.options:
            if not option.advanced:
                yield self.row(option)
        advanced = [option for option in self.options if option.advanced]
        if advanced:
            with Collapsible(title=_("More options"), collapsed=True, id="advanced-options"):
                for option in advanced:
                    yield self.row(option)

    def row(self, option: Option) -> FormRow:
        """Return the row of one option."""
        label = option.name if option.label is None else option.label
        explanation = option.help if option.explanation is None else option.explanation
        return FormRow(label, self.field(option), explanation)

    def field(self, option: Option) -> Widget:
        """Return the field that suits an option's kind, with its initial value."""
        name = f"option-{option.dest}"
        value = self.initial.get(option.dest, option.default)
        if option.kind == "switch":
            return FormCheckbox(value=value is True, id=name)
        text = "" if value is None else str(value)
        if self.templates and option.dest in ("model_name", "chat_template"):
            return choice(_template_choices(self.templates), text, id=name)
        if option.choices:
            pairs = [(one, one) for one in option.choices]
            return choice(pairs, text, id=name, blank=_("found out by LMDeploy"))
        kind = {"integer": "integer", "number": "number"}.get(option.kind, "text")
        return Input(
            text,
            type=kind,  # type: ignore[arg-type]
            compact=True,
            select_on_focus=False,
            id=name,
            classes="form-field",
        )

    def values(self) -> dict[str, FieldValue]:
        """Return what stands in the fields by `dest`; an empty field gives an empty text."""
        fields = {field.id: field for field in self.query(".form-field")}
        return {
            option.dest: value_of(field)
            for option in self.options
            if (field := fields.get(f"option-{option.dest}")) is not None
        }

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Checkbox.Changed)
    def tell_change(self) -> None:
        """Tell that something changed; the fields are read when it is wanted."""
        self.post_message(self.Changed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter goes to the next field, and starts nothing."""
        event.stop()
        self.screen.focus_next()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Explain the field that has the focus."""
        for node in event.widget.ancestors_with_self:
            if isinstance(node, FormRow):
                self.post_message(self.Explained(clean_line(str(node.explanation))))
                return

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Explain nothing until another field has the focus."""
        self.post_message(self.Explained(""))


def _word(value: bool) -> Content:
    return Content(_("yes") if value else _("no"))


def value_of(field: Widget) -> FieldValue:
    """Return what stands in a field."""
    if isinstance(field, Checkbox):
        return field.value
    if isinstance(field, Select):
        return "" if field.value is Select.NULL else str(field.value)
    assert isinstance(field, Input)
    return field.value.strip()


def _template_choices(templates: Mapping[str, bool | None]) -> list[tuple[str, str]]:
    kinds = {True: _("for chat"), False: _("raw prompts"), None: ""}
    names = sorted(templates, key=lambda name: (templates[name] is not True, name))
    return [(f"{name}  {kinds[templates[name]]}".rstrip(), name) for name in names]
