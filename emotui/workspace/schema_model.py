"""The keys of `config.ini` that describe the model: `convert` wrote them to fit the weights."""

from __future__ import annotations

from emotui.support.language import N_
from emotui.workspace.era import span
from emotui.workspace.key import ALWAYS, Choice, Group, Key, Kind, Note

FITS_THE_WEIGHTS = N_(
    "It describes the weight files beside this file. Another value does not change the model: "
    "the engine would read the weights wrongly, or not start. Convert the model again instead."
)


def _shape(name: str, kind: Kind, meaning: str, *, minimum: float | None = 1) -> Key:
    """Return the row of a number that every version needs."""
    return Key(
        name,
        Group.MODEL,
        kind,
        meaning,
        FITS_THE_WEIGHTS,
        ALWAYS,
        minimum=minimum,
        required=ALWAYS,
    )


def _rope(name: str, meaning: str, kind: Kind = Kind.NUMBER, default: str = "1.0") -> Key:
    """Return a row of Llama 3's way to stretch positions."""
    return Key(
        name,
        Group.MODEL,
        kind,
        meaning,
        N_("It comes from rope_scaling in the model's config.json; leave it as convert wrote it."),
        (span(since="0.5.2"),),
        (("0.5.2", default),),
    )


def _lora(name: str, meaning: str, kind: Kind, default: str) -> Key:
    return Key(
        name,
        Group.MODEL,
        kind,
        meaning,
        N_("It describes LoRA weights that were converted with the model (InternLM-XComposer2)."),
        (span(since="0.4.0"),),
        (("0.4.0", default),),
    )


MODEL_KEYS = (
    Key(
        "model_name",
        Group.MODEL,
        Kind.TEXT,
        N_("name of the model, which also chooses the chat template"),
        N_(
            "The chat template of this name dresses every prompt (up to 0.5.3, unless the command "
            "line names another). A base name passes prompts raw, and a chat model then goes on "
            "without end. If the wrong name was given to convert, it can be corrected here."
        ),
        ALWAYS,
        required=(span(until="0.4.2"),),
        notes=(
            Note(
                N_("internlm2 is the base template up to 0.2.5 and the chat template from 0.2.6."),
                span("0.2.0", "0.2.6"),
            ),
        ),
    ),
    Key(
        "model_arch",
        Group.MODEL,
        Kind.TEXT,
        N_("architecture, as config.json names it"),
        FITS_THE_WEIGHTS,
        (span(since="0.5.0"),),
    ),
    _shape("tensor_para_size", Kind.INTEGER, N_("GPUs over which the weights are split")),
    _shape("head_num", Kind.INTEGER, N_("attention heads")),
    _shape("kv_head_num", Kind.INTEGER, N_("key and value heads")),
    _shape("vocab_size", Kind.INTEGER, N_("tokens in the vocabulary")),
    _shape("num_layer", Kind.INTEGER, N_("layers")),
    _shape("inter_size", Kind.INTEGER, N_("width of the feed-forward layers")),
    _shape("norm_eps", Kind.NUMBER, N_("epsilon of the norms"), minimum=0),
    _shape("attn_bias", Kind.INTEGER, N_("whether attention has biases (0 or 1)"), minimum=0),
    _shape("start_id", Kind.INTEGER, N_("id of the token that begins a text"), minimum=0),
    _shape("end_id", Kind.INTEGER, N_("id of the token that ends a text"), minimum=0),
    Key(
        "weight_type",
        Group.MODEL,
        Kind.TEXT,
        N_("type of the weights"),
        FITS_THE_WEIGHTS,
        ALWAYS,
        choices=(
            Choice("fp16", N_("half precision")),
            Choice("bf16", N_("bfloat16"), span=span(since="0.1.0")),
            Choice("fp32", N_("single precision")),
            Choice("int4", N_("4-bit weights (AWQ)")),
            Choice("int8", N_("8-bit weights")),
        ),
        required=(span(since="0.5.0"),),
        notes=(Note(N_("bf16 needs a GPU of compute capability 8.0 or more.")),),
    ),
    Key(
        "group_size",
        Group.MODEL,
        Kind.INTEGER,
        N_("weights that share a scale in 4-bit weights; 0 when they are not quantized"),
        FITS_THE_WEIGHTS,
        (span(since="0.0.4"),),
        (("0.0.4", "0"),),
        minimum=0,
    ),
    Key(
        "size_per_head",
        Group.MODEL,
        Kind.INTEGER,
        N_("size of an attention head"),
        FITS_THE_WEIGHTS,
        ALWAYS,
        (("0.0.2", "128"),),
        minimum=1,
        required=(span(until="0.0.14"),),
    ),
    Key(
        "rotary_embedding",
        Group.MODEL,
        Kind.INTEGER,
        N_("dimensions of a head that are rotated"),
        FITS_THE_WEIGHTS,
        ALWAYS,
        (("0.0.2", "128"),),
        minimum=1,
        required=(span(until="0.0.14"),),
    ),
    Key(
        "rope_theta",
        Group.MODEL,
        Kind.NUMBER,
        N_("base of the rotary positions"),
        FITS_THE_WEIGHTS,
        (span(since="0.0.8"),),
        (("0.0.8", "10000.0"),),
        minimum=0,
    ),
    _rope(
        "rope_scaling_type",
        N_("how positions are stretched (llama3, linear, dynamic)"),
        Kind.TEXT,
        "",
    ),
    _rope("original_max_position_embeddings", N_("length before stretching"), Kind.INTEGER, "0"),
    _rope("low_freq_factor", N_("stretching of low frequencies")),
    _rope("high_freq_factor", N_("stretching of high frequencies")),
    _lora("lora_policy", N_("how LoRA weights are applied"), Kind.TEXT, ""),
    _lora("lora_r", N_("rank of LoRA weights"), Kind.INTEGER, "0"),
    _lora("lora_scale", N_("scale of LoRA weights"), Kind.NUMBER, "0.0"),
    _lora("lora_max_wo_r", N_("largest LoRA rank of the output projection"), Kind.INTEGER, "0"),
    _lora("lora_rank_pattern", N_("LoRA ranks by layer"), Kind.TEXT, ""),
    _lora("lora_scale_pattern", N_("LoRA scales by layer"), Kind.TEXT, ""),
)
