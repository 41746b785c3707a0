"""Theme files: whatever stands in one, it is used whole or refused with file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.app import App
from textual.color import Color

from emotui.app.theming import COLOURS, ThemeError, load_themes, read_theme, shipped_themes

COLOUR = st.sampled_from(
    ["#fff", "#ff000080", "red", "rgb(1,2,3)", "hsl(10,20%,30%)", "ansi_blue", "ansi_default",
     "transparent", "auto", "auto 50%", "", "#12", "$primary", "red 50%", "x{y}", "!", "\x1b[1m"]
)  # fmt: skip
VARIABLE = st.sampled_from(
    ["border", "footer-key-foreground", "block-cursor-text-style", "link-style", "text",
     "input-cursor-background", "scrollbar", "nonsense", "markdown-h1-text-style"]
)  # fmt: skip
VALUE = COLOUR | st.sampled_from(["bold", "b reverse", "none", "bold not underline", "((", "-,%"])


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "theme.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_ours_are_a_dark_a_light_and_a_high_contrast_one() -> None:
    themes, problems = load_themes([shipped_themes()])

    assert problems == []
    assert {name: theme.dark for name, theme in themes.items()} == {
        "emo-dark": True,
        "emo-light": False,
        "emo-contrast": True,
    }


@pytest.mark.parametrize("path", sorted(shipped_themes().glob("*.toml")), ids=lambda p: p.stem)
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
def test_our_words_are_readable_on_our_grounds(path: Path, ground: str) -> None:
    variables = read_theme(path).to_color_system().generate()
    wanted = 7.0 if path.stem == "emo-contrast" else 4.5

    behind = Color.parse(variables[ground])
    for ink in ("foreground", "text-error", "text-warning", "text-success"):
        assert contrast(Color.parse(variables[ink]), behind) >= wanted, ink


def contrast(one: Color, other: Color) -> float:
    """The ratio of the Web Content Accessibility Guidelines."""
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: Color) -> float:
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[colors", "cannot be read"),
        (b"\xff", "cannot be read"),
        ('name = "A B"\n[colors]\nprimary = "red"', "name is 'A B'"),
        ('dark = "yes"\n[colors]\nprimary = "red"', "dark is 'yes'"),
        ("colors = 3", "colors is 3"),
        ('[colors]\nsecondary = "red"', "colors.primary is None"),
        ('[colors]\nprimary = "blurple"', "colors.primary is 'blurple'"),
        ("[colors]\nprimary = 3", "colors.primary is 3"),
        ('[colors]\nprimary = "red"\nprimry = "red"', "colors.primry"),
        ('colour = 1\n[colors]\nprimary = "red"', "colour is 1"),
        ('variables = 1\n[colors]\nprimary = "red"', "variables is 1"),
        ('[colors]\nprimary = "red"\n[variables]\nfoo = "red"', "variables.foo"),
        ('[colors]\nprimary = "red"\n[variables]\nborder = "bold"', "variables.border is 'bold'"),
        ('[colors]\nprimary = "red"\n[variables]\nborder = 3', "variables.border is 3"),
        ('[colors]\nprimary = "red"\n[variables]\nlink-style = "red"', "link-style is 'red'"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    tmp_path: Path, content: str | bytes, told: str
) -> None:
    path = written(tmp_path, content)

    themes, problems = load_themes([tmp_path])

    assert themes == {}
    assert [(str(path) in str(problem), told in str(problem)) for problem in problems] == [
        (True, True)
    ]


def test_a_name_may_be_left_out_and_a_later_folder_wins(tmp_path: Path) -> None:
    for folder, colour in (("a", "red"), ("b", "blue")):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder, f'[colors]\nprimary = "{colour}"')

    themes, _problems = load_themes([tmp_path / "a", tmp_path / "b", tmp_path / "none"])

    assert themes["theme"].primary == "blue"


def test_a_folder_named_like_a_theme_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.toml").mkdir()

    assert len(load_themes([tmp_path])[1]) == 1


@given(
    st.dictionaries(st.sampled_from(COLOURS), COLOUR, max_size=4),
    st.dictionaries(VARIABLE, VALUE, max_size=3),
)
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_accepted_never_breaks_a_style_sheet(
    tmp_path: Path, colours: dict[str, str], variables: dict[str, str]
) -> None:
    lines = ["[colors]", *toml({"primary": "#123456"} | colours), "[variables]", *toml(variables)]
    path = written(tmp_path, "\n".join(lines))
    try:
        theme = read_theme(path)
    except ThemeError:
        return
    app: App[None] = App()
    app.register_theme(theme)
    app.theme = theme.name
    sheet = app.stylesheet.copy()
    sheet.add_source("".join(f"#a {{ color: ${name}; }}\n" for name in ("text", "border")))
    for name, value in theme.variables.items():
        rule = "text-style" if "-style" in name else "color"
        sheet.add_source(f"#b {{ {rule}: ${name}; }}", read_from=("test", f"{name}{value}"))
    sheet.set_variables(app.get_css_variables())
    sheet.reparse()

    assert sheet.rules


def toml(table: dict[str, str]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in table.items()]
