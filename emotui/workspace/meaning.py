"""What the value that a key has now means, in words: `4` is "KV cache in int8" or in int4.

Every answer says only what all the versions in question agree on; when they differ, it says
where the difference lies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emotui.support.language import Message, message
from emotui.workspace.era import Era
from emotui.workspace.schema import Key, Kind, keys
from emotui.workspace.values import read_boolean, read_integer, read_number

Values = Mapping[str, str]


def meaning_of(key: Key, values: Values, era: Era) -> Message | None:
    """Return what the value of `key` in `values` means; None when it says enough itself."""
    value = values.get(key.name)
    if value is None:
        return message("not in the file")
    special = _SPECIAL.get(key.name)
    if special is not None:
        return special(value, values, era)
    for choice in key.choices:
        if _same(key, choice.value, value) and era.within((choice.span,)):
            return Message(choice.meaning)
    return None


def _same(key: Key, one: str, other: str) -> bool:
    if key.kind is Kind.BOOLEAN:
        return read_boolean(one) is read_boolean(other)
    if key.kind in (Kind.INTEGER, Kind.SWITCH):
        return read_integer(one) == read_integer(other)
    return one == other


def kv_type(value: str, era: Era) -> str | None:
    """Return `fp16`, `int8` or `int4`: how these versions keep the KV cache; None: unknown."""
    digit = read_integer(value)
    found = {
        choice.names[0]
        for choice in keys()["quant_policy"].choices
        if read_integer(choice.value) == digit and era.within((choice.span,))
    }
    return found.pop() if len(found) == 1 else None


def _quant_policy(value: str, _values: Values, era: Era) -> Message | None:
    digit = read_integer(value)
    kind = kv_type(value, era)
    if kind == "fp16":
        return message("KV fp16, not quantized")
    if kind is not None:
        return message("KV {kind} on LMDeploy {versions}", kind=kind, versions=era.label)
    if digit == 4:
        return message("KV int8 up to LMDeploy 0.3.0, int4 from 0.4.0")
    if digit == 8 and era.within((keys()["quant_policy"].choices[1].span,)) is None:
        return message("KV int8 from LMDeploy 0.4.0, no effect up to 0.3.0")
    if digit in (1, 2, 8) and era.agreed(lambda f: f.kv_int8_digit) == 4:
        return message("no effect on LMDeploy {versions}: fp16", versions=era.label)
    return message("no meaning to LMDeploy {versions}", versions=era.label)


def _cache(value: str, values: Values, era: Era) -> Message | None:
    number = read_number(value)
    if number is None:
        return None
    if not era.any(lambda f: f.cache_block_seq_len is not None):
        return message("{count} sequences", count=f"{number:g}")
    if number == 0:
        return message("read as 0.95")
    if number >= 1:
        block = read_integer(values.get("cache_block_seq_len", "")) or 0
        return message(
            "{count} KV blocks, {tokens} tokens", count=int(number), tokens=int(number) * block
        )
    share = f"{number * 100:g}"
    free = era.agreed(lambda f: f.cache_share_of_free_memory)
    if free is None:
        return message("{share} % of the GPU memory", share=share)
    if free:
        return message("{share} % of the GPU memory that the weights leave free", share=share)
    return message("{share} % of all GPU memory", share=share)


def _context_tokens(value: str, values: Values, _era: Era) -> Message | None:
    number = read_integer(value)
    session = read_integer(values.get("session_len", ""))
    batch = read_integer(values.get("max_batch_size", ""))
    if number is None or session is None or batch is None:
        return None
    if number > batch:
        return message("{tokens} tokens", tokens=number)
    return message(
        "{tokens} tokens: {count} times session_len",
        tokens=(number or 1) * session,
        count=number or 1,
    )


def _chunk(value: str, _values: Values, _era: Era) -> Message | None:
    number = read_integer(value)
    if number is None:
        return None
    if number < 0:
        return message("the whole cache at start")
    if number == 0:
        return message("the square root of the cache")
    return message("{count} at a time", count=number)


def _tokens(value: str, _values: Values, _era: Era) -> Message | None:
    number = read_integer(value)
    return None if number is None else message("{tokens} tokens", tokens=number)


def _requests(value: str, _values: Values, _era: Era) -> Message | None:
    number = read_integer(value)
    return None if number is None else message("{count} requests", count=number)


def _zero_is_off(value: str, _values: Values, _era: Era) -> Message | None:
    return message("off") if read_number(value) == 0 else None


def _fmha(value: str, _values: Values, era: Era) -> Message | None:
    if not era.any(lambda f: f.context_fmha_used):
        return message("ignored by LMDeploy {versions}", versions=era.label)
    number = read_integer(value)
    return None if number is None else message("on") if number else message("off")


def _group_size(value: str, _values: Values, _era: Era) -> Message | None:
    number = read_integer(value)
    if number is None:
        return None
    return message("not quantized") if number == 0 else message("{count} weights", count=number)


_SPECIAL: Mapping[str, Callable[[str, Values, Era], Message | None]] = {
    "quant_policy": _quant_policy,
    "cache_max_entry_count": _cache,
    "cache_block_seq_len": _tokens,
    "cache_chunk_size": _chunk,
    "session_len": _tokens,
    "max_batch_size": _requests,
    "max_context_token_num": _context_tokens,
    "max_prefill_token_num": _tokens,
    "max_position_embeddings": _tokens,
    "num_tokens_per_iter": _zero_is_off,
    "rope_scaling_factor": _zero_is_off,
    "use_context_fmha": _fmha,
    "group_size": _group_size,
}
