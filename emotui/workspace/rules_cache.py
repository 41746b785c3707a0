"""Rules about the KV cache: its type by version, its size, its blocks."""

from __future__ import annotations

from collections.abc import Iterator

from emotui.lmdeploy.versions import Features
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.meaning import kv_type
from emotui.workspace.subject import Subject


def _bit_field(features: Features) -> bool:
    """Say whether quant_policy is a bit field, in which only 4 acts."""
    return features.kv_int4_digit is None


def quant_policy_known(subject: Subject) -> Iterator[Finding]:
    """Other digits are without effect on old versions and an error on later ones."""
    digit = subject.integers.get("quant_policy")
    if digit in (None, 0, 4):
        return
    if digit == 8 and not subject.reader.any(_bit_field):
        return
    ignored = subject.reader.any(_bit_field)
    yield Finding(
        "config.quant_policy.choice",
        message("quant_policy means something to LMDeploy"),
        Status.WARNING if ignored else Status.FAILURE,
        message("quant_policy = {value}", value=subject.values["quant_policy"]),
        message("Up to 0.3.0 only 4 (KV int8) has an effect; the cache stays fp16 without a word.")
        if ignored
        else message("LMDeploy {versions} stops with an error.", versions=subject.reader.label),
        subject.remedy(message("Say what you mean: fp16, int8 or int4."), "quant_policy=int8"),
    )


def quant_policy_moved(subject: Subject) -> Iterator[Finding]:
    """The same digit means int8 to the version that wrote the file and int4 to the reader."""
    value = subject.values.get("quant_policy", "0")
    written, read = kv_type(value, subject.writer), kv_type(value, subject.reader)
    if not subject.reader.given or written is None or read is None or written == read:
        return
    yield Finding(
        "config.quant_policy.moved",
        message("quant_policy means the same to the version that reads the file"),
        Status.WARNING,
        message(
            "{value} is {written} on LMDeploy {writer}, which wrote the file, and {read} on "
            "{reader}.",
            value=value,
            written=written,
            writer=subject.writer.label,
            read=read,
            reader=subject.reader.label,
        ),
        message("The digits changed in 0.4.0; answers get worse without a word."),
        Remedy(
            message("If int8 is meant, write it for the version that reads the file."),
            (
                *subject.set_command("quant_policy=int8"),
                "--lmdeploy",
                str(subject.reader.versions[-1]),
            ),
        ),
    )


def fmha_with_int8(subject: Subject) -> Iterator[Finding]:
    """TurboMind 1.0 cannot do both."""
    status = subject.severity(lambda f: f.context_fmha_excludes_kv_int8)
    fmha = subject.integers.get("use_context_fmha", 1)
    if status is None or subject.integers.get("quant_policy") != 4 or fmha == 0:
        return
    yield Finding(
        "config.use_context_fmha.int8",
        message("Fused attention and KV int8 go together"),
        status,
        message("use_context_fmha = {fmha}, quant_policy = 4", fmha=fmha),
        message("LMDeploy up to 0.0.14 aborts: “use_context_fmha not support int8”."),
        subject.remedy(message("Switch fused attention off."), "use_context_fmha=0"),
    )


def cache_size(subject: Subject) -> Iterator[Finding]:
    """A count of sequences, a share or a count of blocks: the same key, by version."""
    number = subject.number("cache_max_entry_count")
    if number is None or number < 0:
        return
    if not subject.reader.any(lambda f: f.cache_block_seq_len is not None):
        yield from _sequences(subject, number)
    elif number == 0:
        yield Finding(
            "config.cache_max_entry_count.zero",
            message("The size of the KV cache is what was written"),
            Status.WARNING,
            message("cache_max_entry_count = 0"),
            message("The engine takes 0 for “not set” and uses 0.95, which may not fit."),
            subject.remedy(message("Write the share that you want."), "cache_max_entry_count=0.8"),
        )
    elif number >= 1:
        yield from _blocks(subject, int(number))
    elif number > _share_limit(subject):
        yield Finding(
            "config.cache_max_entry_count.large",
            message("The KV cache leaves room for the rest"),
            Status.WARNING,
            message("cache_max_entry_count = {value}", value=f"{number:g}"),
            message(
                "What remains must hold the buffers of the engine, and the weights too where the "
                "share is of the whole memory; the GPU runs out of memory at start."
            ),
            subject.remedy(message("Lower it."), f"cache_max_entry_count={_share_limit(subject)}"),
        )


def _share_limit(subject: Subject) -> float:
    free = subject.reader.agreed(lambda f: f.cache_share_of_free_memory)
    return 0.7 if free is False else 0.9


def _sequences(subject: Subject, number: float) -> Iterator[Finding]:
    batch = subject.integers.get("max_batch_size", 0)
    if number == int(number) and number >= max(batch, 1):
        return
    whole = number == int(number) and number >= 1
    yield Finding(
        "config.cache_max_entry_count.sequences",
        message("The KV cache has room for every request of a batch"),
        Status.WARNING if whole else Status.FAILURE,
        message(
            "cache_max_entry_count = {value}, max_batch_size = {batch}",
            value=f"{number:g}",
            batch=batch,
        ),
        message("Up to 0.0.14 it is a number of sequences, and a batch may not exceed it."),
        subject.remedy(message("Raise it."), f"cache_max_entry_count={max(batch, 1)}"),
    )


def _blocks(subject: Subject, blocks: int) -> Iterator[Finding]:
    """A value of 1 or more is a number of blocks: 1.5 is one block, not 150 %."""
    tokens = blocks * subject.integers.get("cache_block_seq_len", 128)
    session = subject.integers.get("session_len", 0)
    if tokens >= session:
        return
    yield Finding(
        "config.cache_max_entry_count.blocks",
        message("The KV cache holds a whole session"),
        Status.WARNING,
        message(
            "{blocks} KV blocks are {tokens} tokens; session_len is {session}.",
            blocks=blocks,
            tokens=tokens,
            session=session,
        ),
        message("A value of 1 or more is a number of blocks; the engine cuts session_len to them."),
        subject.remedy(
            message("For a share of the memory, write a value below 1."),
            "cache_max_entry_count=0.8",
        ),
    )


def block_length(subject: Subject) -> Iterator[Finding]:
    """The kernels work on multiples of 64 tokens, of 32 on newer GPUs."""
    length = subject.integers.get("cache_block_seq_len")
    if length is None or length < 1 or length % 64 == 0:
        return
    yield Finding(
        "config.cache_block_seq_len.multiple",
        message("Blocks of the KV cache fit the kernels"),
        Status.WARNING,
        message("cache_block_seq_len = {length}", length=length),
        message(
            "It must be a multiple of 64; on GPUs from compute capability 8.0 a multiple of 32 "
            "is enough."
        ),
        subject.remedy(message("Use the default."), "cache_block_seq_len=64"),
    )


CACHE_RULES = (quant_policy_known, quant_policy_moved, fmha_with_int8, cache_size, block_length)
