"""The keys of `config.ini` about the KV cache: one row a key."""

from __future__ import annotations

from emotui.support.language import N_
from emotui.workspace.era import span
from emotui.workspace.key import ALWAYS, Choice, Group, Key, Kind, Note

_OLD = span(until="0.0.14")
_PAGED = span(since="0.1.0")
_BIT_FIELD = span(until="0.3.0")
_ONLINE = span(since="0.4.0")

CACHE_KEYS = (
    Key(
        "quant_policy",
        Group.ENGINE,
        Kind.INTEGER,
        N_("how keys and values are kept in the KV cache"),
        N_(
            "A quantized KV cache holds about twice (int8) or four times (int4) the tokens in the "
            "same memory; the pool itself stays as large as cache_max_entry_count says. The digit "
            "means different things to different versions: 4 is int8 up to 0.3.0 and int4 from "
            "0.4.0 on, where int8 is 8."
        ),
        ALWAYS,
        (("0.0.2", "0"),),
        choices=(
            Choice("0", N_("KV fp16, not quantized"), ("fp16", "none", "off")),
            Choice("4", N_("KV int8"), ("int8",), _BIT_FIELD),
            Choice("8", N_("KV int8"), ("int8",), _ONLINE),
            Choice("4", N_("KV int4"), ("int4",), _ONLINE),
        ),
        notes=(
            Note(
                N_(
                    "Up to 0.3.0, int8 needs calibrated scales (lmdeploy lite calibrate, then "
                    "kv_qparams into this workspace). Without them the answers are nonsense, "
                    "and nothing warns."
                ),
                _BIT_FIELD,
            ),
            Note(N_("From 0.4.0 no calibration is needed; scale files are ignored."), _ONLINE),
        ),
    ),
    Key(
        "cache_max_entry_count",
        Group.ENGINE,
        Kind.NUMBER,
        N_("how much GPU memory the KV cache takes"),
        N_(
            "More memory for the cache means more tokens, so longer or more sessions at once. "
            "Lower it when the GPU runs out of memory at start, or when other programs share "
            "the GPU; raise it when sessions must wait or session_len is cut."
        ),
        ALWAYS,
        (("0.0.2", "48"), ("0.1.0", "0.5"), ("0.2.2", "0.8")),
        minimum=0,
        notes=(
            Note(N_("Up to 0.0.14 it is the number of sequences that are kept."), _OLD),
            Note(
                N_("In 0.1.0–0.2.1 a value below 1 is a share of the GPU's whole memory."),
                span("0.1.0", "0.2.1"),
            ),
            Note(
                N_(
                    "From 0.2.2 on a value below 1 is a share of the memory that is free once the "
                    "weights are loaded."
                ),
                span(since="0.2.2"),
            ),
            Note(
                N_("A value of 1 or more is a number of KV blocks; 0 is read as 0.95."),
                _PAGED,
            ),
        ),
    ),
    Key(
        "cache_block_seq_len",
        Group.ENGINE,
        Kind.INTEGER,
        N_("tokens in one block of the KV cache"),
        N_(
            "The cache is handed out in blocks of so many tokens. Small blocks waste less at the "
            "end of a session, large ones are handled faster. Use a multiple of 64 (on GPUs from "
            "compute capability 8.0 a multiple of 32 is enough)."
        ),
        (_PAGED,),
        (("0.1.0", "128"), ("0.3.0", "64")),
        minimum=1,
    ),
    Key(
        "cache_chunk_size",
        Group.ENGINE,
        Kind.INTEGER,
        N_("KV blocks that are allocated at a time"),
        N_(
            "-1 allocates the whole cache at start, so that nothing can take the memory later; 0 "
            "allocates the square root of it at a time, a positive number that many blocks."
        ),
        ALWAYS,
        (("0.0.2", "1"), ("0.2.0", "-1")),
        minimum=-1,
        notes=(Note(N_("Up to 0.0.14 it counts sequences."), _OLD),),
    ),
    Key(
        "enable_prefix_caching",
        Group.ENGINE,
        Kind.BOOLEAN,
        N_("whether equal beginnings of prompts share KV blocks"),
        N_(
            "With a long system prompt that every session shares, its blocks are computed once and "
            "used again. Beginnings shorter than one block gain nothing."
        ),
        (span(since="0.4.2"),),
        (("0.4.2", "False"),),
        choices=(
            Choice("False", N_("off"), ("off", "no", "0")),
            Choice("True", N_("on"), ("on", "yes", "1")),
        ),
    ),
)
