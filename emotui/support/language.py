"""The language that users read: gettext catalogues, and sentences that wait for translation.

English is the source and the key. `_` translates now; `N_` only marks a literal for
extraction; `Message` holds a template with its parameters and becomes text when it is shown,
so that everything follows a switch of language while the app runs. One language is active in
a process; the faces choose it.
"""

from __future__ import annotations

import gettext
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emotui.support.text import clean

LOCALE_FOLDER = Path(__file__).resolve().parents[1] / "locale"
DOMAIN = "emotui"
LANGUAGES: Mapping[str, str] = {"en": "English", "zh_CN": "简体中文"}
"""Language codes and their names in themselves."""

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(slots=True)
class _Active:
    code: str = "en"
    translations: gettext.NullTranslations = field(default_factory=gettext.NullTranslations)


_active = _Active()


def N_(template: str) -> str:  # noqa: N802 (the conventional name for gettext's no-op)
    """Mark a literal for translation and return it as it is."""
    return template


def _(template: str) -> str:
    """Return `template` in the active language."""
    return _active.translations.gettext(template) if template else ""


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence for a person: an English template and what fills its named fields."""

    template: str
    params: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        text = _(self.template)
        if not self.params:
            return text
        return text.format(**{name: clean(_shown(value)) for name, value in self.params.items()})


def _shown(value: object) -> str:
    """Return a parameter as text; an error of the system without its number."""
    if isinstance(value, OSError) and value.strerror:
        place = value.filename
        return value.strerror if place is None else f"{value.strerror}: {os.fsdecode(place)}"
    return str(value)


def message(template: str, /, **params: object) -> Message:
    """Return a sentence that is translated when it is shown."""
    return Message(template, params)


def raw(text: str) -> Message:
    """Return text that needs no translation (a path, a version) as a `Message`."""
    return Message("{text}", {"text": text})


def language_code() -> str:
    """Return the code of the active language, a key of `LANGUAGES`."""
    return _active.code


def set_language(code: str) -> None:
    """Make `code` the active language; an unknown code means English."""
    code = code if code in LANGUAGES else "en"
    _active.code = code
    _active.translations = (
        gettext.NullTranslations()
        if code == "en"
        else gettext.translation(DOMAIN, LOCALE_FOLDER, [code], fallback=True)
    )


def detect_language(environ: Mapping[str, str] = os.environ, wanted: Iterable[str] = ()) -> str:
    """Return the language to start in: the first known of `wanted`, else the environment's.

    The variables are looked at in gettext's order (LANGUAGE, LC_ALL, LC_MESSAGES, LANG); the
    first that is set decides, and any Chinese locale means Simplified Chinese.
    """
    for code in wanted:
        if code in LANGUAGES:
            return code
    for name in _VARIABLES:
        value = environ.get(name, "")
        if value:
            return "zh_CN" if value.split(":")[0].lower().startswith("zh") else "en"
    return "en"
