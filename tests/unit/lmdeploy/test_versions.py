"""Version numbers, and what each version of LMDeploy can do."""

from __future__ import annotations

import pytest

from emotui.lmdeploy.requirements import python_range, requirements
from emotui.lmdeploy.templates import reader_prefix
from emotui.lmdeploy.versions import Version, chat_template, features

INTERNLM2 = "InternLM2ForCausalLM"


def test_versions_are_ordered_by_number_not_by_letter() -> None:
    texts = ["0.18.0", "0.2.4", "0.10.0", "0.0.14", "0.9.2.post1", "0.9.2", "0.14.0a1", "0.14.0"]
    assert [str(v) for v in sorted(map(Version, texts))] == [
        "0.0.14",
        "0.2.4",
        "0.9.2",
        "0.9.2.post1",
        "0.10.0",
        "0.14.0a1",
        "0.14.0",
        "0.18.0",
    ]


def test_a_build_suffix_changes_nothing() -> None:
    assert Version("0.2.4+HEAD") == Version("0.2.4")
    assert Version("2.1.2+cu118") <= Version("2.1.2")
    assert hash(Version("0.2.4+HEAD")) == hash(Version("v0.2.4"))


def test_trailing_zeros_change_nothing() -> None:
    assert Version("0.9") == Version("0.9.0")


def test_development_versions_come_before_the_release() -> None:
    assert Version("0.3.0.dev1") < Version("0.3.0a1") < Version("0.3.0rc1") < Version("0.3.0")


@pytest.mark.parametrize("text", ["", None, "unknown", "Not Found", "1.x"])
def test_text_that_is_no_version_is_none(text: str | None) -> None:
    assert Version.parse(text) is None


def test_convert_is_gone_in_0_10_0() -> None:
    assert features("0.9.2").has_convert
    assert not features("0.10.0").has_convert
    assert not features("0.0.12").has_convert


def test_kv_int8_is_written_as_8_from_0_4_0() -> None:
    assert features("0.3.0").kv_int8_digit == 4
    assert features("0.4.0").kv_int8_digit == 8
    assert features("0.3.0").kv_int4_digit is None
    assert features("0.4.0").kv_int4_digit == 4


def test_the_workspace_configuration_changed_its_format_and_then_left() -> None:
    assert [features(v).workspace_config for v in ("0.2.4", "0.5.3", "0.6.0", "0.9.2")] == [
        "ini",
        "ini",
        "yaml",
        "yaml",
    ]
    assert features("0.18.0").workspace_config is None


def test_internlm2_is_known_since_0_2_0() -> None:
    assert not features("0.1.0").knows_internlm2
    assert features("0.2.0").knows_internlm2
    assert not features("0.2.1").internlm2_stops


def test_post_releases_have_the_features_of_their_release() -> None:
    assert features("0.5.2.post1").workspace_config == "ini"
    assert not features("0.10.0.post1").has_convert


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("0.1.0", None),
        ("0.2.0", "internlm2-chat-7b"),
        ("0.2.4", "internlm2-chat-7b"),
        ("0.5.1", "internlm2-chat-7b"),
        ("0.5.2", "internlm2"),
        ("0.9.2", "internlm2"),
        ("0.10.0", None),
        ("0.18.0", None),
    ],
)
def test_an_internlm2_chat_model_gets_the_chat_name_of_its_version(
    version: str, name: str | None
) -> None:
    assert chat_template(version, INTERNLM2) == name


def test_a_base_model_gets_a_template_that_passes_the_prompt_raw() -> None:
    assert chat_template("0.2.4", INTERNLM2, is_chat=False) == "internlm2-7b"
    assert chat_template("0.5.3", INTERNLM2, is_chat=False) == "base"
    assert chat_template("0.18.0", INTERNLM2, is_chat=False) == "base"
    assert chat_template("0.2.4", "LlamaForCausalLM", is_chat=False) == "llama"


def test_llama_and_qwen_chat_names() -> None:
    assert chat_template("0.2.4", "LlamaForCausalLM") == "llama2"
    assert chat_template("0.2.4", "QWenLMHeadModel") == "qwen-7b"
    assert chat_template("0.5.3", "QWenLMHeadModel") == "qwen"
    assert chat_template("0.2.4", "Qwen2ForCausalLM") is None
    assert chat_template("0.4.2", "Qwen2ForCausalLM") == "qwen"


def test_an_unknown_architecture_has_no_template() -> None:
    assert chat_template("0.2.4", None) is None
    assert chat_template("0.2.4", "MambaForCausalLM") is None


def test_reader_prefixes_are_those_of_the_old_converter() -> None:
    assert reader_prefix(INTERNLM2) == "internlm2"
    assert reader_prefix("LlamaForCausalLM") is None
    assert reader_prefix(None) is None


def test_torch_pins_follow_the_version() -> None:
    torch = {v: requirements(v)[0] for v in ("0.2.4", "0.5.3", "0.18.0")}
    assert torch["0.2.4"].accepts("2.1.2+cu118")
    assert not torch["0.2.4"].accepts("2.2.0")
    assert torch["0.5.3"].accepts("2.3.1+cu121")
    assert torch["0.18.0"].accepts("2.12.1")
    assert not torch["0.18.0"].accepts("1.13.1")
    assert not torch["0.18.0"].accepts("nightly")


def test_an_upper_bound_lets_its_patches_pass() -> None:
    numpy = next(r for r in requirements("0.2.4") if r.package == "numpy")
    assert numpy.accepts("1.26.4")
    assert not numpy.accepts("2.0.0")


def test_excluded_versions_take_their_patches_along() -> None:
    transformers = requirements("0.18.0")[1]
    assert transformers.accepts("4.57.1")
    assert not transformers.accepts("5.2.3")
    assert transformers.accepts("5.6.0")
    assert not transformers.accepts("5.5.0")
    assert transformers.accepts("5.5.1")


def test_a_requirement_is_written_as_pip_writes_it() -> None:
    assert requirements("0.2.4")[1].specifier == "transformers>=4.33,<=4.37.1"
    assert requirements("0.6.4")[0].specifier == "torch>=2.0,<2.5"
    assert requirements("0.13.0")[0].specifier == "torch>=2.0,<2.11"


def test_numpy_1_is_wanted_up_to_0_6_0_and_pip_gets_the_last_one() -> None:
    numpy = {v: [r for r in requirements(v) if r.package == "numpy"] for v in ("0.6.0", "0.6.1")}
    assert [each.specifier for each in numpy["0.6.0"]] == ["numpy<2"]
    assert numpy["0.6.1"] == []


def test_python_versions_have_a_wheel_or_not() -> None:
    assert python_range("0.2.4").accepts("3.11.7")
    assert not python_range("0.2.4").accepts("3.12.1")
    assert python_range("0.18.0").accepts("3.13.0")
    assert not python_range("0.18.0").accepts("3.9.19")
