"""Hugging Face checkpoints, plain and quantized, whole and damaged."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from doubles.model_folders import (
    LLAMA_PARAMETERS,
    llama_tensors,
    make_checkpoint,
    text_op,
    write_safetensors,
    write_torch,
)

from emotui.models.folder import ModelKind, NotAModelError, Quantization, WeightFormat, inspect
from emotui.support.errors import BrokenFileError, NotFoundError


def test_a_checkpoint_is_described_from_its_headers(tmp_path: Path) -> None:
    model = inspect(make_checkpoint(tmp_path / "llama"))

    assert (model.kind, model.name, model.path) == (ModelKind.HF, "llama", tmp_path / "llama")
    assert (model.architecture, model.model_type) == ("LlamaForCausalLM", "llama")
    assert (model.parameters, model.dtype) == (LLAMA_PARAMETERS, "float16")
    assert (model.layers, model.heads, model.kv_heads, model.head_size) == (2, 4, 2, 4)
    assert (model.vocab_size, model.max_position_embeddings) == (10, 64)
    assert model.weight_format is WeightFormat.SAFETENSORS
    assert model.tokenizer_files == ("tokenizer.model",)
    assert model.chat_template
    assert model.config_file == tmp_path / "llama" / "config.json"
    assert model.quantization is None
    assert not model.remote_code
    assert (model.problems, model.warnings) == ((), ())
    assert model.size_bytes == sum(file.stat().st_size for file in model.path.iterdir())


def test_the_types_of_the_weights_count_not_what_the_configuration_says(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, torch_dtype="float16")
    write_safetensors(folder / "model.safetensors", llama_tensors("BF16"))
    assert inspect(folder).dtype == "bfloat16"


@pytest.mark.parametrize("name", ["config.json", "."])
def test_a_file_or_a_relative_name_stands_for_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(make_checkpoint(tmp_path / "llama"))
    assert inspect(Path(name)).path == tmp_path / "llama"


def test_families_with_other_names_for_the_same_are_understood(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "config.json").write_text(
        json.dumps(
            {
                "model_type": "gpt2",
                "n_layer": 3,
                "n_head": 4,
                "n_embd": 16,
                "n_positions": 128,
                "multi_query": True,
                "text_config": {"vocab_size": 99},
            }
        )
    )

    model = inspect(folder)

    assert model.architecture is None
    assert (model.layers, model.heads, model.kv_heads, model.head_size) == (3, 4, 1, 4)
    assert (model.max_position_embeddings, model.vocab_size) == (128, 99)


@pytest.mark.parametrize("value", ["32", True, -1, 1.5, [1], {}, None, 10**40])
def test_nonsense_in_the_configuration_is_unknown(tmp_path: Path, value: object) -> None:
    model = inspect(make_checkpoint(tmp_path, num_hidden_layers=value, auto_map=None))
    assert model.layers is None


def test_control_characters_do_not_survive(tmp_path: Path) -> None:
    model = inspect(make_checkpoint(tmp_path, architectures=["A\x1b]0;x\x07\nB"], model_type=7))
    assert model.architecture == "A B"


# -- weights ---------------------------------------------------------------------------------


def shards(folder: Path) -> Path:
    """Spread the weights over two files with an index."""
    (folder / "model.safetensors").unlink()
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    tensors = llama_tensors()
    parts = [dict(list(tensors.items())[0::2]), dict(list(tensors.items())[1::2])]
    for name, part in zip(names, parts, strict=True):
        write_safetensors(folder / name, part)
    index = {key: name for name, part in zip(names, parts, strict=True) for key in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    return folder


def test_shards_are_added_up(tmp_path: Path) -> None:
    assert inspect(shards(make_checkpoint(tmp_path))).parameters == LLAMA_PARAMETERS


@pytest.mark.parametrize("index", [True, False])
def test_a_missing_shard_is_a_problem_and_the_count_unknown(tmp_path: Path, index: bool) -> None:
    folder = shards(make_checkpoint(tmp_path))
    (folder / "model-00002-of-00002.safetensors").unlink()
    if not index:
        (folder / "model.safetensors.index.json").unlink()

    model = inspect(folder)

    assert model.parameters is None
    assert [str(problem) for problem in model.problems] == [
        "Files of weights are missing (1 of 2): model-00002-of-00002.safetensors"
    ]


def test_a_broken_index_is_a_problem_and_the_shards_are_still_found(tmp_path: Path) -> None:
    folder = shards(make_checkpoint(tmp_path))
    (folder / "model.safetensors.index.json").write_text("{")

    model = inspect(folder)

    assert model.parameters == LLAMA_PARAMETERS
    assert "index.json cannot be read" in str(model.problems[0])


def test_an_index_leads_out_of_the_folder_nowhere(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../../etc/passwd"}})
    )
    assert inspect(folder).parameters == LLAMA_PARAMETERS


def test_no_weights_at_all_are_a_problem(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    (folder / "training_args.bin").write_bytes(b"")

    model = inspect(folder)

    assert model.parameters is None
    assert "There are no weights" in str(model.problems[0])


def test_an_output_layer_tied_to_the_embedding_counts_once(tmp_path: Path) -> None:
    model = inspect(make_checkpoint(tmp_path, tie_word_embeddings=True))
    assert model.parameters == LLAMA_PARAMETERS - 10 * 16


def test_buffers_do_not_count(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    more = {
        "model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", (2,)),
        "h.0.attn.bias": ("F32", (1, 1, 8, 8)),
        "h.0.attn.masked_bias": ("F32", ()),
    }
    write_safetensors(folder / "model.safetensors", llama_tensors() | more)
    assert inspect(folder).parameters == LLAMA_PARAMETERS


def test_pickled_weights_are_counted_and_warned_about(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    tensors = llama_tensors()
    del tensors["lm_head.weight"]
    write_torch(
        folder / "pytorch_model.bin",
        tensors,
        tied={"lm_head.weight": "model.embed_tokens.weight"},
    )

    model = inspect(folder)

    assert model.parameters == LLAMA_PARAMETERS - 10 * 16
    assert model.weight_format is WeightFormat.PICKLE
    assert model.problems == ()
    assert "loading them can run code" in str(model.warnings[0])


def test_code_in_a_pickle_is_a_problem(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "model.safetensors").unlink()
    evil = text_op("x") + b"cos\nsystem\n(" + text_op("exit 1") + b"tR"
    write_torch(folder / "pytorch_model.bin", llama_tensors(), more=evil)

    model = inspect(folder)

    assert model.parameters == LLAMA_PARAMETERS
    assert "os.system" in str(model.problems[0])


def test_safetensors_come_before_pickles(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path)
    (folder / "pytorch_model.bin").write_bytes(b"nonsense")
    assert inspect(folder).weight_format is WeightFormat.SAFETENSORS


# -- quantized -------------------------------------------------------------------------------


def awq_tensors() -> dict[str, tuple[str, tuple[int, ...]]]:
    """One linear layer of 64 x 32 packed to 4 bits in groups of 16, and a norm."""
    return {
        "model.layers.0.q.qweight": ("I32", (64, 32 * 4 // 32)),
        "model.layers.0.q.qzeros": ("I32", (64 // 16, 32 * 4 // 32)),
        "model.layers.0.q.scales": ("F16", (64 // 16, 32)),
        "model.norm.weight": ("F16", (64,)),
    }


@pytest.mark.parametrize("said", [True, False])
def test_awq_is_recognised_by_its_configuration_or_its_tensors(tmp_path: Path, said: bool) -> None:
    config = {"quant_method": "awq", "bits": 4, "group_size": 16} if said else {}
    folder = make_checkpoint(tmp_path, quantization_config=config)
    write_safetensors(folder / "model.safetensors", awq_tensors())

    model = inspect(folder)

    assert model.kind is ModelKind.AWQ
    assert model.quantization == Quantization(4, 16, "awq")
    assert model.parameters == 64 * 32 + 64
    assert model.dtype == "float16"


def test_gptq_is_no_awq(tmp_path: Path) -> None:
    config = {"quant_method": "gptq", "bits": 4, "group_size": 16}
    folder = make_checkpoint(tmp_path, quantization_config=config)
    tensors = {
        "q.qweight": ("I32", (64 * 4 // 32, 32)),
        "q.qzeros": ("I32", (4, 4)),
        "q.scales": ("F16", (4, 32)),
        "q.g_idx": ("I32", (64,)),
    }
    write_safetensors(folder / "model.safetensors", tensors)

    model = inspect(folder)

    assert model.kind is ModelKind.HF
    assert (model.quantization, model.parameters) == (Quantization(4, 16, "gptq"), 64 * 32)


# -- what stands beside the weights ------------------------------------------------------------


def test_a_missing_tokenizer_is_a_problem_and_a_missing_template_a_warning(tmp_path: Path) -> None:
    bare = inspect(make_checkpoint(tmp_path / "bare", tokenizer=False))
    base = inspect(make_checkpoint(tmp_path / "base", template=False))

    assert not bare.tokenizer
    assert "no tokenizer" in str(bare.problems[0])
    assert base.tokenizer
    assert not base.chat_template
    assert "no chat template" in str(base.warnings[0])


def test_a_template_in_a_file_of_its_own_is_found(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, template=False)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert inspect(folder).chat_template


def test_python_code_of_the_model_is_named(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, auto_map={"AutoConfig": "configuration_x.XConfig"})
    (folder / "configuration_x.py").write_text("raise SystemExit\n")

    model = inspect(folder)

    assert model.remote_code
    assert model.code_files == ("configuration_x.py",)
    assert "configuration_x.py" in str(model.warnings[0])


# -- the Hugging Face cache ----------------------------------------------------------------------


def cache(folder: Path) -> Path:
    """Lay a checkpoint out as the Hugging Face cache does: links to blobs."""
    repository = folder / "models--internlm--internlm2-chat-7b"
    snapshot = repository / "snapshots" / "abc123"
    made = make_checkpoint(folder / "made")
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for number, file in enumerate(sorted(made.iterdir())):
        blob = repository / "blobs" / f"blob{number}"
        file.rename(blob)
        (snapshot / file.name).symlink_to(f"../../blobs/{blob.name}")
    (snapshot / "again.safetensors").symlink_to("../../blobs/blob1")
    made.rmdir()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc123")
    (repository / "snapshots" / "zzz").mkdir()
    return repository


def test_a_folder_of_the_cache_stands_for_its_snapshot(tmp_path: Path) -> None:
    repository = cache(tmp_path)

    model = inspect(repository)

    assert model.path == repository / "snapshots" / "abc123"
    assert model.name == "internlm/internlm2-chat-7b"
    assert model.parameters == LLAMA_PARAMETERS
    blobs = sum(blob.stat().st_size for blob in (repository / "blobs").iterdir())
    assert model.size_bytes == blobs


def test_without_a_reference_the_newest_snapshot_is_taken(tmp_path: Path) -> None:
    repository = cache(tmp_path)
    (repository / "refs" / "main").unlink()
    os.utime(repository / "snapshots" / "zzz", (1, 1))
    assert inspect(repository).path.name == "abc123"


# -- what is no model ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "neither a config.json"),
        ({"adapter_config.json": "{}"}, "LoRA adapter"),
        ({"model_index.json": "{}"}, "diffusers"),
        ({"config.json": '{"name": 1}'}, "names neither"),
        ({"model.safetensors": ""}, "no config.json"),
        ({"model.Q4_K_M.gguf": ""}, "GGUF"),
        ({"config.ini": "[app]\nx = 1\n"}, "neither a config.json"),
    ],
)
def test_a_folder_that_is_no_model_says_what_it_lacks(
    tmp_path: Path, files: dict[str, str], reason: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(NotAModelError, match="no model folder") as caught:
        inspect(tmp_path)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"\xff", b"[" * 100_000, b"version https://git-lfs.github.com/spec/v1"],
    ids=["cut off", "a list", "no UTF-8", "nested", "Git LFS pointer"],
)
def test_a_configuration_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(BrokenFileError, match=r"config\.json"):
        inspect(tmp_path)


def test_nothing_and_a_file_are_errors(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(NotFoundError):
        inspect(tmp_path / "nothing")
    with pytest.raises(NotAModelError):
        inspect(tmp_path / "notes.txt")


def test_a_folder_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_checkpoint(tmp_path / "closed")
    folder.chmod(stat.S_IXUSR)
    try:
        if os.access(folder, os.R_OK):
            pytest.skip("this user may read everything")
        with pytest.raises(BrokenFileError):
            inspect(folder)
    finally:
        folder.chmod(0o700)
