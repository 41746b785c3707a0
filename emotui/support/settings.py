"""The user's settings: `config.toml`, read with tomllib and written with tomlkit.

    [app]       language = "zh_CN"      theme = "emo-dark"
    [lmdeploy]  python = "/opt/venv"    interpreters = ["/data/venvs"]
    [models]    folders = ["/data/models"]

A file that cannot be read, or a value of the wrong kind, is reported and the default is used;
a broken file is never written over. Writing changes only the keys that were set: comments and
order stay as the user left them.
"""

from __future__ import annotations

import difflib
import sys
import threading
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from emotui.support.errors import BrokenFileError, UsageError
from emotui.support.files import PRIVATE_FILE, make_private_folder, write_atomic
from emotui.support.language import LANGUAGES, N_, Message, message

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Value = str | list[str] | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the file: where it stands, its kind and what it is for."""

    table: str
    key: str
    kind: type
    meaning: str
    allowed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The dotted name, as users write it."""
        return f"{self.table}.{self.key}"


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("app", "language", str, N_("language of the texts"), tuple(LANGUAGES)),
        Setting("app", "theme", str, N_("name of the theme")),
        Setting("lmdeploy", "python", str, N_("interpreter (or environment) to use by default")),
        Setting("lmdeploy", "interpreters", list, N_("interpreters and folders to look in")),
        Setting("models", "folders", list, N_("folders that hold models and workspaces")),
    )
}


class Settings:
    """The settings as they were last read, and the problems that reading them met."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[Message] = []
        self._values: dict[str, Value] = {}
        self._writing = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Read the file again; a missing one means defaults."""
        values: dict[str, Value] = {}
        problems: list[Message] = []
        try:
            document = tomllib.loads(self.path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            pass
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            problems.append(_unreadable(self.path, error))
        else:
            values, problems = read_settings(self.path, document)
        # At once, since another thread may be reading.
        self._values, self.problems = values, problems

    def text(self, name: str) -> str | None:
        """Return the text setting `name`, None when it is not set."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def texts(self, name: str) -> list[str]:
        """Return the list setting `name`, empty when it is not set."""
        value = self._values.get(name)
        return list(value) if isinstance(value, list) else []

    def set(self, name: str, value: Value) -> None:
        """Store one setting, None removing it, and write the file.

        Raises `BrokenFileError` when the file on disk cannot be read as TOML: it is left as
        it is, since writing would lose what the user meant; `UsageError` for text that TOML
        cannot hold; and `OSError`.
        """
        _must_be_text(self.path, name, value)
        with self._writing:
            before = self._text()
            content = _changed(self.path, before, SETTINGS[name], value)
            make_private_folder(self.path.parent)
            mode = self.path.stat().st_mode & 0o777 if self.path.exists() else PRIVATE_FILE
            write_atomic(self.path, content.encode("utf-8"), mode=mode)
            self.reload()

    def _text(self) -> str:
        try:
            return self.path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise _broken(_unreadable(self.path, error)) from error


def _must_be_text(path: Path, name: str, value: Value) -> None:
    for text in value if isinstance(value, list) else [value or ""]:
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise UsageError(
                "{path} holds UTF-8 text only, so {name} cannot be {value}. Rename it, or make a "
                "link to it with another name.",
                path=path,
                name=name,
                value=text,
            )


def _changed(path: Path, text: str, setting: Setting, value: Value) -> str:
    """Return `text` with one setting changed and nothing else."""
    # Imported on use: reading, which every start does, needs no tomlkit.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        wanted = tomllib.loads(text)
        document = tomlkit.parse(text)
        table = document.setdefault(setting.table, tomlkit.table())
        if not isinstance(table, MutableMapping):
            raise _broken(_wrong(path, setting.table, table, f"[{setting.table}]"))
        keys = wanted.setdefault(setting.table, {})
        for change in (table, keys):
            change.pop(setting.key, None) if value is None else change.update({setting.key: value})
        changed = tomlkit.dumps(document)
        proof = tomllib.loads(changed)
    except (TOMLKitError, tomllib.TOMLDecodeError) as error:
        raise _broken(_unreadable(path, error)) from error
    if proof != wanted:
        raise BrokenFileError(
            "{path} cannot be changed without losing something; it was left as it is. "
            "Set {name} there by hand.",
            path=path,
            name=setting.name,
        )
    return changed


def read_settings(
    path: Path, document: Mapping[str, object]
) -> tuple[dict[str, Value], list[Message]]:
    """Return the settings in `document`, the content of `path`, and what is wrong with it."""
    values: dict[str, Value] = {}
    problems: list[Message] = []
    for table, content in document.items():
        if not isinstance(content, Mapping):
            problems.append(_unknown(path, table))
            continue
        for key, value in content.items():
            name = f"{table}.{key}"
            problem = _problem(path, name, value)
            if problem is None:
                values[name] = value
            else:
                problems.append(problem)
    return values, problems


def _problem(path: Path, name: str, value: object) -> Message | None:
    setting = SETTINGS.get(name)
    if setting is None:
        return _unknown(path, name)
    if setting.kind is str:
        if not isinstance(value, str):
            return _wrong(path, name, value, message("text in quotes"))
        if setting.allowed and value not in setting.allowed:
            return _wrong(path, name, value, ", ".join(setting.allowed))
    elif not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return _wrong(path, name, value, message("a list of texts"))
    return None


def _unknown(path: Path, name: str) -> Message:
    near = difflib.get_close_matches(name, SETTINGS, n=1)
    if near:
        return message(
            "{path}: unknown setting {name}; did you mean {near}? It was ignored.",
            path=path,
            name=name,
            near=near[0],
        )
    return message(
        "{path}: unknown setting {name}; it was ignored. Known: {known}.",
        path=path,
        name=name,
        known=", ".join(SETTINGS),
    )


def _wrong(path: Path, name: str, value: object, allowed: object) -> Message:
    return message(
        "{path}: {name} is {value}, but must be: {allowed}. The default is used.",
        path=path,
        name=name,
        value=repr(value),
        allowed=allowed,
    )


def _broken(problem: Message) -> BrokenFileError:
    return BrokenFileError(problem.template, **problem.params)


def _unreadable(path: Path, error: Exception) -> Message:
    return message(
        "{path} cannot be read: {error}. It was left as it is, and defaults are used; "
        "correct the file or move it away.",
        path=path,
        error=(isinstance(error, OSError) and error.strerror) or error,
    )
