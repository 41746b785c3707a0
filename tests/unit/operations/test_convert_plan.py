"""Planning a conversion: values chosen, checks made, nothing changed."""

from __future__ import annotations

import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from doubles.lmdeploy_double import make_lmdeploy, make_model

from emotui.jobs.control import wait
from emotui.operations.convert import ConvertPlan, ConvertRequest, can_start, plan, start
from emotui.operations.services import Services
from emotui.support.errors import BrokenFileError, NotFoundError, RefusedError, UsageError
from emotui.support.paths import find_paths


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lmdeploy(tmp_path_factory.mktemp("double") / "lm")


@pytest.fixture
def services(sealed_home: Path) -> Services:
    environ = {"HOME": str(sealed_home), "EMOTUI_HOME": str(sealed_home / "emotui"), "PATH": ""}
    return Services(find_paths(environ), environ)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "models" / "tiny")


@pytest.fixture
def planned(services: Services, python: Path, model: Path, tmp_path: Path):
    """Plan with these changes to a request that is fine."""

    def make(**changes: object) -> ConvertPlan:
        request = {"model": model, "destination": tmp_path / "ws", "python": python} | changes
        return plan(services, ConvertRequest(**request))

    return make


def failures(plan: ConvertPlan) -> set[str]:
    return {f.id for f in (*plan.refusals, *plan.findings) if f.status.value == "failure"}


def make_workspace(folder: Path) -> Path:
    (folder / "triton_models" / "weights").mkdir(parents=True)
    (folder / "triton_models" / "weights" / "config.ini").write_text("[llama]\n")
    return folder


# -- what is chosen ----------------------------------------------------------------------------


def test_the_command_writes_beside_the_destination(planned, python, model, tmp_path) -> None:
    found = planned()
    assert found.argv == (
        *(str(python), "-m", "lmdeploy", "convert", "llama2", str(model)),
        *("--dst-path", str(tmp_path / "ws.partial")),
    )
    assert found.spec.publish.destination == tmp_path / "ws"
    assert "triton_models/weights/config.ini" in found.spec.publish.required
    assert can_start(found)


def test_without_a_destination_it_lies_beside_the_model(planned, model) -> None:
    assert planned(destination=None).destination == model.parent / "tiny-workspace"


def test_the_chat_template_is_chosen_by_architecture_and_version(
    planned, tmp_path, monkeypatch
) -> None:
    model = make_model(tmp_path / "EmoLLM", architectures=["InternLM2ForCausalLM"])
    assert planned(model=model).argv[4] == "internlm2-chat-7b"


def test_an_awq_model_brings_its_format_and_group_size(planned, tmp_path) -> None:
    model = make_model(tmp_path / "awq", awq_group_size=128)
    argv = planned(model=model).argv
    assert shlex.join(argv).find("--model-format awq") > 0
    assert shlex.join(argv).find("--group-size 128") > 0


def test_the_printed_commands_are_those_that_the_job_runs(planned, tmp_path) -> None:
    found = planned(destination=tmp_path / "my ws")
    lines = found.commands({})
    assert shlex.split(lines[0]) == list(found.argv)
    assert shlex.split(lines[1]) == ["mv", f"{tmp_path}/my ws.partial", f"{tmp_path}/my ws"]


def test_variables_that_the_job_sets_stand_before_the_command(services, model, tmp_path) -> None:
    python = make_lmdeploy(tmp_path / "lm")
    site = next((tmp_path / "lm").glob("lib/python3*/site-packages"))
    (site / "nvidia" / "curand" / "lib").mkdir(parents=True)
    found = plan(services, ConvertRequest(model, tmp_path / "ws", python=python))
    assert found.commands({})[0].startswith(
        f"env LD_LIBRARY_PATH={site}/nvidia/curand/lib {python} -m lmdeploy convert"
    )


def test_the_python_path_of_the_user_goes_along(sealed_home, python, model, tmp_path) -> None:
    environ = {"HOME": str(sealed_home), "EMOTUI_HOME": str(sealed_home), "PYTHONPATH": "/mine"}
    services = Services(find_paths(environ), environ)
    found = plan(services, ConvertRequest(model, tmp_path / "ws", python=python))
    assert found.spec.env["PYTHONPATH"] == "/mine"
    assert "PYTHONPATH" not in found.commands(environ)[0]


