"""A command's options, asked of an installation, and the argv made of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from doubles.lmdeploy_double import make_lmdeploy

from emotui.lmdeploy.commands import arguments, convert_argv, entry
from emotui.lmdeploy.installation import Installation
from emotui.lmdeploy.options import CommandOptions, ask_options
from emotui.support.errors import NotFoundError, ProcessError, UsageError


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_lmdeploy(tmp_path_factory.mktemp("double") / "lm")


def installed(python: Path, version: str | None = "0.2.4") -> Installation:
    site = next(python.parents[1].glob("lib/python3*/site-packages"))
    return Installation(python, python.parents[1], "3.11.0", version, site_packages=site)


@pytest.fixture
def options(python: Path, tmp_path: Path) -> CommandOptions:
    return ask_options(installed(python), "convert", {}, tmp_path)


def test_the_options_are_those_of_the_installation(options: CommandOptions) -> None:
    tp = options.get("tp")
    assert tp is not None
    assert (tp.flags, tp.kind, tp.default, tp.required) == (("--tp",), "integer", 1, False)
    form = options.get("model_format")
    assert form is not None
    assert (form.kind, form.choices, form.default) == ("choice", ("hf", "llama", "awq"), None)
    code = options.get("trust_remote_code")
    assert code is not None
    assert (code.kind, code.default) == ("switch", False)
    name = options.get("model_name")
    assert name is not None
    assert name.positional
    assert name.required


def test_ours_come_first_and_in_our_order(options: CommandOptions) -> None:
    basic = [option.dest for option in options.options if not option.advanced]
    assert basic == ["model_path", "dst_path", "model_name", "model_format", "group_size", "tp"]


def test_an_option_that_we_do_not_know_keeps_lmdeploys_help(options: CommandOptions) -> None:
    new = options.get("new_thing")
    assert new is not None
    assert new.advanced
    assert new.label is None
    assert (new.kind, new.default, new.help) == ("number", 0.5, "Not known yet [x].")


def test_the_chat_templates_are_known_by_what_they_do(options: CommandOptions) -> None:
    assert options.templates["llama2"] is True
    assert options.templates["llama"] is False
    assert options.templates["odd"] is None


def test_an_answer_is_kept_until_the_package_changes(python: Path, tmp_path: Path) -> None:
    first = ask_options(installed(python), "convert", {}, tmp_path)
    mute = installed(python)
    silent = tmp_path / "silent"
    silent.write_text("#!/bin/sh\nexit 1\n")
    assert ask_options(mute, "convert", {}, tmp_path) == first
    cli = mute.site_packages / "lmdeploy" / "cli" / "cli.py"
    text = cli.read_text()
    try:
        cli.write_text(text.replace("--new-thing", "--newer-thing"))
        assert ask_options(mute, "convert", {}, tmp_path).get("newer_thing") is not None
    finally:
        cli.write_text(text)


def test_a_command_that_the_version_lacks_is_not_found(python: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no command quantify"):
        ask_options(installed(python), "quantify", {}, tmp_path)


def test_an_interpreter_without_lmdeploy_has_no_options(python: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="has no LMDeploy"):
        ask_options(installed(python, None), "convert", {}, tmp_path)


def test_a_broken_package_is_reported_with_its_own_words(tmp_path: Path) -> None:
    python = make_lmdeploy(tmp_path / "lm")
    package = installed(python).site_packages / "lmdeploy"
    (package / "cli" / "cli.py").write_text("raise ImportError('libcurand.so.10: \\x1b[31mgone')")
    with pytest.raises(ProcessError, match=r"ImportError: libcurand.so.10: gone"):
        ask_options(installed(python), "convert", {}, tmp_path / "cache")


# -- argv ------------------------------------------------------------------------------------


def test_the_command_is_written_in_lmdeploys_order(python: Path, options: CommandOptions) -> None:
    values = {"tp": 2, "dst_path": "/data/ws", "model_path": "/data/m", "model_name": "llama2"}
    assert convert_argv(installed(python), options, values) == [
        str(python),
        "-m",
        "lmdeploy",
        "convert",
        "llama2",
        "/data/m",
        "--tp",
        "2",
        "--dst-path",
        "/data/ws",
    ]


def test_defaults_and_empty_values_are_not_written(python: Path, options: CommandOptions) -> None:
    values = {
        "model_name": "llama2",
        "model_path": "/m",
        "tp": "1",
        "group_size": 0,
        "quant_path": "",
        "trust_remote_code": False,
        "new_thing": 0.5,
    }
    assert arguments(installed(python), options, values) == ["llama2", "/m"]


def test_a_switch_is_written_alone(python: Path, options: CommandOptions) -> None:
    values = {"model_name": "llama2", "model_path": "/m", "trust_remote_code": True}
    assert arguments(installed(python), options, values)[-1] == "--trust-remote-code"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"model_format": "gguf"}, "Allowed: hf, llama, awq"),
        ({"tp": "two"}, "must be a whole number"),
        ({"new_thing": "much"}, "must be a number"),
        ({"no_such": 1}, "has no option --no-such"),
    ],
)
def test_a_value_that_the_parser_would_not_take_is_refused(
    python: Path, options: CommandOptions, value: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        arguments(installed(python), options, {"model_name": "a", "model_path": "b", **value})


def test_a_missing_positional_is_named(python: Path, options: CommandOptions) -> None:
    with pytest.raises(UsageError, match="model_name"):
        arguments(installed(python), options, {"model_path": "/m"})


def test_old_versions_are_started_by_their_script(tmp_path: Path) -> None:
    python = make_lmdeploy(tmp_path / "lm", "0.1.0")
    assert entry(installed(python, "0.1.0"))[1] == "-c"
    script = python.parent / "lmdeploy"
    script.write_text("")
    assert entry(installed(python, "0.1.0")) == [str(script)]
