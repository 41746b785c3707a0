"""Rules about the weight files beside the file: do they fit what it says."""

from __future__ import annotations

from collections.abc import Iterator

from emotui.lmdeploy.versions import Features
from emotui.support.finding import Finding, Remedy, Status
from emotui.support.language import message
from emotui.workspace.meaning import kv_type
from emotui.workspace.subject import Subject
from emotui.workspace.weights import SCALE_BYTES, WeightFiles


def complete(subject: Subject) -> Iterator[Finding]:
    """The weights are all there, for every layer and every rank."""
    weights = subject.weights
    if weights is None:
        yield Finding(
            "config.weights.present",
            message("The weights stand beside the file"),
            Status.UNKNOWN,
            message("There are no weight files in {folder}.", folder=subject.path.parent),
            message("Whether the file fits the weights was not checked."),
        )
        return
    layers = subject.integers.get("num_layer", 0)
    tp = subject.integers.get("tensor_para_size", 1)
    fits = weights.layers == layers and weights.ranks == tp and not weights.missing
    yield Finding(
        "config.weights.complete",
        message("The weights fit the shape in the file"),
        Status.OK if fits else Status.FAILURE,
        message(
            "Files: layers {layers}, GPUs {ranks}, missing {missing}. The file says: layers "
            "{num_layer}, GPUs {tp}.",
            layers=weights.layers,
            ranks=weights.ranks,
            missing=", ".join(weights.missing) or message("none"),
            num_layer=layers,
            tp=tp,
        ),
        message("Missing weights are read as nothing, and the answers are nonsense."),
        None if fits else Remedy(message("Convert the model again.")),
    )


def quantized(subject: Subject) -> Iterator[Finding]:
    """Type int4, a group size and qweight files belong together."""
    weights = subject.weights
    if weights is None:
        return
    kind = subject.values.get("weight_type", "fp16")
    group = subject.integers.get("group_size", 0)
    seen = weights.group_size or 0
    if (kind == "int4") == weights.is_quantized == (group > 0) and (not seen or seen == group):
        return
    yield Finding(
        "config.weights.quantized",
        message("The type of the weights is what the file says"),
        Status.FAILURE,
        message(
            "weight_type = {kind}, group_size = {group}; {found}",
            kind=kind,
            group=group,
            found=_weights_found(weights),
        ),
        message("The engine would read the weights wrongly."),
        Remedy(
            message(
                "Convert again: 4-bit weights need --model-format awq and the --group-size that "
                "they were quantized with."
            )
        ),
    )


def _weights_found(weights: WeightFiles) -> object:
    if not weights.is_quantized:
        return message("the weights are not quantized.")
    if weights.group_size is None:
        return message("the weights have 4 bits.")
    return message("the weights have 4 bits in groups of {group}.", group=weights.group_size)


def _calibrated(features: Features) -> bool:
    """Say whether KV int8 needs scales from a calibration."""
    return features.kv_scale_files


def kv_scales(subject: Subject) -> Iterator[Finding]:
    """Up to 0.3.0, KV int8 needs one scale file of 16 bytes a layer and GPU."""
    weights = subject.weights
    status = subject.severity(_calibrated)
    if weights is None or status is None or subject.integers.get("quant_policy") != 4:
        return
    layers = subject.integers.get("num_layer", 0)
    tp = subject.integers.get("tensor_para_size", 1)
    wanted = {f"layers.{n}.past_kv_scale.{r}.weight" for n in range(layers) for r in range(tp)}
    good = {name for name, size in weights.scales.items() if size == SCALE_BYTES} & wanted
    short = sorted(
        f"{name} ({size})" for name, size in weights.scales.items() if size != SCALE_BYTES
    )
    fits = good == wanted
    yield Finding(
        "config.quant_policy.scales",
        message("KV int8 has its scales"),
        Status.OK if fits else status,
        message(
            "{count} of {wanted} scale files of {size} bytes; wrong in size: {short}.",
            count=len(good),
            wanted=len(wanted),
            size=SCALE_BYTES,
            short=", ".join(short[:3]) or message("none"),
        ),
        message(
            "Up to 0.3.0 the engine takes default scales for missing ones without a word, and "
            "the answers are nonsense (up to 0.0.14 it crashes)."
        ),
        None
        if fits
        else Remedy(
            message(
                "Calibrate, then: lmdeploy lite kv_qparams WORK_DIR {folder} --num-tp {tp} "
                "(without --kv-sym). Or keep the cache in fp16.",
                folder=subject.path.parent,
                tp=tp,
            ),
            subject.set_command("quant_policy=fp16"),
        ),
    )


def smoothed(subject: Subject) -> Iterator[Finding]:
    """AWQ smooths v_proj of models without GQA, but the scales describe the unsmoothed one."""
    shape = subject.integers
    all_heads = shape.get("head_num", 0) == shape.get("kv_head_num", -1)
    int8 = kv_type(subject.values.get("quant_policy", "0"), subject.reader) == "int8"
    w4 = subject.values.get("weight_type") == "int4"
    name = subject.values.get("model_name", "")
    if not (w4 and int8 and all_heads and subject.reader.all(_calibrated)) or "internlm2" in name:
        return
    yield Finding(
        "config.quant_policy.smoothed",
        message("4-bit weights and calibrated KV int8 go together"),
        Status.WARNING,
        message("weight_type = int4, quant_policy = 4, head_num = kv_head_num"),
        message(
            "Up to 0.3.0 AWQ rescales the values of such models, while the calibrated scales "
            "describe them as they were before; quality suffers."
        ),
        Remedy(
            message(
                "Keep the KV cache in fp16, or use LMDeploy 0.4.0 or later, which quantizes online."
            ),
            subject.set_command("quant_policy=fp16"),
        ),
    )


WEIGHT_RULES = (complete, quantized, kv_scales, smoothed)
