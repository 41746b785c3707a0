"""The rules of the house that a machine can see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import emotui

PACKAGE = Path(emotui.__file__).resolve().parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
MOST_METHODS = 25

MARKUP_TAKERS = ("Static", "Label")
"""Widgets that read markup in a plain text."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in a file, by the last part of what is called."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield function.attr, node
            elif isinstance(function, ast.Name):
                yield function.id, node


def keyword(call: ast.Call, name: str) -> object:
    for given in call.keywords:
        if given.arg == name and isinstance(given.value, ast.Constant):
            return given.value.value
    return None


def found(wanted: Iterator[str]) -> str:
    return "\n".join(wanted)


def test_no_file_ate_the_project() -> None:
    long = [
        f"{name_of(p)}: {n}" for p in FILES if (n := len(p.read_text().splitlines())) > LONGEST_FILE
    ]

    assert not long, found(iter(long))


def test_no_class_has_become_two_things() -> None:
    large = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [
                    m for m in node.body if isinstance(m, ast.FunctionDef | ast.AsyncFunctionDef)
                ]
                if len(methods) > MOST_METHODS:
                    large.append(f"{name_of(path)} {node.name}: {len(methods)} methods")

    assert not large, found(iter(large))


def test_no_function_is_longer_than_a_screen() -> None:
    long = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long.append(f"{name_of(path)}:{node.lineno} {node.name}: {lines} lines")

    assert not long, found(iter(long))


def test_every_module_says_what_it_owns() -> None:
    silent = [
        name_of(path)
        for path in FILES
        if ast.get_docstring(ast.parse(path.read_text("utf-8"))) is None
    ]

    assert not silent, found(iter(silent))


def test_notices_read_no_markup() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno}"
        for path in FILES
        for name, call in calls(path)
        if name == "notify" and keyword(call, "markup") is not False
    ]

    assert not wrong, found(iter(wrong))


def test_text_widgets_read_no_markup() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno} {name}"
        for path in FILES
        for name, call in calls(path)
        if name in MARKUP_TAKERS
        and name_of(path).startswith("app/")
        and name_of(path) != "app/widgets/plain.py"
    ]

    assert not wrong, found(iter(wrong))


def test_no_text_is_parsed_as_markup() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno} {name}"
        for path in FILES
        for name, call in calls(path)
        if name in ("from_markup", "from_ansi", "render_markup")
    ]

    assert not wrong, found(iter(wrong))


def workers_started(tree: ast.AST) -> Iterator[ast.Call]:
    """Every `@work(…)` and `run_worker(…)`."""
    for node in ast.walk(tree):
        for call in [node, *getattr(node, "decorator_list", [])]:
            if isinstance(call, ast.Call):
                last = ast.unparse(call.func).split(".")[-1]
                if last == "run_worker" or (last == "work" and call is not node):
                    yield call


def test_workers_are_named_and_do_not_end_the_app() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno}"
        for path in FILES
        for call in workers_started(ast.parse(path.read_text("utf-8")))
        if keyword(call, "exit_on_error") is not False
        or not any(given.arg == "group" for given in call.keywords)
    ]

    assert not wrong, found(iter(wrong))


def test_no_shell_is_asked() -> None:
    wrong = []
    for path in FILES:
        for name, call in calls(path):
            asked = ast.unparse(call.func)
            if keyword(call, "shell") not in (None, False) or asked in (
                "os.system",
                "os.popen",
                "subprocess.getoutput",
                "subprocess.getstatusoutput",
                "asyncio.create_subprocess_shell",
            ):
                wrong.append(f"{name_of(path)}:{call.lineno} {name}")

    assert not wrong, found(iter(wrong))


def test_nothing_is_unpickled_or_evaluated() -> None:
    wrong = [
        f"{name_of(path)}:{call.lineno} {ast.unparse(call.func)}"
        for path in FILES
        for _name, call in calls(path)
        if ast.unparse(call.func) in ("eval", "exec", "pickle.load", "pickle.loads", "torch.load")
    ]

    assert not wrong, found(iter(wrong))


def test_the_core_prints_nothing_and_asks_nothing() -> None:
    guests = ("engine/worker/", "lmdeploy/child/", "cli/", "__main__.py")
    wrong = [
        f"{name_of(path)}:{call.lineno} {name}"
        for path in FILES
        if not name_of(path).startswith(guests)
        for name, call in calls(path)
        if isinstance(call.func, ast.Name) and name in ("print", "input")
    ]

    assert not wrong, found(iter(wrong))


STYLES = sorted((PACKAGE / "app" / "styles").glob("*.tcss"))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.stem)
def test_styles_name_no_colour_of_their_own(path: Path) -> None:
    text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
    literal = re.findall(r":[^;{}]*(#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\()[^;{}]*;", text)

    assert literal == []


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.stem)
def test_styles_draw_no_emoji(path: Path) -> None:
    assert not re.search("[\U0001f000-\U0001faff\ufe0f]", path.read_text("utf-8"))


def test_no_text_has_an_emoji() -> None:
    wrong = [
        name_of(path)
        for path in FILES
        if re.search("[\U0001f000-\U0001faff\ufe0f\u200d]", path.read_text("utf-8"))
    ]

    assert not wrong, found(iter(wrong))
