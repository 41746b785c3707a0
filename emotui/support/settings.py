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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tomlkit
import tomlkit.exceptions

from emotui.support.errors import BrokenFileError
from emotui.support.files import make_private_folder, write_atomic
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
        self._broken = False
        self.reload()

    def reload(self) -> None:
        """Read the file again; a missing one means defaults."""
        self.problems = []
        self._values = {}
        self._broken = False
        try:
            document = tomllib.loads(self.path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self._broken = True
            self.problems.append(_unreadable(self.path, error))
            return
        self._take(document)

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
        it is, since writing would lose what the user meant; and `OSError`.
        """
        setting = SETTINGS[name]
        document = self._document()
        table = document.get(setting.table)
        if not isinstance(table, tomlkit.items.Table):
            table = tomlkit.table()
            document[setting.table] = table
        if value is None:
            table.pop(setting.key, None)
        else:
            table[setting.key] = value
        make_private_folder(self.path.parent)
        write_atomic(self.path, tomlkit.dumps(document).encode("utf-8"))
        self.reload()

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            return tomlkit.parse(self.path.read_bytes().decode("utf-8"))
        except FileNotFoundError:
            return tomlkit.document()
        except (OSError, UnicodeDecodeError, tomlkit.exceptions.TOMLKitError) as error:
            problem = _unreadable(self.path, error)
            raise BrokenFileError(problem.template, **problem.params) from error

    def _take(self, document: Mapping[str, object]) -> None:
        for table, content in document.items():
            if not isinstance(content, Mapping):
                self._unknown(table)
                continue
            for key, value in content.items():
                self._take_one(f"{table}.{key}", value)

    def _take_one(self, name: str, value: object) -> None:
        setting = SETTINGS.get(name)
        if setting is None:
            self._unknown(name)
        elif setting.kind is str and isinstance(value, str):
            if setting.allowed and value not in setting.allowed:
                self._wrong(name, value, ", ".join(setting.allowed))
            else:
                self._values[name] = value
        elif (
            setting.kind is list
            and isinstance(value, list)
            and all(isinstance(item, str) for item in value)
        ):
            self._values[name] = value
        else:
            kind = N_("text in quotes") if setting.kind is str else N_("a list of texts")
            self._wrong(name, value, message(kind))

    def _unknown(self, name: str) -> None:
        near = difflib.get_close_matches(name, SETTINGS, n=1)
        if near:
            self.problems.append(
                message(
                    "{path}: unknown setting {name}; did you mean {near}? It was ignored.",
                    path=self.path,
                    name=name,
                    near=near[0],
                )
            )
        else:
            self.problems.append(
                message(
                    "{path}: unknown setting {name}; it was ignored. Known: {known}.",
                    path=self.path,
                    name=name,
                    known=", ".join(SETTINGS),
                )
            )

    def _wrong(self, name: str, value: object, allowed: object) -> None:
        self.problems.append(
            message(
                "{path}: {name} is {value}, but must be: {allowed}. The default is used.",
                path=self.path,
                name=name,
                value=repr(value),
                allowed=allowed,
            )
        )


def _unreadable(path: Path, error: Exception) -> Message:
    return message(
        "{path} cannot be read: {error}. It was left as it is, and defaults are used; "
        "correct the file or move it away.",
        path=path,
        error=error,
    )
