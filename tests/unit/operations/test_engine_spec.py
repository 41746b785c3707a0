"""Which engine answers for a model, with what options, and what is refused beforehand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from doubles.environments import make_environment
from doubles.gpus import ScriptedGpus, a_reading
from doubles.lmdeploy_double import make_model

from emotui.engine.protocol import EngineSpec
from emotui.gpu.sample import GpuReading
from emotui.operations.engine import engine_spec
from emotui.operations.services import Services
from emotui.support.errors import BrokenFileError, NotFoundError, RefusedError, UsageError
from emotui.support.language import message
from emotui.support.paths import find_paths

FIXTURES = Path(__file__).parents[2] / "fixtures" / "config_ini"
TORCH = {"torch": "2.1.2", "transformers": "4.37.1"}


NO_GPU = GpuReading(problem=message("There is no NVIDIA driver."))


@pytest.fixture(scope="module")
def pythons(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str | None], Path]:
    """Interpreters by their version of LMDeploy, None for one that has PyTorch only."""
    made: dict[str | None, Path] = {}

    def python(version: str | None) -> Path:
        if version not in made:
            folder = tmp_path_factory.mktemp("environments") / str(version)
            made[version] = make_environment(folder, version, **TORCH)
        return made[version]

    return python


@pytest.fixture
def spec_for(sealed_home: Path, pythons) -> Callable[..., EngineSpec]:
    """Ask for the engine of a model under one version, with a GPU unless told otherwise."""
    environ = {"HOME": str(sealed_home), "EMOTUI_HOME": str(sealed_home / "emotui"), "PATH": ""}

    def ask(
        model: Path,
        version: str | None = "0.18.0",
        *,
        gpu: bool = True,
        shell: Mapping[str, str] = MappingProxyType({}),
        **wishes: object,
    ):
        services = Services(find_paths(environ), {**environ, **shell})
        services.__dict__["gpus"] = ScriptedGpus(a_reading(1) if gpu else NO_GPU)
        return engine_spec(services, model, python=pythons(version), **wishes)

    return ask


def make_workspace(folder: Path, version: str = "0.5.3", **changes: str) -> Path:
    """Make the parts of a workspace that say what it is, with changed keys in its config.ini."""
    weights = folder / "triton_models" / "weights"
    weights.mkdir(parents=True)
    lines = (FIXTURES / f"{version}.ini").read_text().splitlines()
    kept = [line for line in lines if line.split(" = ")[0] not in changes]
    added = [f"{key} = {value}" for key, value in changes.items()]
    (weights / "config.ini").write_text("\n".join([*kept, *added, ""]))
    tokenizer = folder / "triton_models" / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "tokenizer.model").write_bytes(b"\n")
    return folder


def without_template(folder: Path) -> Path:
    (folder / "tokenizer_config.json").write_text(json.dumps({}))
    return folder


def test_a_modern_lmdeploy_with_a_gpu_means_turbomind(spec_for, tmp_path, pythons) -> None:
    spec = spec_for(make_model(tmp_path / "m"))
    assert (spec.engine, spec.lmdeploy, spec.python) == ("turbomind", "0.18.0", pythons("0.18.0"))
    assert spec.options == {"trust_remote_code": False}
    assert spec.env["HF_HUB_OFFLINE"] == "1"


def test_without_a_gpu_transformers_answers(spec_for, tmp_path) -> None:
    spec = spec_for(make_model(tmp_path / "m"), gpu=False, device="cpu")
    assert spec.engine == "transformers"
    assert spec.options == {"trust_remote_code": False, "device": "cpu"}


def test_a_gpu_that_cuda_may_not_use_is_none(spec_for, tmp_path) -> None:
    model, hidden = make_model(tmp_path / "m"), {"CUDA_VISIBLE_DEVICES": ""}
    assert spec_for(model, shell=hidden).engine == "transformers"
    assert spec_for(model, shell=hidden, engine="turbomind").engine == "turbomind"
    assert spec_for(model, shell={"CUDA_VISIBLE_DEVICES": "0"}).engine == "turbomind"


def test_who_names_turbomind_needs_no_nvml(spec_for, tmp_path) -> None:
    assert spec_for(make_model(tmp_path / "m"), gpu=False, engine="turbomind").engine == "turbomind"


def test_an_interpreter_without_lmdeploy_runs_transformers(spec_for, tmp_path) -> None:
    spec = spec_for(make_model(tmp_path / "m"), None)
    assert (spec.engine, spec.lmdeploy) == ("transformers", None)


def test_a_model_without_a_template_falls_to_transformers(spec_for, tmp_path) -> None:
    model = without_template(make_model(tmp_path / "m"))
    assert spec_for(model).engine == "transformers"
    with pytest.raises(RefusedError, match="no chat template"):
        spec_for(model, engine="turbomind")
    assert spec_for(model, engine="turbomind", template="llama2").options["chat_template"] == (
        "llama2"
    )


@pytest.mark.parametrize(
    ("version", "architecture", "expected"),
    [
        ("0.2.4", "InternLM2ForCausalLM", {"model_name": "internlm2-chat-7b"}),
        ("0.5.3", "InternLM2ForCausalLM", {"model_name": "internlm2"}),
        ("0.9.2", "InternLM2ForCausalLM", {"chat_template": "internlm2"}),
        ("0.18.0", "InternLM2ForCausalLM", {}),
        ("0.2.4", "LlamaForCausalLM", {"model_name": "llama2"}),
    ],
)
def test_the_template_is_named_as_the_version_wants_it(
    spec_for, tmp_path, version, architecture, expected
) -> None:
    spec = spec_for(make_model(tmp_path / "m", architectures=[architecture]), version)
    assert spec.engine == "turbomind"
    assert spec.options == {"trust_remote_code": False, **expected}


def test_an_awq_model_says_its_format(spec_for, tmp_path) -> None:
    model = make_model(tmp_path / "m", awq_group_size=128)
    assert spec_for(model).options["model_format"] == "awq"


def test_the_options_of_a_workspace_are_those_of_its_file(spec_for, tmp_path) -> None:
    workspace = make_workspace(
        tmp_path / "ws",
        quant_policy="8",
        cache_max_entry_count="0.3",
        max_batch_size="8",
        session_len="1024",
        use_logn_attn="1",
        tensor_para_size="2",
        enable_prefix_caching="True",
    )
    spec = spec_for(workspace, "0.5.3")
    assert spec.engine == "turbomind"
    assert spec.model == workspace
    assert spec.options == {
        "trust_remote_code": False,
        "quant_policy": 8,
        "cache_max_entry_count": 0.3,
        "cache_block_seq_len": 64,
        "max_batch_size": 8,
        "session_len": 1024,
        "rope_scaling_factor": 0.0,
        "use_logn_attn": True,
        "num_tokens_per_iter": 0,
        "max_prefill_iters": 1,
        "max_prefill_token_num": 8192,
        "enable_prefix_caching": True,
        "tp": 2,
    }


def test_a_session_length_that_is_asked_for_goes_before_the_files(spec_for, tmp_path) -> None:
    spec = spec_for(make_workspace(tmp_path / "ws"), "0.5.3", session_len=512)
    assert spec.options["session_len"] == 512


def test_a_value_is_read_as_lmdeploy_reads_it(spec_for, tmp_path) -> None:
    workspace = make_workspace(tmp_path / "ws", quant_policy="8.0", use_logn_attn="True")
    options = spec_for(workspace, "0.5.3").options
    assert (options["quant_policy"], options["use_logn_attn"]) == (8, True)
    assert isinstance(options["quant_policy"], int)


def test_a_value_that_lmdeploy_cannot_read_is_named(spec_for, tmp_path) -> None:
    workspace = make_workspace(tmp_path / "ws", quant_policy="8 ; int8")
    with pytest.raises(BrokenFileError, match=r"quant_policy is '8 ; int8'"):
        spec_for(workspace, "0.5.3")


def test_a_workspace_is_refused_where_none_is_read(spec_for, tmp_path) -> None:
    with pytest.raises(RefusedError, match=r"LMDeploy 0\.18\.0 reads none"):
        spec_for(make_workspace(tmp_path / "ws"), "0.18.0")


def test_a_classic_workspace_is_refused_by_0_6(spec_for, tmp_path) -> None:
    with pytest.raises(RefusedError, match=r"config\.ini, and LMDeploy 0\.6\.4 reads config\.yaml"):
        spec_for(make_workspace(tmp_path / "ws"), "0.6.4")


def test_a_workspace_does_not_run_on_transformers(spec_for, tmp_path) -> None:
    with pytest.raises(RefusedError, match="runs on TurboMind only"):
        spec_for(make_workspace(tmp_path / "ws"), "0.5.3", engine="transformers")


def test_a_workspace_without_a_gpu_says_what_is_missing(spec_for, tmp_path) -> None:
    with pytest.raises(RefusedError, match="no NVIDIA driver"):
        spec_for(make_workspace(tmp_path / "ws"), "0.5.3", gpu=False)


def test_qwen2_is_refused_by_the_versions_before_it(spec_for, tmp_path) -> None:
    model = make_model(tmp_path / "m", architectures=["Qwen2ForCausalLM"])
    with pytest.raises(RefusedError, match=r"does not know Qwen2"):
        spec_for(model, "0.2.4", engine="turbomind")


def test_head_sizes_that_do_not_run_are_refused(spec_for, tmp_path) -> None:
    model = make_model(tmp_path / "m", num_attention_heads=4, num_key_value_heads=4)
    with pytest.raises(RefusedError, match="heads have 64 values"):
        spec_for(model, "0.5.3", engine="turbomind")
    assert spec_for(model, "0.18.0").engine == "turbomind"


def test_a_pipeline_that_is_too_old_is_refused(spec_for, tmp_path) -> None:
    with pytest.raises(RefusedError, match=r"needs LMDeploy 0\.2\.0"):
        spec_for(make_model(tmp_path / "m"), "0.1.0", engine="turbomind")


def test_code_of_the_models_own_needs_consent(spec_for, tmp_path) -> None:
    model = make_model(
        tmp_path / "m",
        architectures=["EvilForCausalLM"],
        auto_map={"AutoModelForCausalLM": "modeling_evil.EvilForCausalLM"},
    )
    (model / "modeling_evil.py").write_text("raise SystemExit\n")
    with pytest.raises(RefusedError, match=r"modeling_evil\.py"):
        spec_for(model)
    spec = spec_for(model, trust_remote_code=True)
    assert spec.options["trust_remote_code"] is True
    assert "HF_HUB_OFFLINE" not in spec.env


def test_an_engine_that_is_none_is_named(spec_for, tmp_path) -> None:
    with pytest.raises(UsageError, match="turbomind, transformers"):
        spec_for(make_model(tmp_path / "m"), engine="vllm")


def test_a_missing_model_is_named(spec_for, tmp_path) -> None:
    with pytest.raises(NotFoundError):
        spec_for(tmp_path / "nothing")


def test_a_model_without_a_tokenizer_is_refused(spec_for, tmp_path) -> None:
    model = make_model(tmp_path / "m")
    (model / "tokenizer.model").unlink()
    with pytest.raises(RefusedError, match="has no tokenizer"):
        spec_for(model)
    shutil.rmtree(model)


def test_what_the_engine_would_not_look_at_is_refused(spec_for, tmp_path) -> None:
    model = make_model(tmp_path / "m")
    with pytest.raises(UsageError, match="--template"):
        spec_for(model, engine="transformers", template="llama2")
    with pytest.raises(UsageError, match="--device"):
        spec_for(model, engine="turbomind", device="cpu")
