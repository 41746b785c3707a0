"""A real model folder, small enough for a test: Llama layout, random weights, real tokenizer.

Two roles in one file. Tests import `make_tiny_llama`; the interpreter that has torch,
transformers and sentencepiece runs the file itself. About 3.2 million parameters: head size
128 and vocabulary 1024 are what TurboMind's classic engine needs of a model.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '[' + message['role'] + '] ' + message['content'] + ' ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '[assistant]' }}{% endif %}"
)
WORDS = (
    "hello how are you today i am glad to listen please tell me more about what you feel",
    "a quiet morning walk often helps when the mind is busy and the night was short",
    "we can talk about work friends sleep food music or nothing at all for a while",
    "numbers like 0 1 2 3 4 5 6 7 8 9 and marks like . , ! ? ; : ( ) [ ] stand here",
    "你好 今天 感觉 怎么样 我 在 听 请 慢慢 说 不 着急 我们 一起 想 办法 谢谢 你 的 信任",
    " ".join(f"{a}{b}{c}" for a in "bdgkmprst" for b in "aeiou" for c in ("ln", "nd", "r", "ss")),
    " ".join(chr(0x4E00 + 23 * number) for number in range(300)),
)


def make_tiny_llama(
    python: Path, folder: Path, *, chat_template: bool = True, safetensors: bool = False
) -> Path:
    """Make a Llama model in `folder` with the interpreter `python`; return `folder`.

    `chat_template=False` leaves the tokenizer without one, as base models are. The weights go
    into `pytorch_model.bin` unless `safetensors` is asked for.
    """
    command = [str(python), str(Path(__file__).resolve()), str(folder)]
    command += ["--chat-template"] if chat_template else []
    command += ["--safetensors"] if safetensors else []
    subprocess.run(
        command, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    return folder


def main() -> None:
    """Make the model that the command line asks for."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    _make_tokenizer(folder, chat_template="--chat-template" in sys.argv)
    _make_weights(folder, safetensors="--safetensors" in sys.argv)


def _make_tokenizer(folder: Path, *, chat_template: bool) -> None:
    import sentencepiece
    from transformers import AutoTokenizer

    text = folder / "training.txt"
    text.write_text("\n".join(WORDS * 40), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=1024,
        model_type="bpe",
        byte_fallback=True,
        character_coverage=1.0,
        minloglevel=2,
    )
    text.unlink()
    (folder / "tokenizer.vocab").unlink()
    settings: dict[str, object] = {
        "tokenizer_class": "LlamaTokenizer",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "add_bos_token": True,
        "add_eos_token": False,
        "legacy": True,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 2048,
    }
    if chat_template:
        settings["chat_template"] = CHAT_TEMPLATE
    place = folder / "tokenizer_config.json"
    place.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    AutoTokenizer.from_pretrained(str(folder), use_fast=True).save_pretrained(str(folder))
    if chat_template:  # newer versions move it to a file that older ones do not know
        written = json.loads(place.read_text(encoding="utf-8"))
        written["chat_template"] = CHAT_TEMPLATE
        place.write_text(json.dumps(written, indent=2), encoding="utf-8")


def _make_weights(folder: Path, *, safetensors: bool) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(20240221)
    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    # The special tokens are never among the likeliest 40: an answer is as long as it may be.
    model.lm_head.weight.data[:3] = 0
    model.half().save_pretrained(str(folder), safe_serialization=safetensors)


if __name__ == "__main__":
    main()
