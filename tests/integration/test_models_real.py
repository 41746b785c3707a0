"""Folders that the real torch, transformers and LMDeploy 0.2.4 wrote, described by EmoTUI."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tiny_model import make_tiny_llama

from emotui.models.folder import ModelKind, Quantization, WeightFormat, inspect

pytestmark = pytest.mark.integration

PATCHES = Path(__file__).parent / "cpu_patches"

COUNT = """
import sys
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
print(sum(parameter.numel() for parameter in model.parameters()))
"""

# One interpreter makes all models, since its imports take longer than the models do.
MAKE = """
import json, pathlib, sys, torch
from transformers import AutoConfig, AutoModelForCausalLM
counts = {}
for name, (config, save, dtype) in json.loads(sys.argv[2]).items():
    folder = pathlib.Path(sys.argv[1], name)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config))
    model.to(getattr(torch, dtype)).save_pretrained(folder, **save)
    read = AutoModelForCausalLM.from_pretrained(folder)
    counts[name] = sum(parameter.numel() for parameter in read.parameters())
print(json.dumps(counts))
"""

QUANTIZE = """
import sys, torch
import lmdeploy.lite.apis.calibrate as calibrate

def own_text(*arguments, **named):
    generator = torch.Generator().manual_seed(1)
    return [(torch.randint(5, 1000, (1, 64), generator=generator), None) for _ in range(4)], None

calibrate.get_calib_loaders = own_text
from lmdeploy.lite.apis.auto_awq import auto_awq
auto_awq(sys.argv[1], work_dir=sys.argv[2], calib_dataset="c4", calib_samples=4,
         calib_seqlen=64, device="cpu")
"""

LLAMA: Mapping[str, object] = {
    "model_type": "llama",
    "vocab_size": 1000,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}

FAMILIES: Mapping[str, Mapping[str, object]] = {
    "llama": {**LLAMA, "tie_word_embeddings": False},
    "tied-llama": {**LLAMA, "tie_word_embeddings": True},
    "qwen2": {**LLAMA, "model_type": "qwen2"},
    "gpt2": {"model_type": "gpt2", "n_layer": 2, "n_head": 2, "n_embd": 64, "vocab_size": 500},
    "gpt_neox": {
        "model_type": "gpt_neox",
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 500,
    },
}
FORMS = {
    f"{family} {'safetensors' if safe else 'pickle'} {shard} {dtype}": (
        config,
        {"safe_serialization": safe, "max_shard_size": shard},
        dtype,
    )
    for family, config in FAMILIES.items()
    for safe in (True, False)
    for shard in ("10GB", "200KB")
    for dtype in ("float16", "bfloat16", "float32")
}

Run = Callable[..., str]


@pytest.fixture(scope="session")
def run(lmdeploy_environment: Path) -> Run:
    """Run the environment's interpreter with some arguments; return what it printed."""
    site = next(lmdeploy_environment.glob("lib/python3*/site-packages"))
    environ = os.environ | {
        "PYTHONPATH": str(PATCHES),
        "CUDA_VISIBLE_DEVICES": "",
        "LD_LIBRARY_PATH": str(site / "nvidia" / "curand" / "lib"),
        "HF_HUB_OFFLINE": "1",
    }

    def in_environment(*arguments: object, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [str(lmdeploy_environment / "bin" / "python"), *map(str, arguments)],
            env=environ,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return in_environment


@pytest.fixture(scope="session")
def tiny(
    lmdeploy_python: Path, run: Run, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int]:
    """The small model as `pytorch_model.bin`, and its true number of parameters."""
    folder = make_tiny_llama(lmdeploy_python, tmp_path_factory.mktemp("tiny") / "tiny")
    return folder, int(run("-c", COUNT, folder))


@pytest.fixture(scope="session")
def forms(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, int]]:
    """A folder with a model for each of `FORMS`, and their true numbers of parameters."""
    folder = tmp_path_factory.mktemp("forms")
    return folder, json.loads(run("-c", MAKE, folder, json.dumps(FORMS)).splitlines()[-1])


@pytest.fixture(scope="session")
def awq(run: Run, tiny: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model, packed by LMDeploy's auto_awq."""
    folder = tmp_path_factory.mktemp("awq") / "awq"
    run("-c", QUANTIZE, tiny[0], folder)
    return folder


def convert(run: Run, model: Path, destination: Path, *options: object) -> Path:
    run("-m", "lmdeploy", "convert", "llama2", model, "--dst-path", destination, *options)
    return destination


def test_a_real_pickled_checkpoint_is_counted(tiny: tuple[Path, int]) -> None:
    model = inspect(tiny[0])
    assert (model.kind, model.weight_format) == (ModelKind.HF, WeightFormat.PICKLE)
    assert (model.parameters, model.dtype) == (tiny[1], "float16")
    assert (model.layers, model.heads, model.kv_heads, model.head_size) == (4, 2, 2, 128)
    assert "tokenizer.model" in model.tokenizer_files
    assert model.chat_template
    assert model.problems == ()


@pytest.mark.parametrize("form", FORMS)
def test_every_form_that_transformers_saves_is_counted(
    forms: tuple[Path, Mapping[str, int]], form: str
) -> None:
    folder, counts = forms

    model = inspect(folder / form)

    assert (model.parameters, model.dtype) == (counts[form], FORMS[form][2])
    assert model.layers == 2
    (problem,) = model.problems
    assert "There is no tokenizer" in str(problem)


def test_an_awq_checkpoint_of_0_2_4_is_recognised_without_its_configuration_saying_so(
    awq: Path, tiny: tuple[Path, int]
) -> None:
    assert "quantization_config" not in json.loads((awq / "config.json").read_text())

    model = inspect(awq)

    assert (model.kind, model.quantization) == (ModelKind.AWQ, Quantization(4, 128, "awq"))
    assert (model.parameters, model.dtype) == (tiny[1], "float16")
    assert model.problems == ()


@pytest.mark.parametrize("tp", [1, 2])
def test_a_converted_workspace_is_counted(
    run: Run, tiny: tuple[Path, int], tmp_path: Path, tp: int
) -> None:
    workspace = convert(run, tiny[0], tmp_path / "workspace", "--tp", tp)

    model = inspect(workspace)

    assert (model.kind, model.tp) == (ModelKind.WORKSPACE, tp)
    assert (model.parameters, model.dtype) == (tiny[1], "float16")
    assert (model.session_len, model.model_name) == (4104, "llama2")
    assert model.architecture == "LlamaForCausalLM"
    assert "tokenizer.model" in model.tokenizer_files
    assert not model.remote_code
    assert (model.problems, model.warnings) == ((), ())


def test_a_converted_awq_workspace_is_counted(
    run: Run, awq: Path, tiny: tuple[Path, int], tmp_path: Path
) -> None:
    options = ("--model-format", "awq", "--group-size", 128)
    model = inspect(convert(run, awq, tmp_path / "workspace", *options))

    assert model.quantization == Quantization(4, 128)
    assert model.parameters == tiny[1]
    assert model.problems == ()
