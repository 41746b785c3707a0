"""Every sentence that a person may read stands in the catalogue, whole and with its parameters."""

from __future__ import annotations

import ast
import gettext
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import emotui

PACKAGE = Path(emotui.__file__).resolve().parent
CATALOGUE = PACKAGE / "locale" / "zh_CN" / "LC_MESSAGES" / "emotui.po"


def error_names() -> set[str]:
    """`EmotuiError` and what derives from it: their first argument is a sentence."""
    bases = {
        node.name: {ast.unparse(base).split(".")[-1] for base in node.bases}
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    names = {"EmotuiError"}
    while more := {name for name, above in bases.items() if above & names} - names:
        names |= more
    return names


ERRORS = error_names()
KEYWORDS = {"_", "N_", "message", *ERRORS}

CLICK = {
    # What click 8.1 and 8.5 say to who uses a command, not to who writes one.
    "(dynamic)",
    "Aborted!",
    "Argument {name!r} takes {nargs} values.",
    "Choose from:\n\t{choices}",
    "Commands",
    "Could not open file {filename!r}: {message}",
    "Couldn't detect Bash version, shell completion is not supported.",
    "Did you mean {possibility}?",
    "Error: {message}",
    "Got unexpected extra argument ({args})",
    "Invalid value for {param_hint}: {message}",
    "Invalid value: {message}",
    "Missing argument",
    "Missing command.",
    "Missing option",
    "Missing parameter",
    "Missing parameter: {param_name}",
    "Missing {param_type}",
    "No such command {name!r}.",
    "No such option {name!r}.",
    "No such option: {name}",
    "Option {name!r} does not take a value.",
    "Option {name!r} requires an argument.",
    "Options",
    "Positional arguments",
    "Shell completion is not supported for Bash versions older than 4.4.",
    "Show this message and exit.",
    "Try '{command} {option}' for help.",
    "Usage:",
    "default: {default}",
    "deprecated",
    "directory",
    "env var: {var}",
    "file",
    "path",
    "required",
    "unknown error",
    "{name} '{filename}' is a directory.",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a directory.",
    "{name} {filename!r} is a file.",
    "{name} {filename!r} is not executable.",
    "{name} {filename!r} is not readable.",
    "{name} {filename!r} is not writable.",
    "{value!r} is not a valid boolean.",
    "{value!r} is not a valid boolean. Recognized values: {states}",
    "{value!r} is not a valid {number_type}.",
    "{value!r} is not {choice}.",
    "{value} is not in the range {range}.",
}


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    """What the sources say, and where."""
    found: dict[str, str] = {}
    # Scripts that other interpreters run speak to EmoTUI, not to people.
    for place, line, text, _comments, _context in extract_from_dir(
        str(PACKAGE), method_map=[("**.py", "python")], keywords=dict.fromkeys(KEYWORDS)
    ):
        assert isinstance(text, str)
        if text:
            found.setdefault(text, f"{place}:{line}")
    return found


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_CN")


def singular(id: str | tuple[str, ...] | list[str]) -> str:
    return id if isinstance(id, str) else id[0]


def translations(catalogue: Catalog) -> dict[str, str]:
    """English to Chinese; a plural by its singular, since Chinese has one form."""
    return {
        singular(entry.id): entry.string if isinstance(entry.string, str) else entry.string[0]
        for entry in catalogue
        if entry.id
    }


def fields(template: str) -> set[str]:
    return {name for _text, name, _spec, _kind in string.Formatter().parse(template) if name}


def listed(lines: Iterator[str] | list[str]) -> str:
    return "\n" + "\n".join(sorted(lines))


def test_every_sentence_is_translated(said: dict[str, str], catalogue: Catalog) -> None:
    known = translations(catalogue)
    missing = [f"{place}: {text!r}" for text, place in said.items() if not known.get(text)]
    missing += [f"click: {text!r}" for text in CLICK if not known.get(text)]

    assert not missing, "no Chinese for:" + listed(missing)


def test_no_translation_is_a_guess(catalogue: Catalog) -> None:
    fuzzy = [str(entry.id) for entry in catalogue if entry.id and entry.fuzzy]

    assert not fuzzy, "fuzzy:" + listed(fuzzy)


def test_no_translation_is_left_over(said: dict[str, str], catalogue: Catalog) -> None:
    left_over = [text for text in translations(catalogue) if text not in said and text not in CLICK]
    left_over += [str(entry) for entry in catalogue.obsolete]

    assert not left_over, "nothing says:" + listed(left_over)


def test_translations_have_the_parameters_of_their_sentence(catalogue: Catalog) -> None:
    wrong = []
    for entry in catalogue:
        if not entry.id:
            continue
        ids = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        texts = [entry.string] if isinstance(entry.string, str) else list(entry.string)
        allowed = [fields(text) for text in ids]
        wrong += [f"{ids[0]!r} -> {text!r}" for text in texts if fields(text) not in allowed]

    assert not wrong, "other parameters:" + listed(wrong)


def test_translations_keep_what_is_no_word(catalogue: Catalog) -> None:
    """Line breaks, code marks and links are the same on both sides."""
    wrong = [
        text
        for text, chinese in translations(catalogue).items()
        for mark in ("\n\n", "`", "](")
        if text.count(mark) != chinese.count(mark)
    ]

    assert not wrong, "other markup:" + listed(wrong)


def test_translations_use_chinese_punctuation(catalogue: Catalog) -> None:
    wrong = []
    for text, chinese in translations(catalogue).items():
        if text in CLICK:
            continue
        for ascii_mark in ",;?!":
            for at, char in enumerate(chinese[:-1]):
                if char == ascii_mark and is_chinese(chinese[at - 1]) and at > 0:
                    wrong.append(f"{chinese!r}: {ascii_mark} after {chinese[at - 1]}")

    assert not wrong, "half-width punctuation:" + listed(wrong)


def is_chinese(char: str) -> bool:
    return "\u4e00" <= char <= "\u9fff"


def test_the_compiled_catalogue_is_the_written_one(catalogue: Catalog) -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    written = translations(catalogue)
    other = [
        text
        for text, chinese in written.items()
        if chinese not in (compiled.gettext(text), compiled.ngettext(text, text, 1))
    ]
    assert not other, "compile the catalogue again; it differs for:" + listed(other)
    assert len({key if isinstance(key, str) else key[0] for key in compiled._catalog}) == (
        len(written) + 1  # the header
    )


def test_only_literals_are_marked_for_translation() -> None:
    """An f-string or a glued text is never found in a catalogue."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and called(node) in KEYWORDS and node.args):
                continue
            first = node.args[0]
            if isinstance(first, ast.JoinedStr | ast.BinOp) or is_formatted(first):
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")

    assert not wrong, "not a literal:" + listed(wrong)


def called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def is_formatted(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("format", "join")
    )


def test_errors_and_messages_get_every_parameter_of_their_sentence() -> None:
    """`message("{x}")` without `x=` would fail when it is shown, which may be never in a test."""
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or called(node) not in ("message", *ERRORS):
                continue
            if not (node.args and isinstance(node.args[0], ast.Constant)):
                continue
            if any(keyword.arg is None for keyword in node.keywords):
                continue  # **params
            given = {keyword.arg for keyword in node.keywords}
            if isinstance(node.args[0].value, str) and fields(node.args[0].value) != given:
                wrong.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.args[0].value!r}")

    assert not wrong, "parameters differ:" + listed(wrong)
