"""Finding interpreters that have LMDeploy and learning what they have."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from emotui.lmdeploy.asking import NoAnswerError, ask, child_environ
from emotui.support.errors import NotFoundError, ProcessError
from emotui.support.paths import find_paths


def cache_file(home: Path) -> Path:
    return find_paths({"EMOTUI_HOME": str(home / "emotui")}).cache / "installations.json"


def versions(installations) -> list[str]:
    return [one.lmdeploy for one in installations.list()]


# -- learning --------------------------------------------------------------------------------


def test_an_environment_folder_names_its_interpreter(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4", torch="2.1.2+cu118", transformers="4.37.1")
    found = make_installations().get(environment.folder)
    assert found.python == environment.python
    assert found.lmdeploy == "0.2.4"
    assert found.packages["torch"] == "2.1.2+cu118"
    assert found.packages["transformers"] == "4.37.1"
    assert found.source == "given"
    assert found.prefix == environment.folder
    assert found.python_version == ".".join(map(str, sys.version_info[:3]))


def test_a_virtual_environments_interpreter_is_not_resolved(
    make_environment, make_installations
) -> None:
    environment = make_environment("lm", "0.2.4")
    assert environment.python.resolve() != environment.python
    assert make_installations().get(environment.python).python == environment.python


def test_packages_are_known_by_their_normal_name(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4", Flash_Attn="2.5.0", nvidia_curand_cu11="10.3")
    packages = make_installations().get(environment.folder).packages
    assert packages["flash-attn"] == "2.5.0"
    assert packages["nvidia-curand-cu11"] == "10.3"


def test_a_broken_package_hides_no_other(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4")
    (environment.site / "broken-1.0.dist-info").mkdir()
    (environment.site / "worse-1.0.dist-info").mkdir()
    (environment.site / "worse-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"


def test_an_interpreter_without_lmdeploy_says_so(make_environment, make_installations) -> None:
    environment = make_environment("plain", torch="2.4.0")
    found = make_installations().get(environment.folder)
    assert found.lmdeploy is None
    assert found.features is None
    assert found.packages == {"torch": "2.4.0"}


def test_a_source_checkout_on_the_python_path_counts(
    make_environment, make_installations, tmp_path
) -> None:
    environment = make_environment("plain")
    package = tmp_path / "checkout" / "lmdeploy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('never imported')\n")
    (package / "version.py").write_text("__version__ = '0.5.3'\n")
    found = make_installations(environ={"PYTHONPATH": str(tmp_path / "checkout")}).get(
        environment.folder
    )
    assert found.lmdeploy == "0.5.3"
    assert found.inherited == {"PYTHONPATH": str(tmp_path / "checkout")}


def test_library_folders_of_nvidia_wheels_join_the_loaders_path(
    make_environment, make_installations
) -> None:
    environment = make_environment("lm", "0.2.4")
    library = environment.site / "nvidia" / "curand" / "lib"
    library.mkdir(parents=True)
    found = make_installations().get(environment.folder)
    assert found.environment({"LD_LIBRARY_PATH": "/own"}) == {
        "PYTHONPATH": None,
        "LD_LIBRARY_PATH": f"/own:{library}",
    }


def test_a_modern_lmdeploy_gets_no_loaders_path(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.18.0")
    (environment.site / "nvidia" / "curand" / "lib").mkdir(parents=True)
    assert make_installations().get(environment.folder).environment({}) == {"PYTHONPATH": None}


# -- finding ---------------------------------------------------------------------------------


def test_no_environment_anywhere_is_an_empty_list(make_installations) -> None:
    assert make_installations().list() == []


def test_folders_of_environments_are_searched_newest_first(
    make_environment, make_installations, sealed_home
) -> None:
    make_environment(sealed_home / ".venvs" / "old", "0.2.4")
    make_environment(sealed_home / ".virtualenvs" / "new", "0.10.0")
    make_environment(sealed_home / "envs" / "middle", "0.9.2")
    make_environment(sealed_home / "venvs" / "none")
    assert versions(make_installations()) == ["0.10.0", "0.9.2", "0.2.4"]


def test_conda_environments_are_found_by_its_list_and_its_roots(
    make_environment, make_installations, sealed_home, tmp_path
) -> None:
    listed = make_environment("elsewhere/env", "0.2.4")
    make_environment(sealed_home / "miniconda3" / "envs" / "lm", "0.5.3")
    (sealed_home / ".conda").mkdir()
    (sealed_home / ".conda" / "environments.txt").write_text(f"{listed.folder}\n\n/gone/env\n")
    found = make_installations().list()
    assert [(one.lmdeploy, one.source) for one in found] == [("0.5.3", "conda"), ("0.2.4", "conda")]


def test_the_active_virtual_environment_is_found(make_environment, make_installations) -> None:
    environment = make_environment("active", "0.2.4")
    found = make_installations(environ={"VIRTUAL_ENV": str(environment.folder)}).list()
    assert [(one.python, one.source) for one in found] == [(environment.python, "active")]


def test_the_python_on_the_path_is_found(make_environment, make_installations) -> None:
    environment = make_environment("active", "0.2.4")
    found = make_installations(environ={"PATH": str(environment.folder / "bin")}).list()
    assert [one.source for one in found] == ["active"]


def test_the_active_python_may_get_lmdeploy_through_the_python_path(
    make_environment, make_installations, tmp_path
) -> None:
    environment = make_environment("active")
    extra = tmp_path / "extra"
    environment.add("lmdeploy", "0.18.0", extra)
    found = make_installations(
        environ={"PATH": str(environment.folder / "bin"), "PYTHONPATH": str(extra)}
    ).list()
    assert [one.lmdeploy for one in found] == ["0.18.0"]
    assert found[0].environment({})["PYTHONPATH"] == str(extra)


def test_an_environment_that_was_only_found_does_not_inherit_the_python_path(
    make_environment, make_installations, sealed_home, tmp_path
) -> None:
    environment = make_environment(sealed_home / ".venvs" / "lm", "0.2.4")
    environment.add("lmdeploy", "0.18.0", tmp_path / "extra")
    found = make_installations(environ={"PYTHONPATH": str(tmp_path / "extra")}).list()
    assert [one.lmdeploy for one in found] == ["0.2.4"]
    assert found[0].environment({})["PYTHONPATH"] is None


def test_the_settings_name_an_interpreter_an_environment_or_a_folder_of_them(
    make_environment, make_installations, tmp_path
) -> None:
    first = make_environment("a", "0.2.4")
    second = make_environment("b", "0.5.3")
    make_environment("many/one", "0.9.2")
    make_environment("many/two", "0.18.0")
    places = [str(first.python), str(second.folder), str(tmp_path / "many")]
    found = make_installations(f"[lmdeploy]\ninterpreters = {json.dumps(places)}\n").list()
    assert [one.lmdeploy for one in found] == ["0.18.0", "0.9.2", "0.5.3", "0.2.4"]
    assert {one.source for one in found} == {"settings"}


def test_environments_that_emotui_made_are_found(
    make_environment, make_installations, sealed_home
) -> None:
    managed = find_paths({"EMOTUI_HOME": str(sealed_home / "emotui")}).environments
    make_environment(managed / "lmdeploy-0.2.4", "0.2.4")
    assert [one.source for one in make_installations().list()] == ["managed"]


def test_one_environment_is_listed_once(make_environment, make_installations, sealed_home) -> None:
    environment = make_environment(sealed_home / ".venvs" / "lm", "0.2.4")
    found = make_installations(
        f'[lmdeploy]\npython = "{environment.folder}"\n',
        {"VIRTUAL_ENV": str(environment.folder), "PATH": str(environment.folder / "bin")},
    ).list()
    assert len(found) == 1


def test_an_interpreter_of_the_settings_that_does_not_answer_is_a_problem(
    make_installations, tmp_path
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such module' >&2\nexit 3\n")
    broken.chmod(0o755)
    installations = make_installations(f'[lmdeploy]\ninterpreters = ["{broken}"]\n')
    assert installations.list() == []
    assert str(broken) in str(installations.problems[0])


# -- choosing --------------------------------------------------------------------------------


def test_without_a_choice_the_newest_is_used(
    make_environment, make_installations, sealed_home
) -> None:
    make_environment(sealed_home / ".venvs" / "old", "0.2.4")
    make_environment(sealed_home / ".venvs" / "new", "0.18.0")
    assert make_installations().get().lmdeploy == "0.18.0"


def test_the_settings_choose_before_the_newest(
    make_environment, make_installations, sealed_home
) -> None:
    old = make_environment(sealed_home / ".venvs" / "old", "0.2.4")
    make_environment(sealed_home / ".venvs" / "new", "0.18.0")
    installations = make_installations(f'[lmdeploy]\npython = "{old.folder}"\n')
    assert installations.get().lmdeploy == "0.2.4"


def test_nothing_found_says_what_to_do(make_installations) -> None:
    with pytest.raises(NotFoundError, match="--python"):
        make_installations().get()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "There is no interpreter at"),
        (lambda path: path.mkdir(), "has no bin/python"),
        (lambda path: path.write_text("text"), "is not executable"),
    ],
)
def test_a_path_that_is_no_interpreter_is_refused_with_its_name(
    make_installations, tmp_path, make, said
) -> None:
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(NotFoundError, match=said) as caught:
        make_installations().get(path)
    assert str(path) in str(caught.value)


def test_a_program_that_is_no_python_is_refused_with_its_last_words(
    make_installations, tmp_path
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'I am \033[31mred' >&2\nexit 7\n")
    program.chmod(0o755)
    with pytest.raises(ProcessError, match="I am red") as caught:
        make_installations().get(program)
    assert "\033" not in str(caught.value)


def test_a_command_on_the_path_may_be_named(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4")
    installations = make_installations(environ={"PATH": str(environment.folder / "bin")})
    assert installations.get(Path("python3")).lmdeploy == "0.2.4"


def test_an_interpreter_that_never_answers_is_given_up(tmp_path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nsleep 60 &\nwait\n")
    program.chmod(0o755)
    started = time.monotonic()
    with pytest.raises(NoAnswerError, match="did not answer"):
        ask(program, "emotui_probe.py", [], dict(os.environ), timeout_s=0.2)
    assert time.monotonic() - started < 10


def test_what_a_site_customisation_prints_is_skipped(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4")
    (environment.site / "sitecustomize.py").write_text("print('welcome')\n")
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"


def test_our_own_python_path_does_not_reach_a_child() -> None:
    environ = child_environ({"PYTHONPATH": "/ours", "PYTHONHOME": "/x", "A": "b"}, {"A": None})
    assert "PYTHONPATH" not in environ
    assert "PYTHONHOME" not in environ
    assert "A" not in environ


# -- the cache -------------------------------------------------------------------------------


def make_mute(python: Path) -> None:
    """Take the interpreter's voice, keeping its path and modification time."""
    modified = python.stat().st_mtime_ns
    target = python.resolve()
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    os.utime(python, ns=(modified, modified))
    assert python.resolve() != target


