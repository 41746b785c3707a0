"""What EmoTUI and an engine worker say to each other: JSON, one message a line, both ways.

    to the worker    {"do": "load", "engine", "model", "options"}
                     {"do": "generate", "id", "messages", "sampling"}
                     {"do": "stop", "id"}      {"do": "quit"}; end of input means quit at once
    to EmoTUI        {"event": "hello", "protocol", "python", "lmdeploy", …}   first of all
                     {"event": "loading", "phase"} …  {"event": "ready", "template", …}
                     {"event": "token", "id", "text", "n"} …
                     {"event": "done", "id", "finish_reason", "tokens", "seconds", …}
                     {"event": "error", "id" | null, "text"}

Fields that are not known are ignored, and so are events: an older EmoTUI must get along with
a newer worker. No line may be longer than `MAX_LINE_BYTES`; the worker cuts its texts into
pieces far below that. The worker is another interpreter's program and imports nothing from
here: `worker/emotui_wire.py` is its side, and a test runs the two against each other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

PROTOCOL = 1
MAX_LINE_BYTES = 16 << 20

EngineName = Literal["turbomind", "transformers"]
FinishReason = Literal["stop", "length", "stopped", "error"]
Messages = Sequence[Mapping[str, str]]
"""A conversation: mappings with `role` (system, user, assistant) and `content`."""


class ProtocolError(Exception):
    """A line from the worker is not a message."""


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """Everything that a worker needs to know to load a model."""

    engine: EngineName
    python: Path
    """The interpreter that runs the worker."""
    model: Path
    lmdeploy: str | None = None
    """The version of LMDeploy that this interpreter has; None when it has none."""
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Changes to the environment; None unsets."""
    options: Mapping[str, object] = field(default_factory=dict)
    """session_len, quant_policy, cache_max_entry_count, max_batch_size, tp, rope_scaling_factor,
    use_logn_attn, cache_block_seq_len, model_format, model_name, chat_template,
    trust_remote_code, device. What is absent keeps the engine's own default."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen, and when to end."""

    max_tokens: int = 512
    temperature: float = 0.8
    """0 means greedy: always the likeliest token."""
    top_p: float = 0.8
    top_k: int = 40
    repetition_penalty: float = 1.0
    seed: int | None = None
    """None means a different answer each time."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker runs; what its interpreter has."""

    protocol: int
    python: str
    lmdeploy: str | None = None
    torch: str | None = None
    transformers: str | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """The worker entered a phase of loading: import, tokenizer, weights, warmup, …"""

    phase: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded."""

    engine: str
    template: str
    """Where the chat template is from: `tokenizer`, `builtin:NAME`, or `none` (plain text)."""
    device: str | None = None
    session_len: int | None = None
    """Tokens of prompt and answer together; None when it is not known."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the answer. Its text is as the model made it: clean it before showing it."""

    text: str
    n: int
    """Tokens generated so far in this answer."""


@dataclass(frozen=True, slots=True)
class Done:
    """The answer is complete; all times were measured in the worker."""

    finish_reason: FinishReason
    tokens: int = 0
    seconds: float = 0.0
    """From the request's arrival to its last token."""
    first_token_seconds: float | None = None
    """None when no token came."""
    prompt_tokens: int | None = None
    error: str | None = None
    """Why, in the engine's words, when `finish_reason` is `error`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The worker could not do what it was asked, in its own words."""

    text: str


Event = Hello | Loading | Ready | Token | Done | Failure


def load_request(spec: EngineSpec) -> bytes:
    """Return the line that asks a worker to load the model of `spec`."""
    return _line(do="load", engine=spec.engine, model=str(spec.model), options=dict(spec.options))


def generate_request(number: int, messages: Messages, sampling: Sampling) -> bytes:
    """Return the line that asks for an answer to `messages`."""
    plain = [{"role": item["role"], "content": item["content"]} for item in messages]
    return _line(do="generate", id=number, messages=plain, sampling=asdict(sampling))


def stop_request(number: int) -> bytes:
    """Return the line that ends the answer `number` where it stands."""
    return _line(do="stop", id=number)


def quit_request() -> bytes:
    """Return the line that ends the worker."""
    return _line(do="quit")


def parse(line: bytes) -> tuple[Event, int | None] | None:
    """Return the event of a line and the answer that it belongs to; None for an unknown one.

    Raises `ProtocolError` when the line is not a message at all.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(line[:200].decode("utf-8", "replace")) from error
    if not isinstance(fields, dict) or not isinstance(fields.get("event"), str):
        raise ProtocolError(line[:200].decode("utf-8", "replace"))
    event = _event(fields)
    return None if event is None else (event, _whole(fields.get("id")))


def _event(fields: Mapping[str, object]) -> Event | None:
    match fields["event"]:
        case "hello":
            return Hello(
                protocol=_whole(fields.get("protocol")) or 0,
                python=_text(fields.get("python")) or "?",
                lmdeploy=_text(fields.get("lmdeploy")),
                torch=_text(fields.get("torch")),
                transformers=_text(fields.get("transformers")),
            )
        case "loading":
            return Loading(_text(fields.get("phase")) or "")
        case "ready":
            return Ready(
                engine=_text(fields.get("engine")) or "?",
                template=_text(fields.get("template")) or "none",
                device=_text(fields.get("device")),
                session_len=_whole(fields.get("session_len")),
                seconds=_number(fields.get("seconds")),
            )
        case "token":
            return Token(_text(fields.get("text")) or "", _whole(fields.get("n")) or 0)
        case "done":
            return _done(fields)
        case "error":
            return Failure(_text(fields.get("text")) or "?")
        case _:
            return None


def _done(fields: Mapping[str, object]) -> Done:
    reason: FinishReason = "error"
    match fields.get("finish_reason"):
        case "stop" | "length" | "stopped" as known:
            reason = known
    return Done(
        finish_reason=reason,
        tokens=_whole(fields.get("tokens")) or 0,
        seconds=_number(fields.get("seconds")) or 0.0,
        first_token_seconds=_number(fields.get("first_token_seconds")),
        prompt_tokens=_whole(fields.get("prompt_tokens")),
        error=_text(fields.get("error")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _line(**fields: object) -> bytes:
    # ASCII with escapes: a lone surrogate in a message cannot break the encoding of the line.
    line = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError(f"{len(line)} bytes")
    return line
