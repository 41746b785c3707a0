"""Listing, showing and remembering model folders."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from doubles.model_folders import make_checkpoint, make_workspace

from emotui.models.folder import ModelFolder, ModelKind, Quantization
from emotui.operations import models as operations
from emotui.operations.services import Services
from emotui.support.errors import BrokenFileError, NotFoundError, UsageError
from emotui.support.language import set_language
from emotui.support.paths import find_paths


@pytest.fixture
def services(sealed_home: Path) -> Services:
    return Services(find_paths({"EMOTUI_HOME": str(sealed_home / "emotui")}), {})


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def paths(found: operations.ModelList) -> list[Path]:
    return [model.path for model in found.models]


def test_the_current_folder_and_those_of_the_settings_are_searched(
    services: Services, here: Path, tmp_path: Path
) -> None:
    mine = make_checkpoint(here / "mine")
    theirs = make_workspace(tmp_path / "data" / "theirs")
    operations.add_folder(services, tmp_path / "data")

    found = operations.list_models(services)

    assert paths(found) == [theirs, mine]
    assert found.problems == ()


def test_only_the_folders_that_are_named_are_searched_when_the_usual_ones_are_not_wanted(
    services: Services, here: Path, tmp_path: Path
) -> None:
    make_checkpoint(here / "mine")
    named = make_checkpoint(tmp_path / "named")
    assert paths(operations.list_models(services, [named], usual=False)) == [named]


def test_a_model_that_two_folders_lead_to_is_listed_once(
    services: Services, here: Path, tmp_path: Path
) -> None:
    mine = make_checkpoint(here / "mine")
    (tmp_path / "link").symlink_to(here)
    assert len(paths(operations.list_models(services, [mine, tmp_path / "link", here]))) == 1


def test_a_folder_that_only_looks_like_a_model_is_passed_over(
    services: Services, here: Path
) -> None:
    (here / "config.json").write_text('{"name": "a web page"}')
    found = operations.list_models(services)
    assert (found.models, found.problems) == ((), ())


def test_a_model_that_cannot_be_read_is_a_problem_and_the_others_are_listed(
    services: Services, here: Path
) -> None:
    good = make_checkpoint(here / "good")
    (here / "bad").mkdir()
    (here / "bad" / "config.json").write_text("{")
    found = operations.list_models(services)
    assert paths(found) == [good]
    assert "bad/config.json cannot be read" in str(found.problems[0])


def test_nothing_is_searched_once_it_is_told_to_stop(services: Services, here: Path) -> None:
    make_checkpoint(here)
    assert operations.list_models(services, stop=lambda: True).models == ()


def test_a_model_is_found_in_a_list_by_any_name_of_its_folder_or_a_folder_above(
    services: Services, here: Path, tmp_path: Path
) -> None:
    mine = make_checkpoint(here / "sub" / "mine")
    (tmp_path / "link").symlink_to(mine)
    found = operations.list_models(services)
    for name in (mine, tmp_path / "link", here, Path("sub")):
        model = found.find(name)
        assert model is not None
        assert model.path == mine
    assert found.find(tmp_path / "other") is None


def test_a_folder_is_remembered_once_and_absolute(
    services: Services, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(here.parent)
    for _time in range(2):
        assert operations.add_folder(services, Path("here")) == here
    assert services.settings.texts("models.folders") == [str(here)]
    assert stat.S_IMODE(services.paths.settings_file.stat().st_mode) == 0o600


def test_a_folder_that_is_none_is_not_remembered(services: Services, here: Path) -> None:
    (here / "file").write_text("")
    with pytest.raises(NotFoundError):
        operations.add_folder(services, here / "nothing")
    with pytest.raises(UsageError):
        operations.add_folder(services, here / "file")
    assert not services.paths.settings_file.exists()


def test_broken_settings_are_left_alone(services: Services, here: Path) -> None:
    services.paths.settings_file.parent.mkdir(parents=True)
    services.paths.settings_file.write_text("[models\n")
    with pytest.raises(BrokenFileError):
        operations.add_folder(services, here)
    assert services.paths.settings_file.read_text() == "[models\n"


@pytest.mark.parametrize(
    ("quantization", "label"),
    [
        (None, "float16"),
        (Quantization(4, 128), "int4 g128"),
        (Quantization(8, None, "fp8"), "int8"),
        (Quantization(None, None, "exotic"), "exotic"),
    ],
)
def test_the_type_of_the_weights_fits_a_column(
    quantization: Quantization | None, label: str
) -> None:
    model = ModelFolder(Path("/m"), "m", ModelKind.HF, dtype="float16", quantization=quantization)
    assert operations.weights_label(model) == label


def test_facts_leave_out_what_is_unknown_and_speak_the_active_language(
    services: Services, here: Path
) -> None:
    model = operations.show_model(services, make_checkpoint(here))
    english = {str(name): str(value) for name, value in operations.facts(model)}
    set_language("zh_CN")
    chinese = [str(name) for name, _value in operations.facts(model)]

    assert english["Attention heads"] == "4, and 2 for keys and values, each of size 4"
    assert english["Parameters"] == "5.01K (5,008)"
    assert "Session length" not in english
    assert "注意力头" in chinese
