"""Whether a folder brings a tokenizer and a chat template, and Python code of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from emotui.models.reading import read_json
from emotui.support.errors import BrokenFileError
from emotui.support.language import Message
from emotui.support.text import clean_line

CONFIG = "tokenizer_config.json"
_VOCABULARIES = (
    "tokenizer.model",
    "tokenizer.json",
    "qwen.tiktoken",
    "spiece.model",
    "sentencepiece.bpe.model",
    "vocab.txt",
    "vocab.json",
)
_TEMPLATES = ("chat_template.jinja", "chat_template.json")


@dataclass(slots=True)
class Tokenizer:
    """What stands beside the weights."""

    files: tuple[str, ...] = ()
    """The files that hold a vocabulary; empty means that there is no tokenizer."""
    chat_template: bool = False
    code_files: tuple[str, ...] = ()
    remote_code: bool = False
    problems: list[Message] = field(default_factory=list)


def read_tokenizer(folder: Path, names: Iterable[str]) -> Tokenizer:
    """Return what `folder`, which holds files called `names`, brings for the text's side."""
    present = set(names)
    found = Tokenizer(
        files=tuple(
            clean_line(name)
            for name in sorted(present)
            if name in _VOCABULARIES or name.endswith(".tiktoken")
        ),
        chat_template=bool(present.intersection(_TEMPLATES)),
        code_files=tuple(clean_line(name) for name in sorted(present) if name.endswith(".py")),
    )
    if CONFIG in present:
        try:
            config = read_json(folder / CONFIG)
        except BrokenFileError as error:
            found.problems.append(error.message)
        else:
            found.chat_template = found.chat_template or bool(config.get("chat_template"))
            found.remote_code = bool(config.get("auto_map"))
    return found
