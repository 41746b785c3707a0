"""The keys of `config.ini` that a user tunes, beside the KV cache: one row a key."""

from __future__ import annotations

from emotui.support.language import N_
from emotui.workspace.era import span
from emotui.workspace.key import ALWAYS, Choice, Group, Key, Kind, Note

_OLD = span(until="0.0.14")
"""TurboMind 1.0: a cache of whole sequences."""
_PAGED = span(since="0.1.0")
"""TurboMind 2: a cache of blocks."""

_SWITCH = (
    Choice("0", N_("off"), ("off", "no", "false")),
    Choice("1", N_("on"), ("on", "yes", "true")),
)

_SESSIONS = (
    Key(
        "session_len",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens that one session may hold, prompt and answers together"),
        N_(
            "A longer session needs more KV cache. When the cache cannot hold one session of this "
            "length, the engine cuts it at start and says so in its log. Beyond the length that "
            "the model was trained for (max_position_embeddings), rope_scaling_factor is needed."
        ),
        ALWAYS,
        minimum=1,
        required=ALWAYS,
    ),
    Key(
        "max_batch_size",
        Group.ENGINE,
        Kind.INTEGER,
        N_("requests that are computed together"),
        N_(
            "More requests at once give more tokens per second in all, while each one may be "
            "slower; buffers for logits and activations grow with it. Lower it when "
            "memory is short."
        ),
        ALWAYS,
        (("0.0.2", "32"), ("0.1.0", "64")),
        minimum=1,
        notes=(Note(N_("Up to 0.0.14 it should not exceed cache_max_entry_count."), _OLD),),
    ),
    Key(
        "max_context_token_num",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens of context that one forward pass may take"),
        N_(
            "A value up to max_batch_size is multiplied by session_len, so 1 means one full "
            "session; 0 means session_len too. A larger value is a number of tokens, and it must "
            "be at least session_len, or the engine aborts."
        ),
        ALWAYS,
        (("0.0.2", "4"), ("0.1.0", "1")),
        minimum=0,
    ),
    Key(
        "max_prefill_token_num",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens of prompts that one step may compute"),
        N_(
            "Long prompts are cut into steps of so many tokens. A larger value fills the GPU "
            "better and needs larger buffers."
        ),
        (span(since="0.5.3"),),
        (("0.5.3", "8192"),),
        minimum=1,
    ),
    Key(
        "step_length",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens per decoding step"),
        N_("Leave it at 1: from 0.1.0 on the engine aborts on any other value."),
        ALWAYS,
        (("0.0.2", "1"),),
        minimum=1,
    ),
    Key(
        "num_tokens_per_iter",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens that one iteration computes when long prompts are split"),
        N_(
            "0 computes a prompt at once. A number splits long prompts, so that other sessions "
            "go on streaming in between; max_prefill_iters limits into how many parts."
        ),
        (span(since="0.2.0"),),
        (("0.2.0", "0"),),
        minimum=0,
    ),
    Key(
        "max_prefill_iters",
        Group.ENGINE,
        Kind.INTEGER,
        N_("parts into which a long prompt may be split"),
        N_("1 does not split. It works together with num_tokens_per_iter."),
        (span(since="0.2.0"),),
        (("0.2.0", "1"),),
        minimum=1,
    ),
    Key(
        "extra_tokens_per_iter",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens that an iteration may compute beyond num_tokens_per_iter"),
        N_("It lets a short rest of a prompt join the iteration. 0 allows none."),
        (span("0.2.0", "0.5.2"),),
        (("0.2.0", "0"),),
        minimum=0,
    ),
)

_ATTENTION = (
    Key(
        "use_context_fmha",
        Group.ENGINE,
        Kind.SWITCH,
        N_("fused attention (FMHA) for prompts"),
        N_(
            "1 computes prompts with fused attention, which is faster and needs less memory. 0 "
            "takes the slow way, for GPUs that do not have it."
        ),
        ALWAYS,
        (("0.0.2", "1"),),
        choices=_SWITCH,
        notes=(
            Note(N_("Up to 0.0.14 it must be 0 with KV int8, or the engine aborts."), _OLD),
            Note(
                N_("In 0.1.0–0.2.6 it works together with KV int8; 1 is right."),
                span("0.1.0", "0.2.6"),
            ),
            Note(N_("From 0.3.0 on it is read and ignored."), span(since="0.3.0")),
        ),
    ),
    Key(
        "rope_scaling_factor",
        Group.ENGINE,
        Kind.NUMBER,
        N_("stretching of positions for long contexts (dynamic NTK)"),
        N_(
            "0 is off. 1 or more lets the model go beyond the length it was trained for "
            "(max_position_embeddings), at some loss of quality."
        ),
        (_PAGED,),
        (("0.1.0", "0.0"),),
        minimum=0,
    ),
    Key(
        "use_dynamic_ntk",
        Group.ENGINE,
        Kind.SWITCH,
        N_("dynamic NTK for long contexts"),
        N_("1 stretches positions once a session is longer than the model was trained for."),
        (span("0.0.6", "0.0.14"), span(since="0.3.0")),
        (("0.0.6", "0"),),
        choices=_SWITCH,
        notes=(
            Note(
                N_("In 0.1.0–0.2.6 rope_scaling_factor does this; the key is ignored."),
                span("0.1.0", "0.2.6"),
            ),
        ),
    ),
    Key(
        "use_logn_attn",
        Group.ENGINE,
        Kind.SWITCH,
        N_("log-n scaling of attention for long contexts"),
        N_("For models that were trained with it (Qwen). Others lose quality."),
        (span(since="0.0.6"),),
        (("0.0.6", "0"),),
        choices=_SWITCH,
    ),
    Key(
        "max_position_embeddings",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens of context that the model was trained for"),
        N_(
            "Dynamic NTK and log-n attention begin beyond it. convert copies it from the model; "
            "0 is read as 2048. Change it only if the model's own config.json was wrong."
        ),
        (span(since="0.0.6"),),
        minimum=0,
    ),
)

ENGINE_KEYS = (*_SESSIONS, *_ATTENTION)
