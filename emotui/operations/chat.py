"""Talking to a model: open a session, and look after the conversations that were kept."""

from __future__ import annotations

import contextlib
import math
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from emotui.chat.conversation import Conversation, ConversationSummary, Ending, Status, clean_prompt
from emotui.chat.session import ChatSession
from emotui.chat.store import ConversationStore
from emotui.engine.client import EngineClient
from emotui.engine.protocol import Ready, Sampling
from emotui.operations.engine import engine_spec
from emotui.operations.services import Services
from emotui.support.errors import UsageError
from emotui.support.language import N_, Message, message, raw

KEPT_LOGS = 10

PHASES = {
    "import": N_("importing its libraries"),
    "tokenizer": N_("reading the tokenizer"),
    "weights": N_("loading the weights"),
    "warmup": N_("warming up"),
}
"""What an engine does while it loads, by the word that it says."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a person wants to talk to, and how."""

    model: Path
    engine: str | None = None
    """One of `engine.ENGINES`; None chooses what fits the model and the installation."""
    python: Path | None = None
    """The interpreter (or environment) that runs the engine; None takes the usual one."""
    system: str | None = None
    """The system prompt; None leaves it to the chat template."""
    session_len: int | None = None
    template: str | None = None
    """A chat template of LMDeploy's by name; None takes what fits the model."""
    trust_remote_code: bool = False
    """Whether Python code in the model's folder may run."""
    device: str | None = None
    """Where `transformers` computes: cuda, cpu; None chooses."""
    sampling: Sampling = field(default_factory=Sampling)
    keep: bool = True
    """Whether the conversation is stored."""
    conversation: str = ""
    """The id of a conversation to go on with; empty begins a new one."""


def open_chat(services: Services, request: ChatRequest) -> ChatSession:
    """Return a session whose engine is not loaded yet.

    It may ask interpreters what they are: call it from a thread. Raises `UsageError` for a
    value that is not allowed, `NotFoundError` when model or installation are not there.
    """
    check_sampling(request.sampling)
    check_session_len(request.session_len)
    spec = engine_spec(
        services,
        request.model.expanduser().absolute(),
        request.engine,
        request.python,
        template=request.template,
        session_len=request.session_len,
        trust_remote_code=request.trust_remote_code,
        device=request.device,
    )
    store = services.conversations if request.keep else ConversationStore(None, services.clock)
    if request.conversation:
        conversation = store.get(request.conversation)
    else:
        conversation = new_conversation(services, spec.model, spec.engine, request.system)
    return ChatSession(
        store,
        conversation,
        lambda: EngineClient(spec, _log_file(services), environ=services.environ),
        request.sampling,
        services.clock,
    )


def new_conversation(
    services: Services, model: Path, engine: str, system: str | None = None
) -> Conversation:
    """Return an empty conversation; it is stored with its first question."""
    now = services.clock.now()
    system = clean_prompt(system) if system else None
    return Conversation(str(model), engine, now, now, system=system)


def list_conversations(services: Services) -> list[ConversationSummary]:
    """Return the conversations that were kept, the one last written to first."""
    return services.conversations.list()


def open_conversation(services: Services, id_or_prefix: str) -> Conversation:
    """Return a kept conversation with its messages.

    Raises `NotFoundError`, and `UsageError` when several ids begin like that.
    """
    return services.conversations.get(id_or_prefix)


def delete_conversation(services: Services, id_or_prefix: str) -> str:
    """Remove a kept conversation for good; return its id.

    Raises `NotFoundError`, and `UsageError` when several ids begin like that.
    """
    return services.conversations.delete(id_or_prefix)


