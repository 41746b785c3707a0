"""A `config.ini` that is being looked at: its keys with their meaning, its changes, its findings.

Here meaning and file meet: what a user writes is judged by the schema and becomes the value
that the version in question reads.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from emotui.support.errors import EmotuiError, RefusedError, UsageError
from emotui.support.finding import Finding, Status
from emotui.support.language import Message
from emotui.workspace.edit import Edit
from emotui.workspace.era import Era
from emotui.workspace.history import Change
from emotui.workspace.ini import IniDocument, check_value
from emotui.workspace.meaning import meaning_of
from emotui.workspace.rules import about, check_config
from emotui.workspace.schema import Group, Key, era_of, keys
from emotui.workspace.subject import Subject
from emotui.workspace.values import range_of, written_form
from emotui.workspace.weights import WeightFiles, read_weights


@dataclass(frozen=True, slots=True)
class Row:
    """One key as it is shown: what stands in the file, what would be saved, what it means."""

    name: str
    key: Key | None
    """What is known of it; None for a key that no version knows."""
    value: str | None
    """With the pending change; None when the file has no such key."""
    saved: str | None
    """What stands in the file."""
    meaning: Message | None

    @property
    def is_changed(self) -> bool:
        """The value differs from the file's."""
        return self.value != self.saved

    @property
    def group(self) -> Group | None:
        """Whom the key belongs to; None for an unknown one."""
        return None if self.key is None else self.key.group


class OpenConfig:
    """A `config.ini` that is being looked at, with the changes that wait to be saved."""

    def __init__(self, path: Path, reader: Era | None = None) -> None:
        self.path = path
        self.edit = Edit(path)
        self.named_reader = reader
        """The version that the user named as the reader; None leaves it to the file's keys."""
        # What is asked again and again while the cursor moves, with what it was made of.
        self._written: tuple[IniDocument, Era] | None = None
        self._shown: tuple[tuple[IniDocument, IniDocument, Era], list[Row]] | None = None
        self._weights: WeightFiles | None = read_weights(path.parent)

    @property
    def writer(self) -> Era:
        """The versions that would write such a file."""
        original = self.edit.original
        if self._written is None or self._written[0] is not original:
            self._written = (original, era_of(original.values))
        return self._written[1]

    @property
    def reader(self) -> Era:
        """The versions that are taken to read it: the one that was named, else the writer's."""
        return self.named_reader or self.writer

    @property
    def is_changed(self) -> bool:
        """Changes wait to be saved."""
        return bool(self.edit.changes)

    def read_again(self) -> tuple[OpenConfig, list[EmotuiError]]:
        """Return what the file is now, with the pending changes, and why some were left out."""
        fresh = OpenConfig(self.path, self.named_reader)
        reasons = (fresh._repeat(change) for change in self.edit.changes)
        return fresh, [reason for reason in reasons if reason is not None]

    def _repeat(self, change: Change) -> EmotuiError | None:
        """Make a change again; return why it could not be made."""
        try:
            if change.new is not None:
                self.edit.set(change.key, change.new)
            elif change.key in self.edit.document.values:
                self.edit.unset(change.key)
        except EmotuiError as error:
            return error
        return None

    def rows(self) -> list[Row]:
        """Return the keys of the file, and those that these versions would read besides."""
        state = (self.edit.document, self.edit.original, self.reader)
        if self._shown is None or self._shown[0] != state:
            self._shown = (state, self._rows())
        return self._shown[1]

    def _rows(self) -> list[Row]:
        values, saved, reader = self.edit.document.values, self.edit.original.values, self.reader
        known = [
            key
            for key in keys().values()
            if key.name in values or key.name in saved or reader.within(key.written)
        ]
        rows = [
            Row(k.name, k, values.get(k.name), saved.get(k.name), meaning_of(k, values, reader))
            for k in known
        ]
        strange = [name for name in {**saved, **values} if name not in keys()]
        return rows + [Row(name, None, values.get(name), saved.get(name), None) for name in strange]

    def set(self, name: str, text: str, *, force: bool = False) -> None:
        """Change a key; `text` may name a meaning, such as `int8`.

        Raises `UsageError` for what is not allowed, and `RefusedError` for the shape of the
        model; `force` overrules both, but never what an INI file cannot hold.
        """
        self.edit.set(name, self.written(name, text, force=force))

    def written(self, name: str, text: str, *, force: bool = False) -> str:
        """Return what `set` would write; raises what it raises, and changes nothing."""
        value = _written(self, name, text, force=force)
        check_value(name, value, self.path)
        return value

    def unset(self, name: str, *, force: bool = False) -> None:
        """Remove a key, so that the engine's own default holds; raises as `set` does."""
        key = keys().get(name)
        if key is not None and not force:
            _must_be_tunable(key)
            if self.reader.within(key.required):
                raise RefusedError(
                    "{key} cannot be removed: LMDeploy {versions} does not start without it.",
                    key=name,
                    versions=self.reader.label,
                )
        self.edit.unset(name)

    def allowed(self, name: str) -> Message | None:
        """Return what may be written for a key, None for an unknown one."""
        key = keys().get(name)
        return None if key is None else range_of(key, self.reader)

    def new_warnings(self) -> list[Finding]:
        """Return the warnings and failures that the pending changes bring or change."""
        known = check_config(Subject(self.edit.original, self.reader, self.writer, self._weights))
        changed = {change.key for change in self.edit.changes}
        return [
            finding
            for finding in self.findings()
            if finding.status in (Status.WARNING, Status.FAILURE)
            and (about(finding) in changed or finding not in known)
        ]

    def findings(self) -> list[Finding]:
        """Return what the rules say about the values with their pending changes."""
        return check_config(Subject(self.edit.document, self.reader, self.writer, self._weights))


def _written(config: OpenConfig, name: str, text: str, *, force: bool) -> str:
    key = keys().get(name)
    if key is None:
        if force or name in config.edit.document.values:
            return text.strip()
        near = difflib.get_close_matches(name, keys(), n=1)
        if not near:
            raise UsageError("{key} is no key of config.ini; LMDeploy would ignore it.", key=name)
        raise UsageError(
            "{key} is no key of config.ini; did you mean {near}? LMDeploy would ignore it.",
            key=name,
            near=near[0],
        )
    try:
        if not force:
            _must_be_tunable(key)
            _must_be_read(key, config)
        return written_form(key, text, config.reader)
    except UsageError:
        if force:
            return text.strip()
        raise


def _must_be_tunable(key: Key) -> None:
    if key.group is Group.MODEL:
        raise RefusedError(
            "{key} ({meaning}) is not to be edited. {why} (--force does it all the same.)",
            key=key.name,
            meaning=Message(key.meaning),
            why=Message(key.explanation),
        )


def _must_be_read(key: Key, config: OpenConfig) -> None:
    if config.reader.within(key.written) is False and key.name not in config.edit.document.values:
        raise UsageError(
            "{key} is not read by LMDeploy {versions}; it would have no effect. "
            "(--force writes it all the same.)",
            key=key.name,
            versions=config.reader.label,
        )
