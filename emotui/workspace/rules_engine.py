"""Rules about values that must go together, and about what the command line writes over them."""

from __future__ import annotations

from collections.abc import Iterator

from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.era import span
from emotui.workspace.overrides import overrides
from emotui.workspace.rules_cache import CACHE_RULES
from emotui.workspace.subject import Subject

_TEMPLATE_TOKENS = 8
"""`convert` writes the template's session length plus 8."""

BASE_TEMPLATES = {
    "internlm2": span("0.2.0", "0.2.5"),
    "internlm2-7b": span("0.2.0", "0.5.1"),
    "internlm2-20b": span("0.2.0", "0.5.1"),
    "internlm2-1_8b": span("0.2.0", "0.5.1"),
    "llama": span("0.0.2", "0.5.3"),
    "base": span("0.0.2", "0.5.3"),
}
"""Names whose template passes the prompt raw, and the versions where it does."""


def session_length(subject: Subject) -> Iterator[Finding]:
    """Beyond its training length a model needs stretched positions."""
    session = subject.integers.get("session_len", 0)
    trained = subject.integers.get("max_position_embeddings", 0)
    stretched = (subject.number("rope_scaling_factor") or 0) > 0
    stretched = stretched or subject.integers.get("use_dynamic_ntk", 0) > 0
    if stretched or not trained or session <= trained + _TEMPLATE_TOKENS:
        return
    yield Finding(
        "config.session_len.trained",
        message("A session is not longer than the model was trained for"),
        Status.WARNING,
        message(
            "session_len = {session}, max_position_embeddings = {trained}, no scaling of positions",
            session=session,
            trained=trained,
        ),
        message("Beyond its training length a model without scaling answers nonsense."),
        subject.remedy(message("Shorten the session."), f"session_len={trained}"),
    )


def context_tokens(subject: Subject) -> Iterator[Finding]:
    """More than max_batch_size means tokens, and then a session must fit."""
    tokens = subject.integers.get("max_context_token_num", 0)
    batch = subject.integers.get("max_batch_size", 0)
    session = subject.integers.get("session_len", 0)
    status = subject.severity(lambda f: f.cache_block_seq_len is not None)
    if status is None or tokens <= batch or tokens >= session:
        return
    yield Finding(
        "config.max_context_token_num.session",
        message("A forward pass can take a whole session"),
        status,
        message(
            "max_context_token_num = {tokens} is more than max_batch_size, so it counts tokens; "
            "session_len = {session}.",
            tokens=tokens,
            session=session,
        ),
        message("The engine aborts at start unless it is at least session_len."),
        subject.remedy(message("1 means one full session."), "max_context_token_num=1"),
    )


def step_length(subject: Subject) -> Iterator[Finding]:
    """The engine insists on single steps."""
    step = subject.integers.get("step_length", 1)
    status = subject.severity(lambda f: f.cache_block_seq_len is not None)
    if status is None or step in (0, 1):
        return
    yield Finding(
        "config.step_length.one",
        message("Decoding goes token by token"),
        status,
        message("step_length = {step}", step=step),
        message("From 0.1.0 on the engine aborts on any other value than 1."),
        subject.remedy(message("Set it back."), "step_length=1"),
    )


def rope_scaling(subject: Subject) -> Iterator[Finding]:
    """A factor below 1 would shrink the context."""
    factor = subject.number("rope_scaling_factor")
    if factor is None or not 0 < factor < 1:
        return
    yield Finding(
        "config.rope_scaling_factor.shrinks",
        message("Positions are stretched, not squeezed"),
        Status.WARNING,
        message("rope_scaling_factor = {factor}", factor=f"{factor:g}"),
        message("0 is off; 1 or more stretches. A value between them spoils every answer."),
        subject.remedy(message("Switch it on fully, or off with 0."), "rope_scaling_factor=1.0"),
    )