# -- values that are not allowed ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tp": 3}, "power of two"),
        ({"tp": 0}, "power of two"),
        ({"tp": -2}, "power of two"),
        ({"model_name": "llama"[::-1]}, "has no chat template amall"),
        ({"model_name": "lama2"}, "Did you mean llama2"),
        ({"model_format": "gguf"}, "Allowed: hf, llama, awq"),
        ({"extra": {"nonsense": "1"}}, "has no option --nonsense"),
        ({"tokenizer_path": Path("/no/such/tokenizer.model")}, "does not exist"),
    ],
)
def test_a_value_that_is_not_allowed_is_wrong_use(planned, changes, said) -> None:
    with pytest.raises(UsageError, match=said):
        planned(**changes)


def test_an_unknown_group_size_must_be_given(planned, tmp_path) -> None:
    with pytest.raises(UsageError, match="--group-size 128"):
        planned(model_format="awq")
    with pytest.raises(UsageError, match="more than 0"):
        planned(model_format="awq", group_size=0)


def test_an_unknown_architecture_needs_a_name(planned, tmp_path) -> None:
    model = make_model(tmp_path / "odd", architectures=["OddForCausalLM"])
    with pytest.raises(UsageError, match="--model-name"):
        planned(model=model)
    assert planned(model=model, model_name="llama2").argv[4] == "llama2"


def test_a_model_that_is_not_there_is_not_found(planned, tmp_path) -> None:
    with pytest.raises(NotFoundError):
        planned(model=tmp_path / "nowhere")


def test_a_folder_that_is_no_model_is_refused(planned, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BrokenFileError):
        planned(model=tmp_path / "empty")


def test_a_version_without_convert_says_what_to_do_instead(services, model, tmp_path) -> None:
    python = make_lmdeploy(tmp_path / "new", "0.18.0")
    with pytest.raises(RefusedError, match=r"0\.18\.0 has no `convert`.*chat with it directly"):
        plan(services, ConvertRequest(model, tmp_path / "ws", python=python))


def test_a_version_without_convert_names_one_that_has_it(
    services, model, tmp_path, sealed_home
) -> None:
    old = make_lmdeploy(sealed_home / ".venvs" / "old", "0.2.4")
    new = make_lmdeploy(sealed_home / ".venvs" / "new", "0.18.0")
    with pytest.raises(RefusedError, match=str(old)):
        plan(services, ConvertRequest(model, tmp_path / "ws", python=new))


# -- checks that force may overrule ------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "changes", "failing"),
    [
        ({}, {"tp": 4}, "convert.tp"),
        ({"hidden_size": 128}, {}, "convert.head-size"),
        ({"architectures": ["Qwen2ForCausalLM"]}, {"model_name": "qwen-7b"}, "convert.reader"),
        (
            {"architectures": ["Qwen2ForCausalLM"]},
            {"model_name": "llama2"},
            "convert.architecture",
        ),
        ({"architectures": ["InternLM2ForCausalLM"]}, {"model_name": "llama2"}, "convert.reader"),
        ({}, {"model_name": "internlm2-chat-7b"}, "convert.reader"),
        ({"awq_group_size": 64}, {"group_size": 128}, "convert.group-size"),
        ({"awq_group_size": 128}, {"model_format": "hf"}, "convert.format"),
    ],
)
def test_what_would_go_wrong_is_found_before(planned, tmp_path, config, changes, failing) -> None:
    model = make_model(tmp_path / "model", **config)
    found = planned(model=model, **changes)
    assert failing in failures(found)
    assert not can_start(found)
    assert can_start(found, force=True)


def test_plain_weights_are_not_read_as_awq(planned) -> None:
    assert failures(planned(model_format="awq", group_size=128)) == {"convert.format"}


def test_a_missing_tokenizer_is_found_before(planned, model) -> None:
    (model / "tokenizer.model").unlink()
    (model / "tokenizer.json").write_text("{}")
    assert failures(planned()) == {"convert.tokenizer"}


def test_a_tokenizer_from_elsewhere_is_as_good(planned, model, tmp_path) -> None:
    (model / "tokenizer.model").rename(tmp_path / "tokenizer.model")
    (model / "tokenizer.json").write_text("{}")
    found = planned(tokenizer_path=tmp_path / "tokenizer.model")
    assert failures(found) == set()
    assert str(tmp_path / "tokenizer.model") in found.argv


