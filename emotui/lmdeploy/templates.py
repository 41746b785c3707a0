"""Which chat template, or model name, a version of LMDeploy has for a family of models.

A name alone does not say whether a prompt is dressed as a chat: `internlm2` passes the prompt
raw up to 0.2.5 and is the chat template from 0.2.6. The names were read in each tag's registry.
"""

from __future__ import annotations

from dataclasses import dataclass

from emotui.lmdeploy.numbering import Version


@dataclass(frozen=True, slots=True)
class _Era:
    """Names from `since` on; `names` maps a family to its (chat, base) names."""

    since: Version
    names: dict[str, tuple[str | None, str | None]]


_FAMILIES = {
    "InternLM2ForCausalLM": "internlm2",
    "InternLMForCausalLM": "internlm",
    "LlamaForCausalLM": "llama",
    "QWenLMHeadModel": "qwen",
    "Qwen2ForCausalLM": "qwen2",
    "BaichuanForCausalLM": "baichuan",
    "BaiChuanForCausalLM": "baichuan",
}

# Up to 0.3.0 the name's prefix also chooses how the weights are read, so that Qwen and Baichuan
# have no base name there: their chat template must serve.
_ERAS = [
    _Era(
        Version("0.0.1"),
        {
            "internlm": ("internlm-chat-7b", "base"),
            "llama": ("llama2", "llama"),
            "qwen": ("qwen-7b", "qwen-7b"),
            "baichuan": ("baichuan2-7b", "baichuan2-7b"),
        },
    ),
    _Era(
        Version("0.2.0"),
        {
            "internlm2": ("internlm2-chat-7b", "internlm2-7b"),
            "internlm": ("internlm-chat-7b", "base"),
            "llama": ("llama2", "llama"),
            "qwen": ("qwen-7b", "qwen-7b"),
            "baichuan": ("baichuan2-7b", "baichuan2-7b"),
        },
    ),
    _Era(
        Version("0.4.0"),
        {
            "internlm2": ("internlm2-chat-7b", "internlm2-7b"),
            "internlm": ("internlm-chat-7b", "base"),
            "llama": ("llama2", "llama"),
            "qwen": ("qwen", "base"),
            "qwen2": ("qwen", "base"),
            "baichuan": ("baichuan2-7b", "base"),
        },
    ),
    _Era(
        Version("0.5.2"),
        {
            "internlm2": ("internlm2", "base"),
            "internlm": ("internlm", "base"),
            "llama": ("llama2", "base"),
            "qwen": ("qwen", "base"),
            "qwen2": ("qwen", "base"),
            "baichuan": ("baichuan2", "base"),
        },
    ),
    # From 0.10.0 the tokenizer's own template is used; `base` passes the prompt raw.
    _Era(Version("0.10.0"), {}),
]


def chat_template(
    version: Version | str, architecture: str | None, *, is_chat: bool = True
) -> str | None:
    """Return the template name for a model of `architecture` (as in config.json).

    None means that this version has none for it or, from 0.10.0 on, that the tokenizer's own
    chat template is used. `is_chat=False` asks for the template of a base model.
    """
    v = version if isinstance(version, Version) else Version(version)
    era = [era for era in _ERAS if v >= era.since][-1]
    if not era.names:
        return None if is_chat else "base"
    names = era.names.get(_FAMILIES.get(architecture or "", ""))
    return None if names is None else names[0 if is_chat else 1]


def reader_prefix(architecture: str | None) -> str | None:
    """Return what a model name must start with so that 0.2.x–0.3.0 reads the weights rightly.

    None: any name that has no prefix of its own (Llama and InternLM share the plain reader).
    """
    family = _FAMILIES.get(architecture or "", "")
    return family if family in READER_PREFIXES else None


READER_PREFIXES = ("internlm2", "qwen", "baichuan", "baichuan2")
"""The part of a model name before its first hyphen that chooses a reader of its own."""
