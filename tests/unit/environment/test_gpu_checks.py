"""GPU memory and compute capability against model and wheel."""

from __future__ import annotations

import pytest
from machines import NO_DRIVER, a_gpu, a_machine, a_model, a_reading, an_installation

from emotui.environment.checks import gpus
from emotui.environment.subject import Target
from emotui.models.folder import ModelKind, Quantization
from emotui.support.finding import Status


@pytest.mark.parametrize(
    ("readings", "status", "words"),
    [
        ([a_gpu(free=79)], Status.OK, "The weights need 14.4 GiB"),
        ([a_gpu(free=16, total=24)], Status.WARNING, "16.0 GiB free of 24.0 GiB"),
        ([a_gpu(free=10, total=24)], Status.FAILURE, "10.0 GiB"),
        ([a_gpu(0, free=10), a_gpu(1, free=11)], Status.WARNING, "GPU 1 has 11.0 GiB"),
    ],
)
def test_weights_are_compared_with_free_memory(readings, status: Status, words: str) -> None:
    machine = a_machine(reading=a_reading(*readings), model=a_model())
    (finding,) = gpus.check_memory(machine)
    assert finding.status is status
    assert words in str(finding.evidence)


def test_a_gpu_that_is_too_small_asks_for_smaller_weights_and_a_busy_one_for_room() -> None:
    small = a_machine(reading=a_reading(a_gpu(free=8, total=8)), model=a_model())
    busy = a_machine(reading=a_reading(a_gpu(free=8, total=80)), model=a_model())
    assert "4-bit" in str(gpus.check_memory(small)[0].remedy.text)
    assert gpus.check_memory(busy)[0].remedy.command == ("nvidia-smi",)


def test_packed_weights_count_as_they_lie_on_disk() -> None:
    model = a_model(ModelKind.AWQ, size_bytes=5 << 30, quantization=Quantization(4, 128))
    machine = a_machine(reading=a_reading(a_gpu(free=8, total=8)), model=model)
    assert gpus.check_memory(machine)[0].status is Status.OK


def test_without_a_model_a_gpu_that_others_fill_is_a_warning() -> None:
    assert gpus.check_memory(a_machine())[0].status is Status.OK
    (finding,) = gpus.check_memory(a_machine(reading=a_reading(a_gpu(free=9))))
    assert finding.status is Status.WARNING


def test_calibration_needs_its_hidden_states_and_not_the_weights() -> None:
    plenty = a_machine(Target.CALIBRATE, model=a_model())
    little = a_machine(Target.CALIBRATE, reading=a_reading(a_gpu(free=6)), model=a_model())
    assert gpus.check_memory(plenty)[0].status is Status.OK
    (finding,) = gpus.check_memory(little)
    assert finding.status is Status.WARNING
    assert "8.41 GiB" in str(finding.evidence)


def test_memory_that_cannot_be_read_is_unknown() -> None:
    assert gpus.check_memory(a_machine(reading=NO_DRIVER))[0].status is Status.UNKNOWN


def test_a_hidden_gpu_does_not_count() -> None:
    machine = a_machine(CUDA_VISIBLE_DEVICES="")
    assert gpus.check_memory(machine)[0].status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("version", "capability", "status"),
    [
        ("0.2.4", (8, 0), Status.OK),
        ("0.2.4", (9, 0), Status.WARNING),
        ("0.5.3", (12, 0), Status.FAILURE),
        ("0.18.0", (6, 1), Status.FAILURE),
    ],
)
def test_the_wheels_code_is_compared_with_the_gpu(version, capability, status: Status) -> None:
    machine = a_machine(
        reading=a_reading(a_gpu(capability=capability)), installation=an_installation(version)
    )
    (finding,) = gpus.check_capability(machine)
    assert finding.status is status


def test_the_least_capable_gpu_decides() -> None:
    reading = a_reading(a_gpu(0), a_gpu(1, capability=(6, 1)))
    machine = a_machine(reading=reading, installation=an_installation())
    (finding,) = gpus.check_capability(machine)
    assert finding.status is Status.FAILURE
    assert "6.1, 8.0" in str(finding.evidence)


def test_four_bit_weights_on_a_v100_fail_before_0_6_0() -> None:
    volta = a_reading(a_gpu(capability=(7, 0)))
    packed = a_model(ModelKind.AWQ, quantization=Quantization(4, 128))
    old = a_machine(reading=volta, installation=an_installation("0.2.4"), model=packed)
    new = a_machine(reading=volta, installation=an_installation("0.6.0"), model=packed)
    assert gpus.check_capability(old)[0].status is Status.FAILURE
    assert gpus.check_capability(new)[0].status is Status.OK


def test_without_lmdeploy_or_gpu_the_capability_is_unknown() -> None:
    no_gpu = a_machine(reading=NO_DRIVER, installation=an_installation())
    assert gpus.check_capability(a_machine())[0].status is Status.UNKNOWN
    assert gpus.check_capability(no_gpu)[0].status is Status.UNKNOWN
