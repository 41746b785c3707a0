"""What LMDeploy 0.2.0–0.5.3 writes over `config.ini` when it serves a workspace.

`serve api_server` and `pipeline()` build an engine configuration from their own defaults and
copy every field of it over the file, so an edited value counts only when the command line
repeats it. Read in `cli/serve.py`, `messages.py` and `turbomind.py` of these tags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emotui.lmdeploy.versions import Features, features
from emotui.workspace.era import Era, Span, span
from emotui.workspace.schema import Kind, keys
from emotui.workspace.values import read_boolean, read_number


@dataclass(frozen=True)
class _Field:
    key: str
    flag: str | None
    """The option of api_server; None where only Python's `TurbomindEngineConfig` has it."""
    used: Callable[[Features], str]
    """The default that is written over the file."""
    span: Span


@dataclass(frozen=True)
class Override:
    """A value of the file that the server would not use."""

    key: str
    used: str
    """What it uses instead."""
    arguments: tuple[str, ...]
    """What makes api_server use the file's value; empty when no option does."""


_FIELDS = (
    _Field("quant_policy", "--quant-policy", lambda _: "0", span("0.2.0", "0.5.3")),
    _Field(
        "cache_max_entry_count",
        "--cache-max-entry-count",
        lambda f: f"{f.cache_max_entry_count:g}",
        span("0.2.0", "0.5.3"),
    ),
    _Field("max_batch_size", "--max-batch-size", lambda _: "128", span("0.2.0", "0.5.3")),
    _Field("rope_scaling_factor", "--rope-scaling-factor", lambda _: "0", span("0.2.0", "0.5.3")),
    _Field("use_logn_attn", None, lambda _: "0", span("0.2.0", "0.5.3")),
    _Field("cache_block_seq_len", "--cache-block-seq-len", lambda _: "64", span("0.3.0", "0.5.3")),
    _Field("num_tokens_per_iter", "--num-tokens-per-iter", lambda _: "0", span("0.4.0", "0.5.3")),
    _Field("max_prefill_iters", "--max-prefill-iters", lambda _: "1", span("0.4.0", "0.5.3")),
    _Field(
        "enable_prefix_caching",
        "--enable-prefix-caching",
        lambda _: "False",
        span("0.4.2", "0.5.3"),
    ),
    _Field("max_prefill_token_num", None, lambda _: "8192", span("0.5.3", "0.5.3")),
)


def overrides(values: Mapping[str, str], writer: Era, reader: Era) -> list[Override]:
    """Return the values that a person chose and that the server would replace.

    A value that `convert` wrote itself (max_batch_size 64 against the server's 128, say) was
    nobody's choice and is left out.
    """
    version = reader.versions[-1]
    found = []
    for field in _FIELDS:
        value = values.get(field.key)
        used = field.used(features(version))
        if value is None or version not in field.span or _equal(field.key, value, used):
            continue
        if any(_equal(field.key, value, default) for default in _written(field.key, writer)):
            continue
        found.append(Override(field.key, used, _arguments(field, value)))
    return found


def _written(key: str, writer: Era) -> set[str]:
    row = keys()[key]
    defaults = (row.default(Era((version,))) for version in writer.versions)
    return {default for default in defaults if default is not None}


def _arguments(field: _Field, value: str) -> tuple[str, ...]:
    if field.flag is None:
        return ()
    if keys()[field.key].kind is Kind.BOOLEAN:
        return (field.flag,) if read_boolean(value) else ()
    return (field.flag, value)


def _equal(key: str, one: str, other: str) -> bool:
    if keys()[key].kind is Kind.BOOLEAN:
        return read_boolean(one) is read_boolean(other)
    return read_number(one) == read_number(other)
