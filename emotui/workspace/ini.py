"""The bytes of an INI file, edited by splicing: what was not edited stays byte for byte.

LMDeploy reads `config.ini` with Python's ConfigParser (duplicate keys are errors, keys are
case-insensitive, inline comments are part of the value) and hands a regenerated text to inih in
C++ (lines of at most 199 bytes, ` ;` starts a comment, `%` cannot be regenerated). An edit must
satisfy both. Each one is proven: the file is parsed before and after, and unless exactly the
wanted key differs, the edit is refused. A document is immutable; edits return a new one.
"""

from __future__ import annotations

import codecs
import configparser
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from emotui.support.errors import BrokenFileError, RefusedError, UsageError

SECTION = "llama"
"""The one section that TurboMind reads, whatever the family of the model."""

MAX_VALUE_BYTES = 150
MAX_LINE_BYTES = 198
"""inih reads into 200 bytes, of which the newline and the final NUL take two."""

_BOM = codecs.BOM_UTF8.decode("utf-8")
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")
_HEADER = re.compile(r"\s*\[(?P<name>[^\]]+)\]")
_OPTION = re.compile(
    r"(?P<indent>\s*)(?P<key>[^\s=:\[#;](?:[^=:]*[^\s=:])?)(?P<delimiter>\s*[=:][ \t]*)"
    r"(?P<value>.*?)\s*"
)
_NEWLINE = re.compile(r"\r\n|\n|\r")
_KEY = re.compile(r"[a-z_][a-z0-9_]*")
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


class IniDocument:
    """The content of a `config.ini` and what LMDeploy would read from it.

    Raises `BrokenFileError`, naming `path` and the reason, when ConfigParser could not read it.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        self.content = content
        self.path = path
        self.text = _decode(content, path)
        self._sections = _parse(self.text, path)

    @property
    def has_bom(self) -> bool:
        """A byte order mark stands at the start; ConfigParser takes it for part of line 1."""
        return self.text.startswith(_BOM)

    @property
    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """Every section with its keys, as ConfigParser reads them."""
        return self._sections

    @property
    def values(self) -> Mapping[str, str]:
        """The keys of `[llama]`; empty when there is no such section."""
        return self._sections.get(SECTION, {})

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines that look like options, in every section."""
        return tuple(_option_lines(self.text))

    def set(self, key: str, value: str) -> IniDocument:
        """Return the document with `key` of `[llama]` set; a missing key is added at the end.

        Raises `UsageError` for a value that an INI line cannot hold, and `RefusedError` when
        the edit would change more than this key.
        """
        check_value(key, value, self.path)
        if not _KEY.fullmatch(key):
            raise UsageError("{key} is no name of a key in {path}.", key=key, path=self.path)
        self._need_section(key)
        wanted = {**self.values, key: value}
        if key not in self.values:
            return self._proven(self._with_line(key, value), wanted, key)
        line = self._line_of(key)
        text = self.text[: line.value_start] + value + self.text[line.value_end :]
        return self._proven(text, wanted, key)

    def unset(self, key: str) -> IniDocument:
        """Return the document without the line of `key`; raises `RefusedError`."""
        self._need_section(key)
        line = self._line_of(key)
        end = line.end + len(_newline_at(self.text, line.end))
        start = line.start
        if end == line.end:  # the last line, without a newline: the one before loses its own
            start -= len(_newline_before(self.text, start))
        wanted = {name: value for name, value in self.values.items() if name != key}
        return self._proven(self.text[:start] + self.text[end:], wanted, key)

    def _need_section(self, key: str) -> None:
        if SECTION not in self._sections:
            raise RefusedError(
                "{path} has no section [{section}], so {key} cannot be edited there; "
                "TurboMind would read nothing from it. Convert the model again.",
                path=self.path,
                section=SECTION,
                key=key,
            )

    def _line_of(self, key: str) -> Line:
        found = [line for line in self.lines if line.section == SECTION and line.key == key]
        if len(found) != 1:
            raise RefusedError(
                "{path}: {key} cannot be edited, because {count} lines look like it "
                "(continuation lines, perhaps). Nothing was changed; edit it by hand.",
                path=self.path,
                key=key,
                count=len(found),
            )
        return found[0]

    def _with_line(self, key: str, value: str) -> str:
        """Return the text with a line after the section's last option, written like that one."""
        ours = [line for line in self.lines if line.section == SECTION]
        if ours:
            last = ours[-1]
            indent, delimiter, place = last.indent, last.delimiter, last.last_end
            delimiter = delimiter if delimiter[-1:] in "=:" else delimiter.rstrip(" \t") + " "
        else:
            indent, delimiter, place = "", " = ", _header_end(self.text)
        newline = _newline_at(self.text, place) or _first_newline(self.text)
        return f"{self.text[:place]}{newline}{indent}{key}{delimiter}{value}{self.text[place:]}"

    def _proven(self, text: str, wanted: Mapping[str, str], key: str) -> IniDocument:
        try:
            edited = IniDocument(text.encode("utf-8"), self.path)
        except BrokenFileError:
            edited = None
        if edited is None or edited.sections != {**self._sections, SECTION: dict(wanted)}:
            raise RefusedError(
                "{path}: {key} was not edited, because the edit would have changed more than "
                "this key (a value over several lines, perhaps). Edit it by hand.",
                path=self.path,
                key=key,
            )
        return edited


