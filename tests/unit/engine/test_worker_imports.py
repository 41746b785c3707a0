"""The worker is another interpreter's program: Python 3.8, the standard library, its engine."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from emotui.engine.process import WORKER

ENGINES = {"accelerate", "lmdeploy", "torch", "transformers"}
MODULES = sorted(WORKER.glob("*.py"))


def imported(node: ast.AST) -> set[str]:
    """The first parts of the modules that an import statement names."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "a relative import needs a package"
        return {(node.module or "").split(".")[0]}
    return set()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_needs_only_what_every_installation_has(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    everywhere = set().union(*(imported(node) for node in ast.walk(tree)))
    at_the_top = set().union(*(imported(node) for node in tree.body))
    own = {name for name in everywhere if name.startswith("emotui_")}
    assert everywhere - own <= sys.stdlib_module_names | ENGINES
    assert at_the_top - own <= sys.stdlib_module_names, "an engine's library must load in `load`"


def test_no_module_shadows_one_of_the_installation() -> None:
    assert [
        path.name for path in MODULES if not path.name.startswith(("emotui_", "__main__"))
    ] == []
