"""The bytes of an INI file, edited by splicing: what was not edited stays byte for byte.

LMDeploy reads `config.ini` with Python's ConfigParser (duplicate keys are errors, keys are
case-insensitive, inline comments are part of the value) and hands a regenerated text to inih in
C++ (lines of at most 199 bytes, ` ;` starts a comment, `%` cannot be regenerated). An edit must
satisfy both. Each one is proven: the file is parsed before and after, and unless exactly the
wanted key differs, the edit is refused. A document is immutable; edits return a new one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from emotui.support.errors import BrokenFileError, RefusedError, UsageError
from emotui.workspace.ini_text import BOM, Line, decode, header_end, option_lines, parse

SECTION = "llama"
"""The one section that TurboMind reads, whatever the family of the model."""

MAX_VALUE_BYTES = 150
MAX_LINE_BYTES = 198
"""inih reads into 200 bytes, of which the newline and the final NUL take two."""

_NEWLINE = re.compile(r"\r\n|\n|\r")
_KEY = re.compile(r"[a-z_][a-z0-9_]*")


class IniDocument:
    """The content of a `config.ini` and what LMDeploy would read from it.

    Raises `BrokenFileError`, naming `path` and the reason, when ConfigParser could not read it.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        self.content = content
        self.path = path
        self.text = decode(content, path)
        self._sections = parse(self.text, path)

    @property
    def has_bom(self) -> bool:
        """A byte order mark stands at the start; ConfigParser takes it for part of line 1."""
        return self.text.startswith(BOM)

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
        return tuple(option_lines(self.text))

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
            indent, delimiter, place = "", " = ", header_end(self.text, SECTION)
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


def _newline_at(text: str, position: int) -> str:
    match = _NEWLINE.match(text, position)
    return match[0] if match else ""


def _newline_before(text: str, position: int) -> str:
    before = text[:position]
    return next((mark for mark in ("\r\n", "\n", "\r") if before.endswith(mark)), "")


def _first_newline(text: str) -> str:
    match = _NEWLINE.search(text)
    return match[0] if match else "\n"