def test_an_answer_is_remembered(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4")
    make_installations().get(environment.folder)
    make_mute(environment.python)
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"


def test_an_upgraded_package_is_noticed(make_environment, make_installations) -> None:
    environment = make_environment("lm", "0.2.4")
    make_installations().get(environment.folder)
    old = environment.site / "lmdeploy-0.2.4.dist-info"
    (old / "METADATA").unlink()
    old.rmdir()
    environment.add("lmdeploy", "0.9.2")
    assert make_installations().get(environment.folder).lmdeploy == "0.9.2"


def test_the_python_path_is_part_of_the_question(
    make_environment, make_installations, tmp_path
) -> None:
    environment = make_environment("lm", "0.2.4")
    environment.add("lmdeploy", "0.18.0", tmp_path / "extra")
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"
    other = make_installations(environ={"PYTHONPATH": str(tmp_path / "extra")})
    assert other.get(environment.folder).lmdeploy == "0.18.0"


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 2, "entries": 3}', b"\xff\x00", b"[" * 9999],
)
def test_a_broken_cache_is_ignored_and_written_anew(
    make_environment, make_installations, sealed_home, content
) -> None:
    environment = make_environment("lm", "0.2.4")
    path = cache_file(sealed_home)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"
    assert json.loads(path.read_bytes())["entries"]


def test_a_cache_that_cannot_be_written_costs_only_time(
    make_environment, make_installations, sealed_home
) -> None:
    environment = make_environment("lm", "0.2.4")
    folder = cache_file(sealed_home).parent
    folder.parent.mkdir(parents=True)
    folder.write_text("a file where the folder should be")
    assert make_installations().get(environment.folder).lmdeploy == "0.2.4"
