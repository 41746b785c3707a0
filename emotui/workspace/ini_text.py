"""Reading an INI file as LMDeploy does, and finding the places of its options in the text.

`parse` is ConfigParser itself; `option_lines` follows its rules line by line, so that an edit
finds the bytes that ConfigParser read. Positions count characters of the decoded text, which
keeps every newline and the byte order mark as they are.
"""

from __future__ import annotations

import codecs
import configparser
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emotui.support.errors import BrokenFileError

BOM = codecs.BOM_UTF8.decode("utf-8")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_HEADER = re.compile(r"\s*\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(
    r"(?P<indent>\s*)(?P<key>[^\s=:\[#;](?:[^=:]*[^\s=:])?)(?P<delimiter>\s*[=:][ \t]*)"
    r"(?P<value>.*?)\s*"
)
_NO_DEFAULTS = "\0"
"""A name that no section can have: LMDeploy does not see what [DEFAULT] says."""

Sections = dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line that looks like `key = value`; positions count characters of the text."""

    section: str
    key: str
    """In lower case, as ConfigParser keeps it."""
    value: str
    number: int
    """The line's number in the file, from 1."""
    start: int
    end: int
    """Where the line ends, before its newline."""
    last_end: int
    """Where the last line ends that continues its value; `end` when there is none."""
    value_start: int
    value_end: int
    indent: str
    delimiter: str
    """What stands between key and value, with the blanks around it."""


def decode(content: bytes, path: Path) -> str:
    """Return the text of a file; raises `BrokenFileError` when it is not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            "{path} is not UTF-8 text (byte {position}), and LMDeploy could not read it either. "
            "It was left as it is; save it as UTF-8 in an editor.",
            path=path,
            position=error.start,
        ) from error


def parse(text: str, path: Path) -> Sections:
    """Return what ConfigParser reads, without the byte order mark; raises `BrokenFileError`."""
    parser = configparser.RawConfigParser(strict=True, default_section=_NO_DEFAULTS)
    try:
        parser.read_file(io.StringIO(text.removeprefix(BOM), newline=None))
    except configparser.DuplicateOptionError as error:
        raise BrokenFileError(
            "{path}, line {line}: {key} stands there a second time, and LMDeploy refuses such a "
            "file. It was left as it is; delete one of the two lines in an editor.",
            path=path,
            line=error.lineno,
            key=error.option,
        ) from error
    except configparser.DuplicateSectionError as error:
        raise BrokenFileError(
            "{path}, line {line}: the section [{section}] begins a second time, and LMDeploy "
            "refuses such a file. It was left as it is; join the two in an editor.",
            path=path,
            line=error.lineno,
            section=error.section,
        ) from error
    except configparser.MissingSectionHeaderError as error:
        raise BrokenFileError(
            "{path}, line {line}: a line stands before the first [section], and LMDeploy "
            "refuses such a file. It was left as it is; correct it in an editor.",
            path=path,
            line=error.lineno,
        ) from error
    except (configparser.Error, AttributeError) as error:
        # Python before 3.13 answers a continuation line under a key without value so.
        raise BrokenFileError(
            "{path} cannot be read as an INI file, and LMDeploy could not read it either: "
            "{error}. It was left as it is; correct it in an editor.",
            path=path,
            error=" ".join(str(error).split()),
        ) from error
    return {name: dict(parser.items(name)) for name in parser.sections()}


def physical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and content of each line, split where `open` splits them."""
    position = len(BOM) if text.startswith(BOM) else 0
    while position < len(text):
        match = _LINE.match(text, position)
        assert match is not None
        yield match.start(), match.end(1), match[1]
        position = match.end()


def option_lines(text: str) -> list[Line]:
    """Return the options, told from headers and continuation lines as ConfigParser does it."""
    lines: list[Line] = []
    section, indent, in_option = "", 0, False
    for number, (start, end, content) in enumerate(physical_lines(text), start=1):
        stripped = content.strip()
        if not stripped or stripped[0] in "#;":
            continue
        depth = len(content) - len(content.lstrip())
        if in_option and depth > indent:
            lines[-1] = replace(lines[-1], last_end=end)
            continue
        indent = depth
        header = _HEADER.match(content)
        match = None if header else _OPTION.fullmatch(content)
        if header:
            section = header["name"]
        elif match:
            lines.append(_line(match, section, number, start, end))
        in_option = match is not None
    return lines


def _line(match: re.Match[str], section: str, number: int, start: int, end: int) -> Line:
    return Line(
        section=section,
        key=match["key"].lower(),
        value=match["value"],
        number=number,
        start=start,
        end=end,
        last_end=end,
        value_start=start + match.start("value"),
        value_end=start + match.end("value"),
        indent=match["indent"],
        delimiter=match["delimiter"],
    )


def header_end(text: str, section: str) -> int:
    """Return where the line of the header of `section` ends."""
    for _start, end, content in physical_lines(text):
        match = _HEADER.match(content)
        if match and match["name"] == section:
            return end
    return len(text)
