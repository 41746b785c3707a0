"""A conversation on standard input and output: one answer, or line by line."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator

import click

from emotui.chat.conversation import ChatMessage, Ending, Status
from emotui.chat.events import Asked, ChatEvent, Delta, Ended, NotSaved, State, StateChanged
from emotui.chat.session import ChatSession
from emotui.cli.context import say_json, tell
from emotui.operations.chat import no_room, phase_text, ready_text, summary_of
from emotui.support.language import _

INTERRUPTED = 130
PATIENCE_S = 3.0
"""How long an engine may take to stop after Ctrl-C before it is killed."""
PROMPT = "> "


class Talk:
    """Talks through a session and closes it; `run` returns the exit status."""

    def __init__(self, session: ChatSession, *, as_json: bool = False) -> None:
        self.session = session
        self.as_json = as_json
        self._answer: ChatMessage | None = None
        self._interrupted = False
        self._stopping: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._phase = ""

    async def run(self, message: str | None) -> int:
        """Answer one message, or each line that is typed when there is none."""
        try:
            return await (self._lines() if message is None else self._one(message))
        finally:
            await self.session.close()

    async def _one(self, message: str) -> int:
        with self._interruptible():
            async for event in self.session.send(message):
                self._show(event)
            if self._stopping is not None:
                await self._stopping
        if self._interrupted:
            return INTERRUPTED
        if self._answer is None or self._answer.status is not Status.COMPLETE:
            return 1
        return int(no_room(self._answer.ending))

    async def _lines(self) -> int:
        tell(_("Enter sends a line. Ctrl-C stops an answer, /exit or Ctrl-D leaves."))
        with self._interruptible():
            forget = self.session.observe(self._show)
            self._loading = asyncio.create_task(self.session.load())
            try:
                await self._loading
            except asyncio.CancelledError:
                if not self._interrupted:
                    raise
                return INTERRUPTED
            finally:
                self._loading = None
                forget()
        while (line := _read_line()) is not None:
            if line.strip() == "/exit":
                break
            if line.strip():
                self._interrupted = False
                await self._one(line)
        return 0

    # -- Ctrl-C --------------------------------------------------------------------------

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Let Ctrl-C stop what goes on, not the program."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _interrupt(self) -> None:
        self._interrupted = True
        if self._loading is not None:
            self._loading.cancel()
        elif self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        stopping = asyncio.create_task(self.session.stop())
        _done, late = await asyncio.wait([stopping], timeout=PATIENCE_S)
        if late:
            await self.session.stop()  # the second time, the engine is killed
            await stopping

    # -- showing -------------------------------------------------------------------------

    def _show(self, event: ChatEvent) -> None:
        if isinstance(event, Asked):
            self._answer = event.answer
        elif isinstance(event, Delta):
            if self.as_json:
                say_json({"event": "token", "text": event.text})
            else:
                click.echo(event.text, nl=False)
        elif isinstance(event, Ended):
            self._show_ending(event.answer)
        elif isinstance(event, NotSaved):
            self._tell(event.reason)
        elif isinstance(event, StateChanged):
            self._show_state(event.state)

    def _show_state(self, state: State) -> None:
        phase = self.session.phase
        if state is State.LOADING and phase != self._phase:
            self._phase = phase
            self._tell(_("Loading: {phase}").format(phase=phase_text(phase)))
        elif state is State.READY and self._phase and self.session.ready is not None:
            self._phase = ""
            self._tell(ready_text(self.session.ready))

    def _show_ending(self, answer: ChatMessage) -> None:
        ending = answer.ending
        if self.as_json:
            say_json(_ending_document(ending, self.session.conversation.id))
            return
        if answer.text and not answer.text.endswith("\n"):
            click.echo()
        if ending.status is Status.FAILED:
            tell(_("Error: {error}").format(error=ending.reason))
        else:
            tell(summary_of(ending))

    def _tell(self, text: object) -> None:
        if not self.as_json:
            tell(text)


def _ending_document(ending: Ending, conversation_id: str) -> dict[str, object]:
    if ending.status is Status.FAILED:
        return {"event": "error", "message": ending.reason}
    return {
        "event": "done",
        "tokens": ending.tokens or 0,
        "seconds": ending.seconds or 0.0,
        "first_token_seconds": ending.first_token_seconds,
        "finish_reason": ending.finish_reason or ending.status.value,
        "conversation": conversation_id or None,
    }


def _read_line() -> str | None:
    """Return a line that a person typed, None at the end of the input."""
    sys.stdout.flush()
    if sys.stdin.isatty() and sys.stdout.isatty():
        # Imported for its effect: lines can be edited and recalled.
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401
        try:
            return input(PROMPT)
        except EOFError:
            click.echo()
            return None
    click.echo(PROMPT, nl=False, err=True)
    return sys.stdin.readline() or None
