"""The driver: there or not, new enough or not, hidden or not."""

from __future__ import annotations

import pytest
from machines import NO_DRIVER, a_gpu, a_machine, a_reading, an_installation

from emotui.environment.checks import driver
from emotui.environment.subject import Target
from emotui.support.finding import Status


def test_a_driver_is_told_with_its_versions_and_gpus() -> None:
    (finding,) = driver.check_present(a_machine())
    assert finding.status is Status.OK
    assert str(finding.evidence) == "Driver 550.54.15, CUDA 12.4, 1 GPU(s)."


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (Target.CHAT, Status.FAILURE),
        (Target.SERVE, Status.FAILURE),
        (Target.CALIBRATE, Status.FAILURE),
        (Target.QUANTIZE, Status.FAILURE),
        (Target.CONVERT, Status.WARNING),
    ],
)
def test_without_a_driver_only_converting_may_go_on(target: Target, status: Status) -> None:
    (finding,) = driver.check_present(a_machine(target, reading=NO_DRIVER))
    assert finding.status is status
    assert str(finding.evidence) == "There is no NVIDIA driver."
    assert finding.remedy is not None


def test_without_a_driver_a_chat_is_pointed_to_the_cpu() -> None:
    (finding,) = driver.check_present(a_machine(reading=NO_DRIVER))
    assert "--engine transformers" in str(finding.remedy.text)


@pytest.mark.parametrize(
    ("version", "installed", "status"),
    [
        ("0.2.4", "550.54.15", Status.OK),
        ("0.2.4", "450.80.02", Status.FAILURE),
        ("0.2.4", "470.57.02", Status.WARNING),
        ("0.5.3", "520.61.05", Status.FAILURE),
        ("0.18.0", "550.54.15", Status.WARNING),
        ("0.18.0", "580.65.06", Status.OK),
    ],
)
def test_the_driver_is_compared_with_the_wheels_cuda(
    version: str, installed: str, status: Status
) -> None:
    machine = a_machine(reading=a_reading(driver=installed), installation=an_installation(version))
    (finding,) = driver.check_version(machine)
    assert finding.status is status
    assert installed in str(finding.evidence)
    assert (finding.remedy is None) == (status is Status.OK)


def test_without_lmdeploy_the_drivers_fitness_is_unknown() -> None:
    (finding,) = driver.check_version(a_machine())
    assert finding.status is Status.UNKNOWN


def test_an_unset_variable_is_not_worth_a_finding() -> None:
    assert driver.check_visible(a_machine()) == []


@pytest.mark.parametrize("value", ["", "-1", "9"])
def test_a_variable_that_hides_every_gpu_is_a_failure(value: str) -> None:
    (finding,) = driver.check_visible(a_machine(CUDA_VISIBLE_DEVICES=value))
    assert finding.status is Status.FAILURE
    assert "0 of 1" in str(finding.evidence)


def test_a_variable_that_shows_some_gpus_is_told() -> None:
    reading = a_reading(a_gpu(0), a_gpu(1), a_gpu(2))
    machine = a_machine(reading=reading, CUDA_VISIBLE_DEVICES="2, GPU-00")
    (finding,) = driver.check_visible(machine)
    assert finding.status is Status.OK
    assert [gpu.index for gpu in machine.gpus()] == [2, 0]
