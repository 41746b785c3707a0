"""Disk, host memory and the model folder itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from machines import a_machine, a_model

from emotui.environment.checks import model as model_check
from emotui.environment.checks import resources
from emotui.environment.memory import ControlGroup, available_bytes
from emotui.environment.sizes import quantized_bytes, weight_bytes
from emotui.environment.subject import Subject, Target
from emotui.models.folder import ModelKind
from emotui.support.errors import NotFoundError
from emotui.support.finding import Status
from emotui.support.language import message


def test_the_disk_is_the_one_of_the_nearest_folder_that_exists(tmp_path: Path) -> None:
    machine = a_machine(Target.CHAT, output=tmp_path / "not" / "yet")
    (finding,) = resources.check_disk(machine)
    assert str(tmp_path) in str(finding.evidence)
    assert "not" not in str(finding.evidence).replace(str(tmp_path), "")


def test_a_model_that_does_not_fit_on_the_disk_twice_is_a_failure(tmp_path: Path) -> None:
    huge = a_model(parameters=10**15)
    (finding,) = resources.check_disk(a_machine(Target.CONVERT, model=huge, output=tmp_path))
    assert finding.status is Status.FAILURE
    assert finding.remedy.command == ("df", "-h", str(tmp_path))


def test_a_small_model_fits_on_the_disk(tmp_path: Path) -> None:
    small = a_model(parameters=1000, vocab_size=None)
    for target in Target:
        (finding,) = resources.check_disk(a_machine(target, model=small, output=tmp_path))
        assert finding.status is Status.OK
        assert finding.remedy is None


def test_a_model_that_memory_cannot_hold_fails_where_all_of_it_is_loaded() -> None:
    huge = a_model(parameters=10**15)
    quantize = resources.check_memory(a_machine(Target.QUANTIZE, model=huge))
    chat = resources.check_memory(a_machine(Target.CHAT, model=huge))
    assert quantize[0].status is Status.FAILURE
    assert chat[0].status is not Status.FAILURE


@pytest.fixture
def group(tmp_path: Path) -> ControlGroup:
    (tmp_path / "limit").write_text("1073741824\n")
    (tmp_path / "used").write_text("805306368\n")
    (tmp_path / "stat").write_text("anon 1\ninactive_file 268435456\n")
    return ControlGroup(tmp_path / "limit", tmp_path / "used", tmp_path / "stat", "inactive_file")


def test_a_containers_limit_counts_and_its_file_cache_does_not(group: ControlGroup) -> None:
    assert available_bytes((group,)) == (512 << 20, 1 << 30)


def test_a_container_without_a_limit_has_the_machines_memory(group: ControlGroup) -> None:
    group.limit.write_text("max\n")
    available, total = available_bytes((group,))
    assert total > 1 << 30
    assert available <= total


def test_weights_take_two_bytes_and_four_bits_a_third_of_that() -> None:
    model = a_model(vocab_size=92544)
    assert weight_bytes(model) == 15_476_000_000
    assert 5.1e9 < quantized_bytes(model) < 5.4e9


def test_a_whole_folder_is_told_with_kind_and_size() -> None:
    (finding,) = model_check.check_folder(a_machine(model=a_model(ModelKind.AWQ)))
    assert finding.status is Status.OK
    assert str(finding.evidence) == "/models/EmoLLM: AWQ checkpoint, 14.4 GiB."


def test_each_problem_of_a_folder_is_a_failure_and_each_warning_a_warning() -> None:
    broken = a_model(problems=(message("No tokenizer."), message("A shard is missing.")))
    odd = a_model(warnings=(message("It has no chat template."),))
    found = model_check.check_folder(a_machine(model=broken))
    assert [(f.status, str(f.evidence)) for f in found] == [
        (Status.FAILURE, "No tokenizer."),
        (Status.FAILURE, "A shard is missing."),
    ]
    assert [f.status for f in model_check.check_folder(a_machine(model=odd))] == [Status.WARNING]


def test_a_folder_that_is_not_there_is_a_failure() -> None:
    def absent() -> None:
        raise NotFoundError("{path} does not exist.", path="/nowhere")

    whole = a_machine()
    machine = Subject(Target.CHAT, whole.reading, whole.installation, Path("/"), absent)
    (finding,) = model_check.check_folder(machine)
    assert finding.status is Status.FAILURE
    assert str(finding.evidence) == "/nowhere does not exist."


def test_without_a_model_there_is_nothing_to_say_about_one() -> None:
    assert model_check.check_folder(a_machine()) == []