def heads(subject: Subject) -> Iterator[Finding]:
    """Sizes that the kernels need, and that split evenly over GPUs."""
    shape = subject.integers
    size = shape.get("size_per_head", 128)
    if size != 128:
        yield Finding(
            "config.size_per_head.supported",
            message("The engine has kernels for this head size"),
            Status.FAILURE,
            message("size_per_head = {size}", size=size),
            message("Every version that reads config.ini runs heads of size 128 only."),
            Remedy(message("Use LMDeploy 0.6.3 or later, or the PyTorch engine.")),
        )
    tp = shape.get("tensor_para_size", 1)
    kv_heads = shape.get("kv_head_num", 0)
    if (
        tp < 1
        or tp & (tp - 1)
        or kv_heads % tp
        or (kv_heads and shape.get("head_num", 0) % kv_heads)
    ):
        yield Finding(
            "config.tensor_para_size.even",
            message("The heads split evenly over the GPUs"),
            Status.FAILURE,
            message(
                "tensor_para_size = {tp}, head_num = {heads}, kv_head_num = {kv_heads}",
                tp=tp,
                heads=shape.get("head_num", 0),
                kv_heads=kv_heads,
            ),
            message("The number of GPUs must be a power of two that divides the KV heads."),
            Remedy(message("Convert the model again with another --tp.")),
        )


def base_template(subject: Subject) -> Iterator[Finding]:
    """A chat model under the name of a base template never stops."""
    name = subject.values.get("model_name", "")
    raw = BASE_TEMPLATES.get(name)
    if raw is None or subject.reader.within((raw,)) is False:
        return
    yield Finding(
        "config.model_name.template",
        message("Prompts are dressed as a chat"),
        Status.WARNING,
        message("model_name = {name}", name=name),
        message(
            "On LMDeploy {versions} this name may pass prompts raw; a chat model then goes on "
            "without end.",
            versions=subject.reader.label,
        ),
        Remedy(
            message(
                "For a chat model, write the name of its chat template (for InternLM2 "
                "internlm2-chat-7b), with --force."
            ),
            (*subject.set_command("model_name=internlm2-chat-7b"), "--force")
            if name.startswith("internlm2")
            else None,
        ),
    )


def command_line_wins(subject: Subject) -> Iterator[Finding]:
    """api_server and pipeline() write their own defaults over the file."""
    if not subject.reader.any(lambda f: f.command_line_beats_config):
        return
    lost = overrides(subject.values, subject.writer, subject.reader)
    if not lost:
        return
    yield Finding(
        "config.file.overridden",
        message("api_server starts with what the file says"),
        Status.WARNING,
        message(
            "Without options it uses: {values}.",
            values=", ".join(f"{each.key} = {each.used}" for each in lost),
        ),
        message(
            "From 0.2.0 to 0.5.3 `serve api_server` and `pipeline()` write their own defaults "
            "over the file; `chat turbomind` and EmoTUI's chat keep to it."
        ),
        Remedy(
            message("Give the same values on the command line."),
            (
                "lmdeploy",
                "serve",
                "api_server",
                str(subject.workspace),
                *(part for each in lost for part in each.arguments),
            ),
        ),
    )


def still_read(subject: Subject) -> Iterator[Finding]:
    """0.6.0 and later read no config.ini."""
    if subject.reader.any(lambda f: f.workspace_config == "ini"):
        return
    yield Finding(
        "config.file.unread",
        message("This version reads config.ini"),
        Status.FAILURE,
        message("LMDeploy {versions} is meant.", versions=subject.reader.label),
        message(
            "From 0.6.0 on a workspace has config.yaml, without engine parameters, and from "
            "0.10.0 on workspaces are not read at all."
        ),
        Remedy(
            message("Use LMDeploy 0.5.3 or earlier for it, or give the options to the command.")
        ),
    )


ENGINE_RULES = (
    *CACHE_RULES,
    session_length,
    context_tokens,
    step_length,
    rope_scaling,
    heads,
    base_template,
    command_line_wins,
    still_read,
)
