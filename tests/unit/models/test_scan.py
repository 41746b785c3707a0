"""Looking for models: what is found, what is passed over, and what ends the search."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from doubles.model_folders import make_checkpoint, make_workspace

from emotui.models.scan import find


def names(folder: Path, **limits: int) -> list[str]:
    return [str(path.relative_to(folder)) for path in find([folder], **limits).paths]


def test_models_are_found_at_and_below_a_folder(tmp_path: Path) -> None:
    make_checkpoint(tmp_path)
    make_checkpoint(tmp_path / "a" / "b" / "c" / "llama")
    make_workspace(tmp_path / "workspace")
    make_checkpoint(tmp_path / "a" / "b" / "c" / "d" / "too deep")

    assert names(tmp_path) == [".", "a/b/c/llama", "workspace"]


def test_the_inside_of_a_workspace_is_not_found_again(tmp_path: Path) -> None:
    make_workspace(tmp_path / "ws")
    assert names(tmp_path) == ["ws"]
    assert find([tmp_path / "ws" / "triton_models" / "weights"]).paths == [
        tmp_path / "ws" / "triton_models" / "weights"
    ]


@pytest.mark.parametrize("place", [".git", ".hidden", "node_modules", "site-packages", "x.partial"])
def test_some_places_are_passed_over(tmp_path: Path, place: str) -> None:
    make_checkpoint(tmp_path / place / "llama")
    make_checkpoint(tmp_path / place)
    assert names(tmp_path) == []


def test_a_place_that_is_named_is_looked_at_even_if_hidden(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / ".cache" / "llama")
    assert names(tmp_path / ".cache") == ["llama"]


def test_a_folder_of_the_hugging_face_cache_is_one_model(tmp_path: Path) -> None:
    snapshot = make_checkpoint(tmp_path / "hub" / "models--a--b" / "snapshots" / "123")
    make_checkpoint(tmp_path / "hub" / "models--a--b" / "snapshots" / "456")
    os.utime(snapshot.parent / "456", (1, 1))
    assert find([tmp_path]).paths == [snapshot]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "models" / "llama")
    (tmp_path / "models" / "up").symlink_to(tmp_path)
    (tmp_path / "models" / "self").symlink_to("self")
    (tmp_path / "models" / "again").symlink_to("llama")

    found = find([tmp_path], depth=50)

    assert [path.name for path in found.paths] == ["again"]
    assert found.problems == []


def test_another_programs_configuration_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("[llama]\ncolour = red\n")
    (tmp_path / "config.yaml").write_text("models:\n  - a\n")
    make_checkpoint(tmp_path / "llama")
    assert names(tmp_path) == ["llama"]


def test_a_folder_that_may_not_be_read_is_reported_and_passed_by(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "llama")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    try:
        if os.access(closed, os.R_OK):
            pytest.skip("this user may read everything")
        found = find([tmp_path])
    finally:
        closed.chmod(0o700)
    assert [path.name for path in found.paths] == ["llama"]
    assert str(closed) in str(found.problems[0])


def test_a_folder_that_is_gone_is_reported(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "llama")
    found = find([tmp_path / "gone", tmp_path])
    assert [path.name for path in found.paths] == ["llama"]
    assert "gone" in str(found.problems[0])


def test_too_many_folders_end_the_search_with_a_word(tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").mkdir()
    found = find([tmp_path], limit=10)
    assert "stopped after 10 folders" in str(found.problems[0])


def test_the_search_ends_when_it_is_told_to(tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "llama")
    assert find([tmp_path], stop=lambda: True).paths == []
