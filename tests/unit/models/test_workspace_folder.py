"""TurboMind workspaces as LMDeploy 0.2 (config.ini) and 0.6 (config.yaml) lay them out."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest
from doubles.model_folders import LLAMA_PARAMETERS, make_workspace

from emotui.models.folder import ModelKind, NotAModelError, Quantization, inspect

WEIGHTS = Path("triton_models", "weights")


def edit(workspace: Path, key: str, value: str) -> None:
    config = workspace / WEIGHTS / "config.ini"
    config.write_text(re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", config.read_text()))


@pytest.mark.parametrize("tp", [1, 4])
def test_a_workspace_is_described_from_its_configuration_and_sizes(tmp_path: Path, tp: int) -> None:
    model = inspect(make_workspace(tmp_path / "ws", tp=tp))

    assert (model.kind, model.name, model.tp) == (ModelKind.WORKSPACE, "ws", tp)
    assert (model.architecture, model.model_type) == ("LlamaForCausalLM", "llama")
    assert (model.parameters, model.dtype) == (LLAMA_PARAMETERS, "float16")
    assert (model.layers, model.heads, model.kv_heads, model.head_size) == (2, 4, 2, 4)
    assert (model.session_len, model.max_position_embeddings) == (4104, 64)
    assert model.model_name == "internlm2-chat-7b"
    assert model.chat_template
    assert model.tokenizer_files == ("tokenizer.model",)
    assert model.config_file == tmp_path / "ws" / WEIGHTS / "config.ini"
    assert model.quantization is None
    assert (model.problems, model.warnings) == ((), ())


def test_packed_weights_count_as_what_they_stand_for(tmp_path: Path) -> None:
    model = inspect(make_workspace(tmp_path / "ws", tp=2, packed=True))

    assert model.parameters == LLAMA_PARAMETERS
    assert model.quantization == Quantization(4, 8)
    assert model.problems == ()


@pytest.mark.parametrize(
    "inner",
    ["triton_models", WEIGHTS, WEIGHTS / "config.ini", "model_repository/turbomind/1/weights"],
)
def test_an_inner_folder_stands_for_the_workspace(tmp_path: Path, inner: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    assert inspect(workspace / inner).path == workspace


def test_the_links_in_a_workspace_count_nothing_twice(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    files = [path for path in workspace.rglob("*") if path.is_file() and not path.is_symlink()]
    once = {os.stat(path).st_ino: path.stat().st_size for path in files}
    assert inspect(workspace).size_bytes == sum(once.values())


def test_weights_that_were_moved_elsewhere_are_followed_once(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    before = inspect(workspace)
    shutil.move(workspace / WEIGHTS, tmp_path / "elsewhere")
    (workspace / WEIGHTS).symlink_to(tmp_path / "elsewhere")
    after = inspect(workspace)
    assert (after.parameters, after.size_bytes) == (before.parameters, before.size_bytes)


def test_weights_alone_are_a_workspace_that_lacks_its_tokenizer(tmp_path: Path) -> None:
    shutil.copytree(make_workspace(tmp_path / "ws") / WEIGHTS, tmp_path / "alone")

    model = inspect(tmp_path / "alone")

    assert (model.path, model.parameters) == (tmp_path / "alone", LLAMA_PARAMETERS)
    assert "no tokenizer" in str(model.problems[0])


@pytest.mark.parametrize("name", ["output.weight", "layers.1.attention.w_qkv.1.weight"])
def test_a_missing_tensor_is_a_problem_and_the_shape_says_the_count(
    tmp_path: Path, name: str
) -> None:
    workspace = make_workspace(tmp_path / "ws", tp=2)
    (workspace / WEIGHTS / name).unlink()

    model = inspect(workspace)

    assert model.parameters == LLAMA_PARAMETERS
    assert f"(1; {name.removesuffix('.weight')} for one)" in str(model.problems[0])


def test_weights_cut_off_by_a_full_disk_are_a_problem(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    os.truncate(workspace / WEIGHTS / "layers.1.attention.wo.0.weight", 100)
    assert "do not have the sizes" in str(inspect(workspace).problems[0])


def test_scales_of_the_kv_cache_are_no_parameters(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    (workspace / WEIGHTS / "layers.0.past_kv_scale.0.weight").write_bytes(b"\0" * 16)
    model = inspect(workspace)
    assert (model.parameters, model.problems) == (LLAMA_PARAMETERS, ())


def test_biases_behind_a_sum_are_copies_and_count_once(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws", tp=2)
    for rank in (0, 1):
        (workspace / WEIGHTS / f"layers.0.attention.w_qkv.{rank}.bias").write_bytes(b"\0" * 32)
        (workspace / WEIGHTS / f"layers.0.attention.wo.{rank}.bias").write_bytes(b"\0" * 32)
    assert inspect(workspace).parameters == LLAMA_PARAMETERS + 32 + 16


@pytest.mark.parametrize("name", ["llama", "internlm2-7b"])
def test_a_name_without_template_is_warned_about(tmp_path: Path, name: str) -> None:
    workspace = make_workspace(tmp_path / "ws")
    edit(workspace, "model_name", name)

    model = inspect(workspace)

    assert not model.chat_template
    assert f"model_name {name} selects no chat template" in str(model.warnings[0])


def test_internlm2_means_different_things_and_is_warned_about(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    edit(workspace, "model_name", "internlm2")
    assert "0.2.6" in str(inspect(workspace).warnings[0])


YAML = """attention_config:
  cache_block_seq_len: 64
  max_position_embeddings: 64
  rope_param:
    base: 10000.0
    type: default
