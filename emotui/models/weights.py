"""The weights of a checkpoint: which files hold them, and what their headers say.

Transformers' own order of preference decides between formats: safetensors before PyTorch's. An
index (`*.index.json`) names the shards; without one, shard names say how many there must be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from emotui.models.description import WeightFormat
from emotui.models.reading import mapping, read_json, unreadable
from emotui.models.tensors import HeaderError, Tensor, read_safetensors
from emotui.models.torch_file import read_torch
from emotui.support.errors import BrokenFileError
from emotui.support.language import Message, message
from emotui.support.text import clean_line

_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<total>\d{5})\.(?:safetensors|bin)")
_NO_WEIGHTS = re.compile(
    r"(training_args|optimizer|scheduler|scaler|rng_state|adapter_model|consolidated)"
)
_NAMES_SHOWN = 3


@dataclass(slots=True)
class Weights:
    """What the files of weights say together."""

    format: WeightFormat | None = None
    files: tuple[str, ...] = ()
    tensors: list[Tensor] = field(default_factory=list)
    complete: bool = True
    """Whether every file was there and could be read."""
    problems: list[Message] = field(default_factory=list)


def read_weights(folder: Path, names: Iterable[str]) -> Weights:
    """Read the headers of the weights in `folder`, which holds files called `names`."""
    present = set(names)
    weights = Weights()
    for form, index, ending in (
        (WeightFormat.SAFETENSORS, "model.safetensors.index.json", ".safetensors"),
        (WeightFormat.PICKLE, "pytorch_model.bin.index.json", ".bin"),
    ):
        wanted = _files(folder, present, index, ending, weights)
        if wanted:
            weights.format = form
            weights.files = tuple(wanted)
            _read(folder, [name for name in wanted if name in present], weights)
            _report_missing([name for name in wanted if name not in present], weights)
            return weights
    weights.complete = False
    if not weights.problems:
        weights.problems.append(
            message("There are no weights: neither *.safetensors nor pytorch_model*.bin.")
        )
    return weights


def _files(folder: Path, present: set[str], index: str, ending: str, weights: Weights) -> list[str]:
    """Return the names of the files that hold the weights in one format."""
    if index in present:
        try:
            named = mapping(read_json(folder / index).get("weight_map")).values()
        except BrokenFileError as error:
            weights.problems.append(error.message)
        else:
            shards = {name for name in named if isinstance(name, str) and "/" not in name}
            if shards:
                return sorted(shards)
            weights.problems.append(message("{file} lists no shards.", file=index))
    single = f"model{ending}" if ending == ".safetensors" else f"pytorch_model{ending}"
    if single in present:
        return [single]
    others = sorted(name for name in present if name.endswith(ending))
    own = [name for name in others if not _NO_WEIGHTS.match(name)]
    return sorted({*own, *_siblings(own)})


def _siblings(names: Iterable[str]) -> set[str]:
    """Return every shard of the sets that the names belong to."""
    wanted: set[str] = set()
    for name in names:
        shard = _SHARD.fullmatch(name)
        if shard is not None and int(shard["total"]) <= 1000:
            stem, total, ending = shard["stem"], shard["total"], name.rpartition(".")[2]
            wanted |= {
                f"{stem}-{number:05d}-of-{total}.{ending}" for number in range(1, int(total) + 1)
            }
    return wanted


def _read(folder: Path, names: Iterable[str], weights: Weights) -> None:
    for name in names:
        read = _read_one(folder / name, weights)
        if isinstance(read, Message):
            weights.complete = False
            weights.problems.append(read)
        else:
            weights.tensors += read
    if weights.complete and not weights.tensors:
        weights.complete = False
        weights.problems.append(message("The files of weights hold no tensors."))


def _read_one(path: Path, weights: Weights) -> list[Tensor] | Message:
    """Return the tensors of a file, or what is wrong with it."""
    try:
        if weights.format is WeightFormat.SAFETENSORS:
            return read_safetensors(path)
        described = read_torch(path)
    except HeaderError as error:
        return error.message
    except OSError as error:
        return unreadable(path, error).message
    if described.foreign:
        weights.problems.append(_foreign(path.name, described.foreign))
    return described.tensors


def _foreign(name: str, found: tuple[str, ...]) -> Message:
    return message(
        "{file} names code that rebuilds no weights ({names}). Loading it can run that code: "
        "do not use it unless you know where it comes from.",
        file=name,
        names=_some(found),
    )


def _report_missing(missing: list[str], weights: Weights) -> None:
    if missing:
        weights.complete = False
        weights.problems.append(
            message(
                "Files of weights are missing ({number} of {total}): {names}",
                number=len(missing),
                total=len(weights.files),
                names=_some(missing),
            )
        )


def _some(names: Iterable[str]) -> str:
    """Return the first few names as text."""
    cleaned = [clean_line(name[:100]) for name in names]
    more = ["…"] if len(cleaned) > _NAMES_SHOWN else []
    return ", ".join([*cleaned[:_NAMES_SHOWN], *more])
