"""What is known of the keys of `config.ini`, held against files that LMDeploy wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from emotui.lmdeploy.versions import Version, features
from emotui.support.errors import UsageError
from emotui.workspace.era import EVERY_RELEASE, RELEASES, Era, given_era
from emotui.workspace.ini import IniDocument
from emotui.workspace.meaning import meaning_of
from emotui.workspace.schema import era_of, keys
from emotui.workspace.values import is_readable, range_of, written_form

FILES = Path(__file__).parents[2] / "fixtures" / "config_ini"
WRITTEN_BY = {
    "0.0.14": "0.0.8-0.0.14",
    "0.1.0": "0.1.0",
    "0.2.4": "0.2.0-0.2.6",
    "0.2.4-w4": "0.2.0-0.2.6",
    "0.3.0": "0.3.0",
    "0.4.2": "0.4.2",
    "0.5.3": "0.5.3",
}


def values_of(name: str) -> dict[str, str]:
    path = FILES / f"{name}.ini"
    return dict(IniDocument(path.read_bytes(), path).values)


def version(text: str) -> Era:
    return given_era(Version(text))


@pytest.mark.parametrize(("name", "versions"), WRITTEN_BY.items())
def test_the_keys_of_a_file_tell_which_versions_write_it(name: str, versions: str) -> None:
    assert era_of(values_of(name)).label == versions


@pytest.mark.parametrize("name", WRITTEN_BY)
def test_every_key_that_lmdeploy_writes_is_known_and_readable(name: str) -> None:
    values = values_of(name)

    assert not set(values) - set(keys())
    assert all(is_readable(keys()[key], value) for key, value in values.items())


@pytest.mark.parametrize("name", [name for name in WRITTEN_BY if name != "0.2.4-w4"])
def test_the_defaults_are_what_lmdeploy_writes(name: str) -> None:
    values = values_of(name)
    era = era_of(values)
    defaults = {
        key: default for key, row in keys().items() if (default := row.default(era)) is not None
    }

    assert defaults == {key: values[key] for key in defaults}


def test_defaults_differ_where_versions_differ() -> None:
    cache = keys()["cache_max_entry_count"]

    assert [cache.default(version(each)) for each in ("0.0.14", "0.2.1", "0.2.2")] == [
        "48",
        "0.5",
        "0.8",
    ]
    assert cache.default(era_of(values_of("0.2.4"))) is None


def test_a_removed_line_does_not_change_the_era_much() -> None:
    values = values_of("0.2.4")
    del values["quant_policy"], values["use_logn_attn"]

    assert era_of(values).label == "0.2.0-0.2.6"


def test_few_keys_leave_the_era_open() -> None:
    assert era_of({"session_len": "4096", "quant_policy": "4"}).versions == RELEASES
    assert era_of({"session_len": "4096", "cache_max_entry_count": "0.5"}).label == "0.1.0-0.5.3"


def test_keys_that_no_release_writes_together_leave_the_era_open() -> None:
    values = {**values_of("0.5.3"), "extra_tokens_per_iter": "0"}

    assert era_of(values) == EVERY_RELEASE


MEANINGS = [
    ("0.0.14", "4", "KV int8 on LMDeploy 0.0.14"),
    ("0.2.4", "4", "KV int8 on LMDeploy 0.2.4"),
    ("0.3.0", "4", "KV int8 on LMDeploy 0.3.0"),
    ("0.4.0", "4", "KV int4 on LMDeploy 0.4.0"),
    ("0.5.3", "8", "KV int8 on LMDeploy 0.5.3"),
    ("0.2.4", "8", "no effect on LMDeploy 0.2.4: fp16"),
    ("0.5.3", "2", "no meaning to LMDeploy 0.5.3"),
    ("0.2.4", "0", "KV fp16, not quantized"),
    ("0.2.4", "4.0", "KV int8 on LMDeploy 0.2.4"),
]


@pytest.mark.parametrize(("reader", "digit", "text"), MEANINGS)
def test_quant_policy_means_what_the_version_makes_of_it(
    reader: str, digit: str, text: str
) -> None:
    meaning = meaning_of(keys()["quant_policy"], {"quant_policy": digit}, version(reader))

    assert str(meaning) == text


def test_quant_policy_of_an_unknown_version_says_where_the_difference_lies() -> None:
    key = keys()["quant_policy"]

    assert str(meaning_of(key, {"quant_policy": "4"}, EVERY_RELEASE)) == (
        "KV int8 up to LMDeploy 0.3.0, int4 from 0.4.0"
    )
    assert "no effect up to 0.3.0" in str(meaning_of(key, {"quant_policy": "8"}, EVERY_RELEASE))


def test_kv_int8_is_written_as_4_up_to_0_3_0_and_as_8_from_0_4_0() -> None:
    key = keys()["quant_policy"]

    for release in RELEASES:
        digit = written_form(key, "int8", given_era(release))
        assert int(digit) == features(release).kv_int8_digit
    assert written_form(key, "fp16", EVERY_RELEASE) == "0"
    assert written_form(key, "INT4", version("0.4.0")) == "4"


def test_a_meaning_that_the_version_decides_asks_for_the_version() -> None:
    with pytest.raises(UsageError, match="--lmdeploy"):
        written_form(keys()["quant_policy"], "int8", EVERY_RELEASE)
    with pytest.raises(UsageError, match="--lmdeploy"):
        written_form(keys()["quant_policy"], "int4", EVERY_RELEASE)


def test_a_digit_is_written_as_it_is_when_some_version_knows_it() -> None:
    assert written_form(keys()["quant_policy"], "4", EVERY_RELEASE) == "4"


@pytest.mark.parametrize(
    ("key", "text", "reader"),
    [
        ("quant_policy", "int4", "0.2.4"),
        ("quant_policy", "8", "0.2.4"),
        ("quant_policy", "2", "0.5.3"),
        ("quant_policy", "", "0.2.4"),
        ("use_context_fmha", "2", "0.2.4"),
        ("session_len", "0", "0.2.4"),
        ("session_len", "4e3", "0.2.4"),
        ("session_len", "4_096", "0.2.4"),
        ("session_len", "99999999999", "0.2.4"),
        ("cache_max_entry_count", "-0.5", "0.2.4"),
        ("cache_max_entry_count", "nan", "0.2.4"),
        ("max_batch_size", "many", "0.2.4"),
    ],
)
def test_values_that_are_not_allowed_are_refused(key: str, text: str, reader: str) -> None:
    with pytest.raises(UsageError, match=key):
        written_form(keys()[key], text, version(reader))


@pytest.mark.parametrize(
    ("key", "text", "written"),
    [
        ("session_len", " 4096 ", "4096"),
        ("cache_max_entry_count", "80%", "0.8"),
        ("cache_max_entry_count", "0.50", "0.50"),
        ("use_context_fmha", "off", "0"),
        ("enable_prefix_caching", "on", "True"),
        ("cache_chunk_size", "-1", "-1"),
        ("model_name", "internlm2-chat-7b", "internlm2-chat-7b"),
    ],
)
def test_values_are_written_as_lmdeploy_reads_them(key: str, text: str, written: str) -> None:
    assert written_form(keys()[key], text, version("0.5.3")) == written


@pytest.mark.parametrize(
    ("key", "values", "reader", "text"),
    [
        ("cache_max_entry_count", {"cache_max_entry_count": "48"}, "0.0.14", "48 sequences"),
        (
            "cache_max_entry_count",
            {"cache_max_entry_count": "0.5"},
            "0.2.1",
            "50 % of all GPU memory",
        ),
        (
            "cache_max_entry_count",
            {"cache_max_entry_count": "0.8"},
            "0.2.4",
            "80 % of the GPU memory that the weights leave free",
        ),
        (
            "cache_max_entry_count",
            {"cache_max_entry_count": "1.5", "cache_block_seq_len": "128"},
            "0.2.4",
            "1 KV blocks, 128 tokens",
        ),
        (
            "max_context_token_num",
            {"max_context_token_num": "1", "session_len": "4104", "max_batch_size": "64"},
            "0.2.4",
            "4104 tokens: 1 times session_len",
        ),
        ("use_context_fmha", {"use_context_fmha": "1"}, "0.2.4", "on"),
        ("use_context_fmha", {"use_context_fmha": "1"}, "0.3.0", "ignored by LMDeploy 0.3.0"),
        ("session_len", {}, "0.2.4", "not in the file"),
    ],
)
def test_a_value_is_said_in_words(key: str, values: dict[str, str], reader: str, text: str) -> None:
    assert str(meaning_of(keys()[key], values, version(reader))) == text


def test_the_range_of_a_key_names_the_choices_of_the_version() -> None:
    key = keys()["quant_policy"]

    assert str(range_of(key, version("0.2.4"))) == "one of fp16 (0), int8 (4)"
    assert str(range_of(key, version("0.5.3"))) == "one of fp16 (0), int8 (8), int4 (4)"
