"""`config.toml`: read with its mistakes reported, written without losing what a person wrote."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emotui.support.errors import BrokenFileError
from emotui.support.settings import SETTINGS, Settings

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30)
VALUES = {
    "app.theme": TEXT,
    "lmdeploy.python": TEXT,
    "lmdeploy.interpreters": st.lists(TEXT, max_size=4),
    "models.folders": st.lists(TEXT, max_size=4),
}

BY_HAND = """\
# My settings; do not touch this line.
[models]
folders = ["/data"]   # the big disk

[app]   # looks
theme = "emo-light"

[lmdeploy]
interpreters = [
    "/opt/a",  # first
    "/opt/b",
]
"""


def opened(folder: Path, content: str | bytes | None = None) -> Settings:
    path = folder / "config.toml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Settings(path)


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    found = opened(tmp_path)

    assert found.problems == []
    assert found.text("app.theme") is None
    assert found.texts("models.folders") == []


def test_values_are_read_by_their_dotted_name(tmp_path: Path) -> None:
    found = opened(tmp_path, BY_HAND)

    assert found.problems == []
    assert found.text("app.theme") == "emo-light"
    assert found.texts("lmdeploy.interpreters") == ["/opt/a", "/opt/b"]


def test_setting_one_key_changes_no_other_byte(tmp_path: Path) -> None:
    opened(tmp_path, BY_HAND).set("app.theme", "emo-dark")

    after = (tmp_path / "config.toml").read_text()

    assert after == BY_HAND.replace('"emo-light"', '"emo-dark"')


def test_a_new_key_joins_its_table_and_the_comments_stay(tmp_path: Path) -> None:
    found = opened(tmp_path, BY_HAND)

    found.set("app.language", "zh_CN")

    after = (tmp_path / "config.toml").read_text()
    assert found.text("app.language") == "zh_CN"
    assert [line for line in BY_HAND.splitlines() if line not in after] == []


def test_removing_a_key_leaves_the_others(tmp_path: Path) -> None:
    found = opened(tmp_path, BY_HAND)

    found.set("models.folders", None)

    assert found.texts("models.folders") == []
    assert found.text("app.theme") == "emo-light"
    assert "My settings" in (tmp_path / "config.toml").read_text()


@pytest.mark.parametrize(
    "content",
    [
        'app = {theme = "a", language = "en"}\n',
        'app.theme = "a"\napp.language = "en"\n',
        '[app]\r\ntheme = "a"\r\nlanguage = "en"\r\n',
        '"app"."theme" = "a"\n["app"."x"]\ny = 1\n',
    ],
)
def test_every_way_to_write_a_table_can_be_changed(tmp_path: Path, content: str) -> None:
    found = opened(tmp_path, content)
    language = found.text("app.language")

    found.set("app.theme", "b")

    assert found.text("app.theme") == "b"
    assert found.text("app.language") == language


@given(
    changes=st.lists(
        st.sampled_from(sorted(VALUES)).flatmap(
            lambda name: st.tuples(st.just(name), st.none() | VALUES[name])
        ),
        max_size=8,
    )
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_was_set_is_read_back(
    tmp_path: Path, changes: list[tuple[str, str | list[str] | None]]
) -> None:
    found = opened(tmp_path, BY_HAND)
    expected = {name: found.text(name) or found.texts(name) or None for name in VALUES}

    for name, value in changes:
        found.set(name, value)
        expected[name] = value

    again = opened(tmp_path)
    for name, value in expected.items():
        read = again.texts(name) if SETTINGS[name].kind is list else again.text(name)
        assert read == (value if value is not None or SETTINGS[name].kind is str else [])
    assert "# the big disk" in again.path.read_text() or "models.folders" in dict(changes)


@pytest.mark.parametrize(
    "content", ["[app\n", 'theme = "a', b"\xff\xfe[app]", "[app]\ntheme = 'a'\ntheme = 'b'\n"]
)
def test_a_broken_file_is_reported_and_never_written_over(
    tmp_path: Path, content: str | bytes
) -> None:
    found = opened(tmp_path, content)
    before = found.path.read_bytes()

    assert len(found.problems) == 1
    assert str(found.path) in str(found.problems[0])
    with pytest.raises(BrokenFileError, match="cannot be read"):
        found.set("app.theme", "emo-dark")
    assert found.path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [found.path]


def test_a_table_that_is_none_is_not_replaced(tmp_path: Path) -> None:
    found = opened(tmp_path, "app = 3\n")

    with pytest.raises(BrokenFileError, match="app is 3"):
        found.set("app.theme", "emo-dark")
    assert found.path.read_text() == "app = 3\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[app]\ntheme = 3\n", "app.theme is 3, but must be: text in quotes"),
        ("[app]\nlanguage = 'fr'\n", "app.language is 'fr', but must be: en, zh_CN"),
        ("[models]\nfolders = 'a'\n", "models.folders is 'a', but must be: a list of texts"),
        ("[models]\nfolders = [1]\n", "models.folders is [1], but must be: a list of texts"),
        ("[app]\ntheem = 'x'\n", "unknown setting app.theem; did you mean app.theme?"),
        ("zzz = 1\n", "unknown setting zzz; it was ignored. Known: app.language"),
    ],
)
def test_a_wrong_value_is_reported_and_the_default_used(
    tmp_path: Path, content: str, told: str
) -> None:
    found = opened(tmp_path, content)

    assert [told in str(problem) for problem in found.problems] == [True]
    assert found.text("app.theme") is None
    assert found.text("app.language") is None
    assert found.texts("models.folders") == []


def test_a_value_that_speaks_to_the_terminal_is_reported_harmlessly(tmp_path: Path) -> None:
    found = opened(tmp_path, '[app]\n"a\\u001b]0;x\\u0007" = 1\n')

    assert "\x1b" not in str(found.problems[0])


def test_the_mode_of_the_file_stays_and_a_new_one_is_private(tmp_path: Path) -> None:
    shared = opened(tmp_path, BY_HAND)
    shared.path.chmod(0o644)
    shared.set("app.theme", "emo-dark")
    private = Settings(tmp_path / "new" / "config.toml")
    private.set("app.theme", "emo-dark")

    assert shared.path.stat().st_mode & 0o777 == 0o644
    assert private.path.stat().st_mode & 0o777 == 0o600
    assert private.path.parent.stat().st_mode & 0o777 == 0o700


def test_two_threads_lose_no_setting_of_the_other(tmp_path: Path) -> None:
    found = opened(tmp_path, BY_HAND)

    def set_often(name: str) -> None:
        for number in range(10):
            found.set(name, f"value-{number}")

    threads = [
        threading.Thread(target=set_often, args=(name,))
        for name in ("app.theme", "lmdeploy.python")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found.text("app.theme") == found.text("lmdeploy.python") == "value-9"
