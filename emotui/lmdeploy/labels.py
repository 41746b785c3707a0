"""Our own names and explanations of the options that LMDeploy's commands take.

LMDeploy's help is in English, terse, and changes with the version; what users read first is
here. An option that is not listed keeps LMDeploy's help and stands among the advanced ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from emotui.support.language import Message, message

OptionKind = Literal["text", "integer", "number", "switch", "choice", "path"]


@dataclass(frozen=True, slots=True)
class Label:
    """What we say about an option, and where it stands in a form."""

    label: Message
    explanation: Message
    advanced: bool = False
    kind: OptionKind | None = None
    """The kind, where LMDeploy's parser knows less: a path is only text to it."""


CONVERT: Mapping[str, Label] = {
    "model_path": Label(
        message("Model folder"),
        message("The folder with config.json, the weights and the tokenizer."),
        kind="path",
    ),
    "dst_path": Label(
        message("Destination"),
        message(
            "The workspace's folder. It gets its name only when the conversion is complete; an "
            "existing one is kept unless it is to be replaced."
        ),
        kind="path",
    ),
    "model_name": Label(
        message("Model name"),
        message(
            "Chooses the chat template. A chat model needs a chat name, or its answers run on "
            "without end."
        ),
    ),
    "chat_template": Label(
        message("Chat template"),
        message("The built-in template that dresses prompts; empty: chosen by the model's name."),
    ),
    "model_format": Label(
        message("Weight format"),
        message("hf for a Hugging Face checkpoint, awq for weights quantized to 4 bits."),
    ),
    "group_size": Label(
        message("Group size"),
        message(
            "How many 4-bit weights share a scale. It must be the one that the weights were "
            "quantized with, usually 128; 0 for weights that are not quantized."
        ),
    ),
    "tp": Label(
        message("GPUs (tp)"),
        message(
            "On how many GPUs the workspace will run (tensor parallelism): 1, 2, 4 or 8. It runs "
            "on exactly as many."
        ),
    ),
    "tokenizer_path": Label(
        message("Tokenizer file"),
        message("Only when the model folder has no tokenizer.model: the one of its base model."),
        advanced=True,
        kind="path",
    ),
    "dtype": Label(
        message("Data type"),
        message("auto keeps what the checkpoint has; bfloat16 needs a GPU of the Ampere kind."),
        advanced=True,
    ),
    "trust_remote_code": Label(
        message("Run the model's own code"),
        message("Lets Python files in the model folder run. Only for folders that you trust."),
        advanced=True,
    ),
    "quant_path": Label(
        message("Quantized weights"),
        message("A checkpoint file of quantized weights outside the model folder; rarely needed."),
        advanced=True,
        kind="path",
    ),
    "revision": Label(
        message("Revision"),
        message("Only for models that are downloaded by name: branch, tag or commit."),
        advanced=True,
    ),
    "download_dir": Label(
        message("Download folder"),
        message("Only for models that are downloaded by name: where to put them."),
        advanced=True,
        kind="path",
    ),
}
"""The options of `convert` in the order of its form, by their `dest`."""

LABELS: Mapping[str, Mapping[str, Label]] = {"convert": CONVERT}
"""By command."""