def check_value(key: str, value: str, path: Path) -> None:
    """Refuse, with `UsageError`, a value that cannot stand on one line of an INI file."""
    if not value.isprintable() or value != value.strip():
        raise UsageError(
            "{path}: the value of {key} must be one line of printable text without blanks "
            "at its ends; {value} is not. Nothing was changed.",
            path=path,
            key=key,
            value=repr(value),
        )
    if re.search(r"(?:^|\s);|^#|%", value):
        raise UsageError(
            "{path}: the value of {key} would not survive in an INI file: TurboMind takes “;” "
            "for a comment and LMDeploy cannot write “%”. Leave such characters out of {value}.",
            path=path,
            key=key,
            value=value,
        )
    if len(value.encode("utf-8", "replace")) > MAX_VALUE_BYTES:
        raise UsageError(
            "{path}: the value of {key} is {size} bytes long; TurboMind's reader cuts lines, "
            "so at most {limit} bytes are written. Give a shorter value.",
            path=path,
            key=key,
            size=len(value.encode("utf-8", "replace")),
            limit=MAX_VALUE_BYTES,
        )


def _decode(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BrokenFileError(
            "{path} is not UTF-8 text (byte {position}), and LMDeploy could not read it either. "
            "It was left as it is; save it as UTF-8 in an editor.",
            path=path,
            position=error.start,
        ) from error


def _parse(text: str, path: Path) -> Sections:
    """Return what ConfigParser reads, without the byte order mark."""
    parser = configparser.RawConfigParser(strict=True, default_section=_NO_DEFAULTS)
    try:
        parser.read_file(io.StringIO(text.removeprefix(_BOM), newline=None))
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


def _physical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and content of each line, split where `open` splits them."""
    position = len(_BOM) if text.startswith(_BOM) else 0
    while position < len(text):
        match = _LINE.match(text, position)
        assert match is not None
        yield match.start(), match.end(1), match[1]
        position = match.end()


def _option_lines(text: str) -> list[Line]:
    """Return the options, told from headers and continuation lines as ConfigParser does it."""
    lines: list[Line] = []
    section, indent, in_option = "", 0, False
    for number, (start, end, content) in enumerate(_physical_lines(text), start=1):
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


def _newline_at(text: str, position: int) -> str:
    match = _NEWLINE.match(text, position)
    return match[0] if match else ""


def _newline_before(text: str, position: int) -> str:
    before = text[:position]
    return next((mark for mark in ("\r\n", "\n", "\r") if before.endswith(mark)), "")


def _first_newline(text: str) -> str:
    match = _NEWLINE.search(text)
    return match[0] if match else "\n"


def _header_end(text: str) -> int:
    """Return where the line of the section's header ends."""
    for _start, end, content in _physical_lines(text):
        match = _HEADER.match(content)
        if match and match["name"] == SECTION:
            return end
    return len(text)
