"""LMDeploy's version against task, model, Python and the packages beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from machines import a_machine, a_model, an_installation

from emotui.environment.checks import lmdeploy, packages
from emotui.environment.subject import Target
from emotui.models.folder import ModelKind
from emotui.support.finding import Status


def test_no_lmdeploy_is_a_failure_that_says_how_to_name_one() -> None:
    (finding,) = lmdeploy.check_version(a_machine())
    assert finding.status is Status.FAILURE
    assert str(finding.evidence) == "No LMDeploy was found."
    assert "emotui check --python PATH" in str(finding.remedy.text)


def test_an_interpreter_without_lmdeploy_is_a_failure_with_the_command_that_installs_it() -> None:
    (finding,) = lmdeploy.check_version(a_machine(installation=an_installation(None)))
    assert finding.status is Status.FAILURE
    assert finding.remedy.command == (
        "/opt/lm/bin/python",
        "-m",
        "pip",
        "install",
        "lmdeploy==0.2.4",
    )


def test_the_chosen_version_is_told_with_its_interpreter() -> None:
    (finding,) = lmdeploy.check_version(a_machine(installation=an_installation()))
    assert finding.status is Status.OK
    assert str(finding.evidence) == "LMDeploy 0.2.4 of /opt/lm/bin/python."


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ("0.1.0", Status.FAILURE),
        ("0.2.0", Status.WARNING),
        ("0.2.4", Status.OK),
        ("0.18.0", Status.OK),
    ],
)
def test_internlm2_is_known_from_0_2_0_and_ends_its_answers_from_0_2_2(
    version: str, status: Status
) -> None:
    (finding,) = lmdeploy.check_internlm2(a_machine(installation=an_installation(version)))
    assert finding.status is status


def test_a_model_of_another_family_does_not_need_internlm2() -> None:
    machine = a_machine(installation=an_installation("0.1.0"), model=a_model(model_type="llama"))
    assert lmdeploy.check_internlm2(machine)[0].status is Status.WARNING


@pytest.mark.parametrize(
    ("version", "status"),
    [("0.2.4", Status.OK), ("0.9.2", Status.OK), ("0.10.0", Status.FAILURE)],
)
def test_convert_ended_with_0_9_2(version: str, status: Status) -> None:
    machine = a_machine(Target.CONVERT, installation=an_installation(version))
    assert lmdeploy.check_task(machine)[0].status is status


def test_where_convert_is_gone_the_remedy_is_to_chat_with_the_folder() -> None:
    machine = a_machine(Target.CONVERT, installation=an_installation("0.18.0"), model=a_model())
    (finding,) = lmdeploy.check_task(machine)
    assert finding.remedy.command == ("emotui", "chat", "/models/EmoLLM")


def test_a_workspace_is_not_converted_again() -> None:
    machine = a_machine(
        Target.CONVERT, installation=an_installation(), model=a_model(ModelKind.WORKSPACE)
    )
    assert lmdeploy.check_task(machine)[0].status is Status.FAILURE


@pytest.mark.parametrize(
    ("version", "kind", "config", "status"),
    [
        ("0.2.4", ModelKind.WORKSPACE, "config.ini", Status.OK),
        ("0.6.0", ModelKind.WORKSPACE, "config.ini", Status.FAILURE),
        ("0.6.0", ModelKind.WORKSPACE, "config.yaml", Status.OK),
        ("0.18.0", ModelKind.WORKSPACE, "config.ini", Status.FAILURE),
        ("0.18.0", ModelKind.HF, "config.json", Status.OK),
        ("0.0.14", ModelKind.HF, "config.json", Status.FAILURE),
    ],
)
def test_an_engine_loads_the_folders_of_its_age(
    version: str, kind: ModelKind, config: str, status: Status
) -> None:
    model = a_model(kind, config_file=Path("/models/EmoLLM") / config)
    machine = a_machine(installation=an_installation(version), model=model)
    assert lmdeploy.check_task(machine)[0].status is status


def test_quantizing_wants_a_checkpoint_that_is_not_quantized() -> None:
    machine = a_machine(
        Target.QUANTIZE, installation=an_installation(), model=a_model(ModelKind.AWQ)
    )
    assert lmdeploy.check_task(machine)[0].status is Status.FAILURE


@pytest.mark.parametrize(
    ("python", "status"),
    [("3.11.4", Status.OK), ("3.13.1", Status.WARNING), ("3.7.9", Status.WARNING)],
)
def test_python_is_compared_with_the_wheels(python: str, status: Status) -> None:
    machine = a_machine(installation=an_installation(python=python))
    assert lmdeploy.check_python(machine)[0].status is status


def test_packages_within_their_pins_are_ok() -> None:
    machine = a_machine(installation=an_installation())
    assert packages.check_torch(machine)[0].status is Status.OK
    assert packages.check_transformers(machine)[0].status is Status.OK
    assert packages.check_others(machine) == []


def test_a_package_outside_its_pin_is_a_warning_with_the_command_that_mends_it() -> None:
    machine = a_machine(installation=an_installation(transformers="4.41.0"))
    (finding,) = packages.check_transformers(machine)
    assert finding.status is Status.WARNING
    assert finding.remedy.command == (
        "/opt/lm/bin/python",
        "-m",
        "pip",
        "install",
        "transformers>=4.33,<=4.37.1",
    )


def test_a_missing_torch_is_a_failure() -> None:
    machine = a_machine(installation=an_installation(torch=""))
    assert packages.check_torch(machine)[0].status is Status.FAILURE
    assert packages.check_torch_cuda(machine) == []


def test_a_torch_for_cpus_fails_where_a_gpu_is_needed() -> None:
    installation = an_installation(torch="2.1.2+cpu")
    chat = a_machine(installation=installation)
    convert = a_machine(Target.CONVERT, installation=installation)
    assert packages.check_torch_cuda(chat)[0].status is Status.FAILURE
    assert packages.check_torch_cuda(convert)[0].status is Status.WARNING


def test_other_packages_are_named_only_when_they_do_not_fit() -> None:
    machine = a_machine(installation=an_installation(numpy="2.0.1", pydantic="1.10.2"))
    assert {finding.id for finding in packages.check_others(machine)} == {
        "packages.numpy",
        "packages.pydantic",
    }


def test_a_new_datasets_matters_to_calibration_only() -> None:
    installation = an_installation(datasets="3.1.0")
    calibrate = a_machine(Target.CALIBRATE, installation=installation)
    chat = a_machine(installation=installation)
    assert [finding.id for finding in packages.check_others(calibrate)] == ["packages.datasets"]
    assert packages.check_others(chat) == []


def test_without_lmdeploy_all_that_depends_on_it_is_unknown() -> None:
    machine = a_machine()
    found = [
        *lmdeploy.check_internlm2(machine),
        *lmdeploy.check_task(machine),
        *lmdeploy.check_python(machine),
        *packages.check_torch(machine),
        *packages.check_transformers(machine),
    ]
    assert {finding.status for finding in found} == {Status.UNKNOWN}
