"""Every action of the app is also a command: both faces reach every operation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import emotui

PACKAGE = Path(emotui.__file__).resolve().parent
OPERATIONS = PACKAGE / "operations"

Name = tuple[str, str]
"""A module of operations/ and a function in it."""

ONE_FACE: dict[Name, str] = {
    ("services", "open_services"): "the command line builds them and hands them to the app",
    ("check", "read_gpus"): "live in the app; a report holds them on the command line",
    ("check", "choose"): "a command takes --python; the app asks and remembers",
    ("config", "check_value"): "while typing; the command line checks when it sets",
    ("config", "check_workspace"): "the app shows the findings of what it has open",
    ("config", "list_workspaces"): "a list to choose from; a command is given its path",
    ("config", "reload_config"): "a command reads the file anew each time",
    ("config", "set_values"): "one call for a command; the app collects changes and saves",
    ("config", "unset_values"): "one call for a command; the app collects changes and saves",
    ("convert", "plan"): "from options of a command; the form has convert_form.plan_form",
    ("convert_form", "plan_form"): "from values of the form; a command has convert.plan",
    ("convert_form", "prepare"): "what the form starts from; a command has its options",
    ("convert_form", "reason"): "what a field of the form says",
    ("jobs", "log_bytes"): "--raw; the app's view reads the file itself",
    ("jobs", "log_lines"): "a stream of lines; the app's view reads the file itself",
    ("jobs", "wait_for_job"): "a command blocks; the app looks on",
}
"""What only one face calls, each with its reason."""


def modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def public_functions() -> dict[Name, ast.AST]:
    return {
        (path.stem, node.name): node
        for path, tree in modules(OPERATIONS)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    }


def imported(tree: ast.Module, here: str | None = None) -> dict[str, Name | str]:
    """Local names for functions (module, name) and modules (module) of operations/."""
    names: dict[str, Name | str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for alias in node.names:
            local = alias.asname or alias.name
            if node.module == "emotui.operations":
                names[local] = alias.name
            elif node.module.startswith("emotui.operations."):
                names[local] = (node.module.rsplit(".", 1)[1], alias.name)
    if here is not None:
        names |= {
            node.name: (here, node.name)
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
    return names


def used(node: ast.AST, names: dict[str, Name | str]) -> set[Name]:
    """The functions of operations/ that `node` mentions; a parameter may bear the name of one."""
    mentioned: set[Name] = set()
    if isinstance(node, ast.FunctionDef):
        given = {part.arg for part in ast.walk(node.args) if isinstance(part, ast.arg)}
        names = {name: known for name, known in names.items() if name not in given}
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(known := names.get(part.id), tuple):
            mentioned.add(known)
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            module = names.get(part.value.id)
            if isinstance(module, str):
                mentioned.add((module, part.attr))
    return mentioned


def reached_from(face: str) -> set[Name]:
    """What a face calls, directly or through other operations."""
    inside = {}
    for path, tree in modules(OPERATIONS):
        names = imported(tree, path.stem)
        for node in tree.body:
            name = getattr(node, "name", "")
            inside[(path.stem, name)] = used(node, names) | inside.get((path.stem, name), set())
    waiting = set().union(*(used(tree, imported(tree)) for _path, tree in modules(PACKAGE / face)))
    reached: set[Name] = set()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= inside.get(name, set()) - reached
    return reached


def test_both_faces_reach_every_operation() -> None:
    faces = {face: reached_from(face) for face in ("cli", "app")}
    one_sided = {
        name: [face for face, reached in faces.items() if name in reached]
        for name in public_functions()
        if any(name not in reached for reached in faces.values())
    }

    unknown = {".".join(name): by for name, by in one_sided.items() if name not in ONE_FACE}
    assert not unknown, f"called from one face only, or from none: {unknown}"
    assert set(ONE_FACE) <= set(one_sided), "called from both meanwhile; take it off the list"
