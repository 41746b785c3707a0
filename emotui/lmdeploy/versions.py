"""What each version of LMDeploy can do.

One table of facts, by the version that changed them. They were read in the project's tags and,
where a command could show it, seen by running it. Everything that depends on a version asks
here; no other file compares versions of LMDeploy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emotui.lmdeploy.numbering import Version
from emotui.lmdeploy.templates import chat_template

__all__ = ["Features", "Version", "chat_template", "features"]

CliStyle = Literal["module", "fire", "argparse"]
WorkspaceConfig = Literal["ini", "yaml"]


@dataclass(frozen=True, slots=True)
class Features:
    """What one version can do and how it wants to be asked."""

    version: Version

    cli: CliStyle
    """How its commands are written: `python -m lmdeploy.…` modules up to 0.0.12, python-fire
    (0.0.13–0.1.0), argparse with hyphens since 0.2.0."""
    runs_as_module: bool
    """`python -m lmdeploy` works: `lmdeploy/__main__.py` exists since 0.2.0."""
    has_convert: bool
    """`lmdeploy convert` exists: 0.0.13 to 0.9.2; gone in 0.10.0, with the workspaces."""
    has_chat_turbomind: bool
    """`lmdeploy chat turbomind PATH`; 0.5.1 takes `lmdeploy chat PATH` only."""
    has_kv_qparams: bool
    """`lite kv_qparams` writes scales that the engine uses: up to 0.3.0. 0.4.0 and 0.5.x keep
    the command, but the engine quantizes online and ignores them."""
    has_chat_template_option: bool
    """Chat and serve take `--chat-template`: since 0.2.6."""

    workspace_config: WorkspaceConfig | None
    """What `convert` writes the configuration as: `config.ini` up to 0.5.3, `config.yaml` in
    0.6.0–0.9.2 (engine parameters are no longer in it), nothing from 0.10.0."""
    command_line_beats_config: bool
    """0.2.0–0.5.3: api_server and `pipeline()` write their own defaults over config.ini
    (quant_policy, cache_max_entry_count, max_batch_size, rope_scaling_factor)."""
    context_fmha_used: bool
    """`use_context_fmha` has an effect: up to 0.2.6; parsed and ignored in 0.3.0–0.5.3."""
    context_fmha_excludes_kv_int8: bool
    """TurboMind 1.0 (up to 0.0.14): quant_policy 4 aborts unless use_context_fmha is 0."""
    cache_block_seq_len: int | None
    """Tokens in a KV block by default: 128, 64 from 0.3.0; None: TurboMind 1.0 has no blocks."""
    cache_max_entry_count: float
    """Default: 48 sequences up to 0.0.14, then a share: 0.5 (0.1.0–0.2.1), 0.8."""
    cache_share_of_free_memory: bool
    """`cache_max_entry_count` is a share of what is free once the weights are loaded: since
    0.2.2; of the whole memory in 0.1.0–0.2.1."""
    cache_count_of_blocks: bool
    """A `cache_max_entry_count` of 1 or more is a number of blocks: 0.1.0–0.14."""

    kv_int8_digit: int
    """`quant_policy` for a KV cache of 8 bits: 4 up to 0.3.0 (a bit field), 8 from 0.4.0."""
    kv_int4_digit: int | None
    """`quant_policy` for a KV cache of 4 bits: 4 from 0.4.0, None before."""
    kv_scale_files: bool
    """KV int8 needs layers.N.past_kv_scale.R.weight, 16 bytes each: up to 0.3.0."""
    kv_parameter_bytes: int
    """Bytes of parameters a quantized head keeps for a token: 4 (two fp16) from 0.4.0."""

    knows_internlm2: bool
    """Converts and calibrates InternLM2: since 0.2.0."""
    internlm2_stops: bool
    """Knows the stop token of today's InternLM2 files; 0.2.0 and 0.2.1 generate without end."""
    knows_qwen2: bool
    """Converts Qwen1.5 and Qwen2: since 0.4.0."""
    convert_model_name_used: bool
    """`convert`'s first argument chooses the chat template: up to 0.5.3; ignored from 0.6.0,
    where `--chat-template` does it."""
    model_name_chooses_reader: bool
    """The prefix of the model name (internlm2-, qwen-, baichuan2-) chooses how the weights are
    read: up to 0.3.0; from 0.4.0 config.json does."""
    convert_needs_tokenizer_model: bool
    """`convert` wants tokenizer.model or qwen.tiktoken: up to 0.3.0; later ones load what
    transformers finds."""
    convert_awq_needs_group_size: bool
    """`--model-format awq` without `--group-size` fails, after the destination has been
    deleted: up to 0.5.3; 0.6.0 reads it from quantization_config or takes 128."""
    turbomind_reads_hf: bool
    """TurboMind loads a Hugging Face folder directly: since 0.1.0."""
    turbomind_reads_workspace: bool
    """TurboMind loads a workspace: up to 0.9.2."""
    head_sizes: tuple[int, ...]
    """Head sizes that TurboMind runs: 128; 64 too from 0.6.3."""
    trust_remote_code_asked: bool
    """`--trust-remote-code` must be given for models with code of their own: since 0.13."""
    w4_compute_capability: int
    """Least compute capability (times ten) for 4-bit weights: 80, 75 from 0.1.0, 70 from
    0.6.0; older GPUs answer wrong text without a word."""


def features(version: Version | str) -> Features:
    """Return what `version` of LMDeploy can do; raises `ValueError` when it is no version."""
    v = version if isinstance(version, Version) else Version(version)

    def since(text: str) -> bool:
        return v >= Version(text)

    online_kv = since("0.4.0")
    paged = since("0.1.0")
    return Features(
        version=v,
        cli="argparse" if since("0.2.0") else "fire" if since("0.0.13") else "module",
        runs_as_module=since("0.2.0"),
        has_convert=since("0.0.13") and not since("0.10.0"),
        has_chat_turbomind=since("0.0.13") and not since("0.5.1"),
        has_kv_qparams=not online_kv,
        has_chat_template_option=since("0.2.6"),
        workspace_config=_workspace_config(v),
        command_line_beats_config=since("0.2.0") and not since("0.6.0"),
        context_fmha_used=not since("0.3.0"),
        context_fmha_excludes_kv_int8=not paged,
        cache_block_seq_len=(64 if since("0.3.0") else 128) if paged else None,
        cache_max_entry_count=(0.8 if since("0.2.2") else 0.5) if paged else 48,
        cache_share_of_free_memory=since("0.2.2"),
        cache_count_of_blocks=paged and not since("0.15.0"),
        kv_int8_digit=8 if online_kv else 4,
        kv_int4_digit=4 if online_kv else None,
        kv_scale_files=not online_kv,
        kv_parameter_bytes=4 if online_kv else 0,
        knows_internlm2=since("0.2.0"),
        internlm2_stops=since("0.2.2"),
        knows_qwen2=online_kv,
        convert_model_name_used=not since("0.6.0"),
        model_name_chooses_reader=not since("0.4.0"),
        convert_needs_tokenizer_model=not since("0.4.0"),
        convert_awq_needs_group_size=not since("0.6.0"),
        turbomind_reads_hf=paged,
        turbomind_reads_workspace=not since("0.10.0"),
        head_sizes=(64, 128) if since("0.6.3") else (128,),
        trust_remote_code_asked=since("0.13.0"),
        w4_compute_capability=70 if since("0.6.0") else 75 if paged else 80,
    )


def _workspace_config(version: Version) -> WorkspaceConfig | None:
    if version >= Version("0.10.0"):
        return None
    return "yaml" if version >= Version("0.6.0") else "ini"