def check_sampling(sampling: Sampling) -> None:
    """Raise `UsageError` for a value that no engine allows."""
    if sampling.max_tokens < 1:
        raise UsageError(
            "An answer of {value} tokens is not possible; give 1 or more.",
            value=sampling.max_tokens,
        )
    if not (0 <= sampling.temperature <= 100 and math.isfinite(sampling.temperature)):
        raise UsageError(
            "A temperature of {value} is not allowed; give 0 (always the likeliest token) or more, "
            "usually below 2.",
            value=sampling.temperature,
        )
    if not 0 < sampling.top_p <= 1:
        raise UsageError(
            "A top-p of {value} is not allowed; give more than 0 and at most 1.",
            value=sampling.top_p,
        )
    if sampling.top_k < 0:
        raise UsageError(
            "A top-k of {value} is not allowed; give 0 (no limit) or more.", value=sampling.top_k
        )
    if not 0 < sampling.repetition_penalty <= 100:
        raise UsageError(
            "A repetition penalty of {value} is not allowed; give more than 0, 1 for none.",
            value=sampling.repetition_penalty,
        )
    if sampling.seed is not None and not 0 <= sampling.seed < 2**63:
        raise UsageError("A seed of {value} is not allowed; give 0 or more.", value=sampling.seed)


def check_session_len(session_len: int | None) -> None:
    """Raise `UsageError` for a session length that no engine allows."""
    if session_len is not None and session_len < 1:
        raise UsageError(
            "A session length of {value} tokens is not possible; give 1 or more.",
            value=session_len,
        )


def phase_text(phase: str) -> Message:
    """Return what an engine does while it loads, in words."""
    return message(PHASES[phase]) if phase in PHASES else raw(phase)


def ready_text(ready: Ready) -> Message:
    """Return what a person should know of an engine that is ready to answer."""
    if ready.template == "none":
        return message(
            "Ready. The model has no chat template, so it gets plain text; answers may ramble."
        )
    if ready.session_len is None:
        return message("Ready on {device}.", device=ready.device or ready.engine)
    return message(
        "Ready on {device}; {count} tokens of session length.",
        device=ready.device or ready.engine,
        count=ready.session_len,
    )


def summary_of(ending: Ending) -> Message:
    """Return one line about how an answer ended: what it took, or why there is no more."""
    if ending.status is Status.INTERRUPTED:
        return message("Interrupted: EmoTUI ended before the answer was complete.")
    if ending.status is Status.FAILED:
        return message("Failed. {reason}", reason=ending.reason)
    if ending.status is Status.STREAMING:
        return message("Still arriving, in another EmoTUI.")
    took = _figures(ending)
    if ending.status is Status.STOPPED:
        return message("Stopped. {figures}", figures=took)
    if no_room(ending):
        return message(
            "No answer: the messages fill the session length. Begin a new conversation, or make "
            "the session longer (--session-len)."
        )
    if ending.finish_reason == "length":
        return message("{figures}. Cut at the largest number of tokens allowed.", figures=took)
    return took


def no_room(ending: Ending) -> bool:
    """Say whether an answer is empty because the session length had no room for it."""
    return ending.finish_reason == "length" and not ending.tokens


def _figures(ending: Ending) -> Message:
    speed = ending.tokens_per_second
    if speed is None or ending.seconds is None:
        return message("{tokens} tokens", tokens=ending.tokens or 0)
    if ending.first_token_seconds is None:
        return message(
            "{tokens} tokens in {seconds} s, {speed} tokens/s",
            tokens=ending.tokens,
            seconds=f"{ending.seconds:.1f}",
            speed=f"{speed:.1f}",
        )
    return message(
        "{tokens} tokens in {seconds} s, {speed} tokens/s, first token after {first} s",
        tokens=ending.tokens,
        seconds=f"{ending.seconds:.1f}",
        speed=f"{speed:.1f}",
        first=f"{ending.first_token_seconds:.2f}",
    )


def _log_file(services: Services) -> Path:
    """Return where a new engine writes what it has to say; all but the newest logs go."""
    folder = services.paths.logs
    for old in sorted(folder.glob("engine-*.log"))[: -KEPT_LOGS + 1]:
        with contextlib.suppress(OSError):
            old.unlink()
    return folder / f"engine-{services.clock.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.log"
