"""Which language is spoken, and sentences that follow a switch."""

from __future__ import annotations

from pathlib import Path

import pytest

from emotui.support import language
from emotui.support.errors import EmotuiError, UsageError
from emotui.support.language import (
    LANGUAGES,
    Message,
    _,
    detect_language,
    language_code,
    message,
    raw,
    set_language,
)


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANG": "zh_TW.UTF-8"}, "zh_CN"),
        ({"LANG": "zh"}, "zh_CN"),
        ({"LANG": "ZH_HK.big5"}, "zh_CN"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LC_MESSAGES": "en_US", "LC_ALL": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "zh_CN:en", "LC_ALL": "en_US.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "", "LC_ALL": "", "LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
    ],
)
def test_the_first_variable_that_is_set_decides(environ: dict[str, str], code: str) -> None:
    assert detect_language(environ) == code


def test_the_setting_beats_the_environment() -> None:
    assert detect_language({"LANG": "zh_CN.UTF-8"}, ["en"]) == "en"


def test_a_setting_that_is_no_language_is_passed_over() -> None:
    assert detect_language({"LANG": "zh_CN.UTF-8"}, ["fr"]) == "zh_CN"


def test_an_unknown_code_means_english() -> None:
    set_language("xx")

    assert language_code() == "en"


def test_every_language_but_english_has_a_catalogue() -> None:
    for code in LANGUAGES:
        catalogue = language.LOCALE_FOLDER / code / "LC_MESSAGES" / f"{language.DOMAIN}.mo"
        assert code == "en" or catalogue.is_file()


def test_a_missing_catalogue_leaves_english(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(language, "LOCALE_FOLDER", tmp_path)
    set_language("zh_CN")

    assert _("Quit") == "Quit"


def test_the_empty_text_is_not_the_header_of_the_catalogue() -> None:
    set_language("zh_CN")

    assert _("") == ""


def test_a_message_follows_a_switch_of_language() -> None:
    sentence = message("Press q to quit (Ctrl+Q while typing).")
    english = str(sentence)
    set_language("zh_CN")

    assert str(sentence) != english


def test_parameters_are_cleaned_and_nothing_in_them_is_a_field() -> None:
    sentence = message("Theme: {name}", name="\x1b]0;x\x07{evil}{name}")

    assert str(sentence) == "Theme: {evil}{name}"


def test_an_error_of_the_system_is_shown_without_its_number() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/a\x1b[31m")
    assert str(message("It failed: {error}.", error=error)) == (
        "It failed: No such file or directory: /a."
    )
    assert str(message("{error}", error=OSError(28, "No space left on device"))) == (
        "No space left on device"
    )
    assert str(message("{error}", error=OSError("odd"))) == "odd"


def test_braces_without_parameters_stay() -> None:
    assert str(Message("{not} a field")) == "{not} a field"


def test_raw_text_is_not_translated() -> None:
    set_language("zh_CN")

    assert str(raw("Quit")) == "Quit"


def test_an_error_says_its_sentence_in_the_active_language() -> None:
    error = EmotuiError("Error: {error}", error="\x1b[31mred")
    english = str(error)
    set_language("zh_CN")

    assert english == "Error: red"
    assert str(error) != english
    assert str(error).endswith("red")


def test_wrong_use_is_told_apart_by_the_exit_status() -> None:
    assert EmotuiError("x").exit_status == 1
    assert UsageError("x").exit_status == 2