def test_a_model_without_weights_is_found_before(planned, model) -> None:
    (model / "model.safetensors").unlink()
    assert "convert.model" in failures(planned())


def test_a_base_template_is_a_warning(planned) -> None:
    found = planned(model_name="llama")
    assert can_start(found)
    assert "convert.template" in {finding.id for finding in found.findings}


def test_a_machine_without_gpu_is_a_warning(planned) -> None:
    found = {finding.id: finding for finding in planned().findings}
    assert found["convert.gpu"].status.value == "warning"


def test_a_model_larger_than_the_disk_is_found_before(planned, model) -> None:
    with (model / "huge.bin").open("wb") as file:
        file.truncate(1 << 43)
    assert "convert.disk" in failures(planned())


# -- the destination, which no force overrules ---------------------------------------------------


def refused(found: ConvertPlan) -> str:
    assert not can_start(found, force=True)
    return " ".join(str(finding.evidence) for finding in found.refusals)


def test_an_existing_workspace_is_kept(planned, tmp_path) -> None:
    make_workspace(tmp_path / "ws")
    assert "exists already" in refused(planned())
    assert can_start(planned(replace=True))


def test_a_folder_that_is_no_workspace_is_never_replaced(planned, tmp_path) -> None:
    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "thesis.tex").write_text("years of work")
    assert "is not a TurboMind workspace" in refused(planned(replace=True))


def test_the_model_itself_and_what_holds_it_are_never_written(planned, model, tmp_path) -> None:
    assert "is the model folder itself" in refused(planned(destination=model, replace=True))
    assert "contains" in refused(planned(destination=model.parent, replace=True))
    link = tmp_path / "link"
    link.symlink_to(model)
    assert "is the model folder itself" in refused(planned(destination=link, replace=True))


def test_the_root_and_a_parent_are_refused_by_their_names(planned, tmp_path, monkeypatch) -> None:
    assert planned(destination=Path("/"), replace=True).refusals
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert planned(destination=Path(".."), replace=True).destination == tmp_path


def test_the_home_is_never_written(planned, sealed_home) -> None:
    assert "is your home" in refused(planned(destination=sealed_home, replace=True))


def test_a_file_or_a_link_is_never_replaced(planned, tmp_path) -> None:
    (tmp_path / "ws").write_text("a file")
    assert "a file or a link" in refused(planned(replace=True))


def test_somebody_elses_partial_folder_is_not_deleted(planned, tmp_path) -> None:
    (tmp_path / "ws.partial").mkdir()
    (tmp_path / "ws.partial" / "notes").write_text("mine")
    assert "is no unfinished workspace" in refused(planned())


def test_an_unfinished_workspace_may_be_written_anew(planned, tmp_path) -> None:
    (tmp_path / "ws.partial" / "triton_models").mkdir(parents=True)
    assert can_start(planned())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_refused(planned, tmp_path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "no permission" in refused(planned(destination=tmp_path / "locked" / "ws"))


def test_nothing_is_written_by_planning(planned, services, tmp_path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    planned()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not services.paths.jobs.exists()


def test_a_refused_plan_is_not_started(planned, services, tmp_path) -> None:
    make_workspace(tmp_path / "ws")
    with pytest.raises(RefusedError, match="exists already"):
        start(services, planned(), force=True)
    with pytest.raises(RefusedError, match="key/value heads"):
        start(services, planned(tp=4, destination=tmp_path / "other"))


def test_a_destination_that_appeared_meanwhile_is_refused(planned, services, tmp_path) -> None:
    found = planned()
    make_workspace(tmp_path / "ws")
    with pytest.raises(RefusedError, match="exists already"):
        start(services, found)


def test_of_many_that_start_it_at_once_one_does(planned, services, tmp_path) -> None:
    held = make_model(tmp_path / "held", wait_for=str(tmp_path / "go"))
    found = planned(model=held)

    def begin(_number: int) -> str:
        try:
            return start(Services(services.paths, services.environ), found, force=True).id
        except RefusedError:
            return ""

    with ThreadPoolExecutor(4) as many:
        started = [each for each in many.map(begin, range(4)) if each]
    (tmp_path / "go").touch()
    assert len(started) == 1
    assert wait(services.jobs, started[0], 20).exit_status == 0
