"""What the rules find: each hazard is made once, and a healthy workspace has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from emotui.lmdeploy.versions import Version
from emotui.support.finding import Finding, Status
from emotui.workspace.era import given_era
from emotui.workspace.ini import IniDocument
from emotui.workspace.rules import about, check_config
from emotui.workspace.schema import era_of
from emotui.workspace.subject import Subject
from emotui.workspace.weights import WeightFiles, read_weights

FILES = Path(__file__).parents[2] / "fixtures" / "config_ini"


def weights_of(
    *,
    layers: int = 4,
    ranks: int = 1,
    w4: bool = False,
    scales: int | None = None,
    group: int = 128,
) -> WeightFiles:
    """The files of a workspace, as `convert` and `kv_qparams` name and size them."""
    sizes = {"norm.weight": 512, "output.weight": 524288, "tok_embeddings.weight": 524288}
    for layer in range(layers):
        for rank in range(ranks):
            for part in ("attention.w_qkv", "attention.wo", "feed_forward.w2"):
                stem = f"layers.{layer}.{part}.{rank}"
                if w4:
                    sizes |= {f"{stem}.qweight": 32768, f"{stem}.scales_zeros": 262144 // group}
                else:
                    sizes[f"{stem}.weight"] = 131072
            if scales is not None:
                sizes[f"layers.{layer}.past_kv_scale.{rank}.weight"] = scales
    return WeightFiles(sizes)


def find(
    file: str = "0.2.4",
    changes: dict[str, str | None] | None = None,
    *,
    reader: str | None = None,
    weights: WeightFiles | None = None,
    content: bytes | None = None,
) -> dict[str, Finding]:
    """The findings about a file of the fixtures with some keys changed (None removes one)."""
    path = Path("/ws/triton_models/weights/config.ini")
    document = IniDocument(content or (FILES / f"{file}.ini").read_bytes(), path)
    for key, value in (changes or {}).items():
        document = document.unset(key) if value is None else document.set(key, value)
    era = era_of(document.values)
    subject = Subject(document, given_era(Version(reader)) if reader else era, era, weights)
    return {finding.id: finding for finding in check_config(subject)}


def bad(findings: dict[str, Finding]) -> dict[str, Status]:
    return {
        name: finding.status
        for name, finding in findings.items()
        if finding.status in (Status.WARNING, Status.FAILURE)
    }


FAILURE, WARNING = Status.FAILURE, Status.WARNING


@pytest.mark.parametrize(
    ("file", "weights"),
    [
        ("0.0.14", weights_of()),
        ("0.1.0", weights_of()),
        ("0.2.4", weights_of()),
        ("0.2.4-w4", weights_of(w4=True)),
        ("0.3.0", weights_of()),
        ("0.4.2", weights_of()),
        ("0.5.3", weights_of()),
    ],
)
def test_what_convert_wrote_is_found_healthy(file: str, weights: WeightFiles) -> None:
    findings = find(file, {"max_position_embeddings": "4096"}, weights=weights)

    assert not bad(findings)
    assert findings["config.file.readable"].status is Status.OK
    assert findings["config.weights.complete"].status is Status.OK


HAZARDS = {
    "not a number": ({"quant_policy": "abc"}, None, "quant_policy.kind", FAILURE),
    "empty": ({"session_len": ""}, None, "session_len.kind", FAILURE),
    "True is no integer": ({"quant_policy": "True"}, None, "quant_policy.kind", FAILURE),
    "below its range": ({"max_batch_size": "0"}, None, "max_batch_size.range", FAILURE),
    "a switch beyond 1": ({"use_logn_attn": "2"}, None, "use_logn_attn.range", WARNING),
    "weights of no known type": ({"weight_type": "fp8"}, None, "weight_type.choice", FAILURE),
    "unknown key": ({"cache_max_entry": "1"}, None, "cache_max_entry.unknown", WARNING),
    "a key of later versions": (
        {"enable_prefix_caching": "True"},
        "0.2.4",
        "enable_prefix_caching.unread",
        WARNING,
    ),
    "no head_num": ({"head_num": None}, None, "head_num.missing", FAILURE),
    "policy 8 before 0.4.0": ({"quant_policy": "8"}, "0.2.4", "quant_policy.choice", WARNING),
    "policy 1 before 0.4.0": ({"quant_policy": "1"}, None, "quant_policy.choice", WARNING),
    "policy 2 on 0.5.3": ({"quant_policy": "2"}, "0.5.3", "quant_policy.choice", FAILURE),
    "int8 of 0.2.4 read by 0.4.0": ({"quant_policy": "4"}, "0.4.0", "quant_policy.moved", WARNING),
    "cache 0": ({"cache_max_entry_count": "0"}, None, "cache_max_entry_count.zero", WARNING),
    "cache 1.5 is one block": (
        {"cache_max_entry_count": "1.5"},
        None,
        "cache_max_entry_count.blocks",
        WARNING,
    ),
    "cache nearly all": (
        {"cache_max_entry_count": "0.98"},
        None,
        "cache_max_entry_count.large",
        WARNING,
    ),
    "cache 0.8 of all memory": ({}, "0.2.1", "cache_max_entry_count.large", WARNING),
    "odd blocks": ({"cache_block_seq_len": "100"}, None, "cache_block_seq_len.multiple", WARNING),
    "session too long": ({"session_len": "9000"}, None, "session_len.trained", WARNING),
    "context below a session": (
        {"max_context_token_num": "1000"},
        None,
        "max_context_token_num.session",
        FAILURE,
    ),
    "two steps": ({"step_length": "2"}, None, "step_length.one", FAILURE),
    "squeezed positions": (
        {"rope_scaling_factor": "0.5"},
        None,
        "rope_scaling_factor.shrinks",
        WARNING,
    ),
    "head size 64": ({"size_per_head": "64"}, None, "size_per_head.supported", FAILURE),
    "three GPUs": ({"tensor_para_size": "3"}, None, "tensor_para_size.even", FAILURE),
    "base template": ({"model_name": "internlm2"}, "0.2.4", "model_name.template", WARNING),
    "percent": ({}, None, "model_name.text", FAILURE),
    "served without options": ({"quant_policy": "4"}, None, "file.overridden", WARNING),
    "0.6.0 reads yaml": ({}, "0.6.0", "file.unread", FAILURE),
    "no workspaces from 0.10.0": ({}, "0.18.0", "file.unread", FAILURE),
}


@pytest.mark.parametrize(("changes", "reader", "name", "status"), HAZARDS.values(), ids=HAZARDS)
def test_a_hazard_is_found(
    changes: dict[str, str | None], reader: str | None, name: str, status: Status
) -> None:
    content = (FILES / "0.2.4.ini").read_bytes()
    if name == "model_name.text":
        content = content.replace(b"llama2", b"50%")

    findings = find(changes=changes, reader=reader, content=content)

    assert bad(findings)[f"config.{name}"] is status


@pytest.mark.parametrize("name", ["a" * 190, "a ;b", "a%b", "a\x1bb"])
def test_text_that_the_engine_would_see_otherwise_is_found(name: str) -> None:
    content = (FILES / "0.2.4.ini").read_bytes().replace(b"llama2", name.encode())

    assert bad(find(content=content))["config.model_name.text"] is FAILURE


def test_fmha_with_kv_int8_is_impossible_up_to_0_0_14_only() -> None:
    assert bad(find("0.0.14", {"quant_policy": "4"}))["config.use_context_fmha.int8"] is FAILURE
    off = find("0.0.14", {"quant_policy": "4", "use_context_fmha": "0"})
    assert "config.use_context_fmha.int8" not in off
    assert "config.use_context_fmha.int8" not in find("0.2.4", {"quant_policy": "4"})


def test_sequences_of_the_old_cache_must_hold_a_batch() -> None:
    few = find("0.0.14", {"cache_max_entry_count": "16"})
    share = find("0.0.14", {"cache_max_entry_count": "0.5"}, reader="0.0.14")

    assert bad(few)["config.cache_max_entry_count.sequences"] is WARNING
    assert bad(share)["config.cache_max_entry_count.sequences"] is FAILURE


def test_many_blocks_are_no_hazard() -> None:
    assert not [
        name for name in find(changes={"cache_max_entry_count": "100"}) if "count.b" in name
    ]


def test_scaled_positions_allow_a_long_session() -> None:
    findings = find(changes={"session_len": "9000", "rope_scaling_factor": "1.0"})

    assert "config.session_len.trained" not in findings


def test_int8_of_0_4_0_has_no_hazard_of_its_own() -> None:
    findings = find("0.5.3", {"quant_policy": "8"}, weights=weights_of())

    assert set(bad(findings)) == {"config.file.overridden"}


def test_the_server_is_given_what_the_file_says() -> None:
    findings = find(changes={"quant_policy": "4", "cache_max_entry_count": "0.3"})
    remedy = findings["config.file.overridden"].remedy

    assert remedy is not None
    assert remedy.command == (
        *("lmdeploy", "serve", "api_server", "/ws"),
        *("--quant-policy", "4", "--cache-max-entry-count", "0.3"),
    )


def test_prefix_caching_is_given_as_a_bare_option() -> None:
    remedy = find("0.5.3", {"enable_prefix_caching": "True"})["config.file.overridden"].remedy

    assert remedy is not None
    assert remedy.command is not None
    assert remedy.command[-1] == "--enable-prefix-caching"


def test_kv_int8_up_to_0_3_0_needs_its_scale_files() -> None:
    name = "config.quant_policy.scales"
    int8: dict[str, str | None] = {"quant_policy": "4"}

    assert find(changes=int8, weights=weights_of(scales=16))[name].status is Status.OK
    assert find(changes=int8, weights=weights_of())[name].status is FAILURE
    assert find(changes=int8, weights=weights_of(scales=8))[name].status is FAILURE
    assert "(8)" in str(find(changes=int8, weights=weights_of(scales=8))[name].evidence)
    assert name not in find(changes=int8, weights=weights_of(), reader="0.4.0")


def test_scales_for_one_gpu_are_not_enough_for_two() -> None:
    weights = weights_of(ranks=2, scales=16)
    half = WeightFiles(
        {name: size for name, size in weights.sizes.items() if "past_kv_scale.1" not in name}
    )
    changes: dict[str, str | None] = {"quant_policy": "4", "tensor_para_size": "2"}

    assert find(changes=changes, weights=half)["config.quant_policy.scales"].status is FAILURE


@pytest.mark.parametrize(
    ("changes", "weights"),
    [
        ({"weight_type": "int4", "group_size": "128"}, weights_of()),
        ({}, weights_of(w4=True)),
        ({"weight_type": "int4", "group_size": "64"}, weights_of(w4=True)),
        ({"weight_type": "int4"}, weights_of(w4=True)),
    ],
)
def test_4_bit_weights_must_agree_with_the_file(
    changes: dict[str, str | None], weights: WeightFiles
) -> None:
    assert bad(find(changes=changes, weights=weights))["config.weights.quantized"] is FAILURE


@pytest.mark.parametrize(
    "weights",
    [weights_of(layers=3), weights_of(ranks=2), WeightFiles({"layers.0.attention.wo.0.weight": 1})],
)
def test_weights_that_do_not_fit_are_found(weights: WeightFiles) -> None:
    assert bad(find(weights=weights))["config.weights.complete"] is FAILURE


def test_awq_with_calibrated_int8_is_hazardous_without_gqa() -> None:
    int8: dict[str, str | None] = {"quant_policy": "4"}
    weights = weights_of(w4=True, scales=16)
    name = "config.quant_policy.smoothed"

    assert bad(find("0.2.4-w4", int8, weights=weights))[name] is WARNING
    assert name not in find("0.2.4-w4", {**int8, "kv_head_num": "1"}, weights=weights)
    assert name not in find("0.2.4-w4", int8, weights=weights, reader="0.4.0")


def test_a_comment_behind_a_value_is_told_apart() -> None:
    content = (FILES / "0.2.4.ini").read_bytes()
    content = content.replace(b"quant_policy = 0", b"quant_policy = 4 ; int8")

    finding = find(content=content)["config.quant_policy.kind"]

    assert "comment" in str(finding.why)
    assert finding.remedy is not None
    assert finding.remedy.command is not None
    assert finding.remedy.command[-1] == "quant_policy=4"


def test_a_byte_order_mark_is_found() -> None:
    content = b"\xef\xbb\xbf" + (FILES / "0.2.4.ini").read_bytes()

    assert bad(find(content=content))["config.file.bom"] is FAILURE


def test_keys_in_another_section_are_found() -> None:
    content = (FILES / "0.2.4.ini").read_bytes() + b"[turbomind]\nquant_policy = 4\n"

    assert bad(find(content=content))["config.file.other-sections"] is WARNING


def test_a_file_without_the_section_is_found() -> None:
    assert bad(find(content=b"[other]\na = 1\n"))["config.file.section"] is FAILURE


def test_every_finding_tells_its_key_and_what_to_do() -> None:
    findings = find(changes={"quant_policy": "8", "session_len": "9000", "step_length": "2"})

    assert [about(findings[name]) for name in ("config.quant_policy.choice",)] == ["quant_policy"]
    assert all(finding.remedy for finding in findings.values() if finding.status is FAILURE)
    assert [finding.status.rank for finding in findings.values()] == sorted(
        finding.status.rank for finding in findings.values()
    )


def test_weights_are_told_by_names_and_sizes(tmp_path: Path) -> None:
    for name, size in weights_of(w4=True, ranks=2, scales=16).sizes.items():
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    (tmp_path / "config.ini").write_text("[llama]\n")

    weights = read_weights(tmp_path)

    assert weights is not None
    assert (weights.layers, weights.ranks, weights.is_quantized) == (4, 2, True)
    assert (weights.group_size, len(weights.scales), weights.missing) == (128, 8, ())
    assert read_weights(tmp_path / "nowhere") is None
