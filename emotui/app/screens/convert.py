"""The form that converts a model.

The options are those of one installation; below stands what speaks against the conversion and
the exact command. Planning happens in the background whenever typing pauses, and once more at
the start, so what is started is what was shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Select

from emotui.app.background import in_background
from emotui.app.screens.base import EmoScreen
from emotui.app.screens.confirm import ConfirmScreen
from emotui.app.widgets.convert_rows import DESTINATION, INSTALLATION, REPLACE, own_rows
from emotui.app.widgets.option_form import FieldValue, OptionForm, value_of
from emotui.app.widgets.plain import Plain
from emotui.app.widgets.plan_view import PlanView
from emotui.operations import convert
from emotui.operations.convert import ConvertPlan, ConvertRequest
from emotui.operations.convert_form import ConvertForm, plan_form, prepare, reason
from emotui.support.errors import EmotuiError
from emotui.support.language import N_, Message, _, message
from emotui.support.text import clean_line

PAUSE_S = 0.15
"""How long typing may pause before the command is planned anew."""

_HELP = N_(
    """
# Convert

Writes a TurboMind workspace from a Hugging Face or AWQ model. The options are those of the
LMDeploy installation that is chosen; below stand the checks and the exact command.

**Tab**, **Enter** and the arrows go on to the next field; **Enter** opens a list. **Ctrl+S** or
**F9** starts, **F8** copies the command, **Esc** goes back. The conversion is a job: it runs on
when you leave EmoTUI, and the Jobs screen shows it. The workspace gets its name only when it
is complete.
"""
)


class ConvertScreen(EmoScreen):
    """The form for one model."""

    MODE = "models"
    HELP = _HELP
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f9", "start", N_("Start"), id="convert.start"),
        Binding("f8", "copy_command", N_("Copy the command"), id="convert.copy"),
        Binding("escape", "leave", N_("Back"), id="convert.leave"),
    ]

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.model_path = model
        self.form: ConvertForm | None = None
        self.plan: ConvertPlan | None = None
        self.problem: Message | None = None
        """Why there is no plan, once that is known."""
        self.typed: dict[str, FieldValue] = {}
        """What stands in the fields, by `dest`."""
        self.destination = ""
        self.replaces = False
        self.is_touched = False
        self.is_starting = False
        self.pause: Timer | None = None

    def compose_body(self) -> Iterable[Widget]:
        """Build title, form, explanation, plan and the button."""
        yield Plain("", id="convert-title")
        yield Vertical(id="convert-fields")
        yield Plain("", id="convert-explanation", classes="hint")
        yield PlanView(id="convert-plan")
        with Horizontal(id="convert-bottom"):
            yield Button(Content(_("Start")), id="convert-start", variant="primary", compact=True)
            yield Plain("", id="convert-state", classes="hint")

    def after_compose(self) -> None:
        """Show what is known; the first time, find it out."""
        title = message("Convert {model}", model=clean_line(str(self.model_path)))
        self.query_one("#convert-title", Plain).show(title)
        self.show_plan()
        if self.form is None:
            self.load(None)
        else:
            work = self.build_form(self.form)
            self.run_worker(work, group="convert.load", exclusive=True, exit_on_error=False)

    # -- looking ---------------------------------------------------------------------------

    def load(self, python: Path | None) -> None:
        """Look at the model and at an installation, the default one without `python`."""
        self.plan, self.problem = None, None
        self.show_plan()
        self.run_worker(
            self._load(python), group="convert.load", exclusive=True, exit_on_error=False
        )

    async def _load(self, python: Path | None) -> None:
        services, model = self.services, self.model_path
        try:
            form = await in_background(lambda: prepare(services, model, python), "convert")
        except (EmotuiError, OSError) as error:
            self.problem = reason(error)
            self.show_plan()
            return
        self.form = form
        self.destination = self.destination or str(form.destination)
        await self.build_form(form)

    async def build_form(self, form: ConvertForm) -> None:
        """Put the fields in place, with what was typed before."""
        place = self.query_one("#convert-fields")
        templates = {} if form.options is None else form.options.templates
        rows = own_rows(form, self.destination, replaces=self.replaces)
        values = {**form.suggested, **self.typed}
        with self.app.batch_update():
            await place.remove_children()
            await place.mount(OptionForm(rows, form.fields, values, templates))
        self.typed = self.query_one(OptionForm).values()
        self.query_one(f"#{DESTINATION}").focus()
        self.replan()

    # -- planning --------------------------------------------------------------------------

    def on_option_form_changed(self, event: OptionForm.Changed) -> None:
        """Plan again when typing pauses."""
        event.stop()
        if not self.read_fields():
            return
        self.is_touched = True
        if self.pause is not None:
            self.pause.stop()
        self.pause = self.set_timer(PAUSE_S, self.replan)

    def read_fields(self) -> bool:
        """Take what stands in the fields; say whether it is something else than before."""
        before = (self.typed, self.destination, self.replaces)
        self.typed = self.query_one(OptionForm).values()
        self.destination = str(value_of(self.query_one(f"#{DESTINATION}")))
        self.replaces = value_of(self.query_one(f"#{REPLACE}")) is True
        return before != (self.typed, self.destination, self.replaces)

    @on(Select.Changed, f"#{INSTALLATION}")
    def use_installation(self, event: Select.Changed) -> None:
        """Ask another installation for its options."""
        form = self.form
        chosen = None if form is None or form.installation is None else form.installation.python
        if event.value is not Select.NULL and Path(str(event.value)) != chosen:
            event.stop()
            self.typed = {}  # another version may not know what was typed
            self.load(Path(str(event.value)))

    def request(self) -> ConvertRequest:
        """Return what the form asks for."""
        return ConvertRequest(
            model=self.model_path,
            destination=Path(self.destination) if self.destination else None,
            extra=dict(self.typed),
            replace=self.replaces,
        )

    def replan(self) -> None:
        """Plan what the form asks for, in the background; the last wish wins."""
        form = self.form
        if form is None:
            return
        if form.installation is None or form.options is None:
            self.plan, self.problem = None, form.problem
            self.show_plan()
            return
        self.run_worker(
            self._replan(self.request(), form),
            group="convert.plan",
            exclusive=True,
            exit_on_error=False,
        )

    async def _replan(self, request: ConvertRequest, form: ConvertForm) -> None:
        services = self.services
        try:
            self.plan = await in_background(lambda: plan_form(services, request, form), "convert")
            self.problem = None
        except (EmotuiError, OSError) as error:
            self.plan, self.problem = None, reason(error)
        self.show_plan()

    def show_plan(self) -> None:
        """Show the plan, or why there is none."""
        view = self.query_one(PlanView)
        if self.plan is not None:
            view.show_plan(self.plan, self.services.environ)
        elif self.problem is not None:
            view.show_problem(self.problem)
        else:
            view.show_waiting()
        self.query_one("#convert-start", Button).disabled = self.plan is None or self.is_starting
        self.query_one("#convert-state", Plain).show(self.state_line())

    def state_line(self) -> str:
        """Return whether it can start, in one line."""
        if self.is_starting:
            return _("Starting…")
        if self.plan is not None and convert.can_start(self.plan):
            return _("Ctrl+S starts the job.")
        if self.plan is not None or self.problem is not None:
            return _("It cannot start like this: see the checks.")
        return ""

    def on_option_form_explained(self, event: OptionForm.Explained) -> None:
        """Explain the field that has the focus."""
        event.stop()
        self.query_one("#convert-explanation", Plain).show(event.text)

    # -- starting --------------------------------------------------------------------------

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Start with the button."""
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Plan once more and start the job, or say why not."""
        form = self.form
        if self.is_starting or form is None:
            return
        if form.options is None:
            if form.problem is not None:
                self.emo_app.say(form.problem, severity="error")
            return
        self.read_fields()
        self.is_starting = True
        self.show_plan()
        self.run_worker(
            self._start(self.request(), form), group="convert.start", exit_on_error=False
        )

    async def _start(self, request: ConvertRequest, form: ConvertForm) -> None:
        services = self.services
        try:
            plan = await in_background(lambda: plan_form(services, request, form), "convert")
            self.plan, self.problem = plan, None
            self.show_plan()
            force = await self._may_go_on(plan)
            if force is None:
                return
            job = await in_background(lambda: convert.start(services, plan, force=force), "convert")
        except (EmotuiError, OSError) as error:
            self.emo_app.say(reason(error), severity="error")
            return
        finally:
            self.is_starting = False
            self.show_plan()
        self.dismiss()
        self.app.call_later(self.emo_app.open_jobs, job.id)

    async def _may_go_on(self, plan: ConvertPlan) -> bool | None:
        """Return whether to force the start; None when it may not start."""
        problem = plan.problem
        if problem is None:
            return False
        text = convert.as_sentence(problem)
        if plan.refusals:
            self.emo_app.say(text, severity="error")
            return None
        question = "\n\n".join([str(text), _("Start all the same?")])
        return True if await self.app.push_screen_wait(ConfirmScreen(question)) else None

    def action_copy_command(self) -> None:
        """Put the exact commands on the clipboard."""
        if self.plan is not None:
            self.app.copy_to_clipboard("\n".join(self.plan.commands(self.services.environ)))
            self.emo_app.say(message("The command is on the clipboard."))

    async def action_leave(self) -> None:
        """Go back; what was filled in is asked about."""
        if not self.is_touched:
            self.dismiss()
            return
        self.app.push_screen(
            ConfirmScreen(message("Leave the form? What you filled in is lost.")), self._left
        )

    def _left(self, answer: bool | None) -> None:
        if answer:
            self.dismiss()