lora_config:
  lora_r: 0
model_config:
  attn_bias: 0
  chat_template: internlm2
  group_size: 0
  head_num: 4
  hidden_units: 16
  inter_size:
  - 32
  - 32
  kv_head_num: 2
  model_arch: InternLM2ForCausalLM
  model_name: 'made'
  num_layer: 2
  session_len: 32776
  size_per_head: 4
  tp: 1
  vocab_size: 10
  weight_type: bfloat16
"""


def with_yaml(workspace: Path) -> Path:
    """Make it a workspace of 0.6 and later: another configuration, a rank in every name."""
    weights = workspace / WEIGHTS
    (weights / "config.ini").unlink()
    (weights / "config.yaml").write_text(YAML)
    for name in ("tok_embeddings", "output"):
        (weights / f"{name}.weight").rename(weights / f"{name}.0.weight")
    return workspace


def test_a_workspace_with_a_yaml_configuration_is_described(tmp_path: Path) -> None:
    model = inspect(with_yaml(make_workspace(tmp_path / "ws")))

    assert model.kind is ModelKind.WORKSPACE
    assert (model.architecture, model.dtype) == ("InternLM2ForCausalLM", "bfloat16")
    assert (model.layers, model.kv_heads, model.session_len) == (2, 2, 32776)
    assert (model.parameters, model.model_name) == (LLAMA_PARAMETERS, "internlm2")
    assert model.config_file is not None
    assert model.config_file.name == "config.yaml"
    assert model.problems == ()


def test_a_later_workspace_without_a_layer_is_incomplete(tmp_path: Path) -> None:
    workspace = with_yaml(make_workspace(tmp_path / "ws"))
    for file in (workspace / WEIGHTS).glob("layers.1.*"):
        file.unlink()
    assert "(1; layers.1 for one)" in str(inspect(workspace).problems[0])


def test_a_conversion_that_did_not_end_says_so(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    (workspace / WEIGHTS / "config.ini").unlink()
    with pytest.raises(NotAModelError) as caught:
        inspect(workspace)
    assert "the conversion did not end" in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["", "abc", "-4", "0", "9" * 6000, "1e9", "%(x)s", "0x10", "\x1b[31m4"],
    ids=range(9),
)
@pytest.mark.parametrize("key", ["head_num", "tensor_para_size", "vocab_size", "inter_size"])
def test_nonsense_in_the_configuration_is_survived(tmp_path: Path, key: str, value: str) -> None:
    workspace = make_workspace(tmp_path / "ws")
    edit(workspace, key, value.replace("\\", ""))
    model = inspect(workspace)
    assert model.kind is ModelKind.WORKSPACE
    assert not re.search(r"[\x00-\x1f]", str(model.problems) + str(model.name))
