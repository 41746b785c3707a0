"""What an edit of an INI file may change: the value that was asked for, and not one byte more."""

from __future__ import annotations

import configparser
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotui.support.errors import BrokenFileError, EmotuiError, RefusedError, UsageError
from emotui.workspace.ini import IniDocument

PATH = Path("config.ini")
PLAIN = b"[llama]\nmodel_name = internlm2-chat-7b\nsession_len = 32776\nquant_policy = 0\n\n"


def read(content: bytes) -> IniDocument:
    return IniDocument(content, PATH)


def as_lmdeploy_reads(content: bytes) -> dict[str, str]:
    """Return [llama] as LMDeploy 0.2.4 reads it: ConfigParser over a text-mode file."""
    parser = configparser.ConfigParser()
    parser.read_file(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    return dict(parser._sections["llama"])


KEPT = {
    "as LMDeploy writes it": PLAIN,
    "windows newlines": PLAIN.replace(b"\n", b"\r\n"),
    "old mac newlines": PLAIN.replace(b"\n", b"\r"),
    "mixed newlines": b"[llama]\r\nsession_len = 32776\nmodel_name = x\r\n",
    "byte order mark": b"\xef\xbb\xbf" + PLAIN,
    "comments": b"# by hand\n[llama]\n; the window\nsession_len = 32776\n# end\n",
    "no newline at the end": b"[llama]\nmodel_name = x\nsession_len = 32776",
    "no spaces": b"[llama]\nmodel_name=x\nsession_len=32776\n",
    "colons and odd spaces": b"[llama]\nmodel_name:   x\nsession_len \t:\t 32776 \n",
    "non-ASCII": "[llama]\n# 会话长度\nmodel_name = 心理\nsession_len = 32776\n".encode(),
    "upper-case key": b"[llama]\nSession_Len = 32776\nModel_Name = x\n",
    "blank lines and indented comment": b"\n\n[llama]\n\n   # hm\nsession_len = 32776\n\n\n",
    "a value over several lines elsewhere": b"[llama]\nmodel_name = a\n  b\nsession_len = 32776\n",
    "trailing blanks": b"[llama]\nsession_len = 32776   \t\nmodel_name = x  \n",
    "percent elsewhere": b"[llama]\nmodel_name = 50%(x)s\nsession_len = 32776\n",
    "other sections": b"[a]\nsession_len = 1\n[llama]\nsession_len = 32776\n[z]\nsession_len = 2\n",
    "defaults": b"[DEFAULT]\nsession_len = 1\n[llama]\nsession_len = 32776\n",
    "a long line elsewhere": b"[llama]\nmodel_name = " + b"x" * 300 + b"\nsession_len = 32776\n",
    "NUL elsewhere": b"[llama]\nmodel_name = a\0b\nsession_len = 32776\n",
    "the same words in a continuation": b"[llama]\nm = a\n  session_len = 3\nsession_len = 32776\n",
    "an indented header": b"  [llama]\n  session_len = 32776\n",
    "indented options": b"[llama]\n  model_name = x\n  session_len = 32776\n",
}


@pytest.mark.parametrize("content", KEPT.values(), ids=KEPT)
def test_only_the_bytes_of_the_value_change(content: bytes) -> None:
    edited = read(content).set("session_len", "4096")

    assert edited.content == content.replace(b"32776", b"4096")
    assert edited.values["session_len"] == "4096"


@pytest.mark.parametrize("content", KEPT.values(), ids=KEPT)
def test_an_edit_and_its_reverse_give_the_same_bytes(content: bytes) -> None:
    edited = read(content).set("session_len", "4096").set("session_len", "32776")

    assert edited.content == content


@pytest.mark.parametrize("content", KEPT.values(), ids=KEPT)
def test_a_key_that_is_added_and_removed_leaves_no_trace(content: bytes) -> None:
    added = read(content).set("quant_policy", "8") if b"quant" not in content else read(content)
    removed = added.unset("quant_policy")

    assert "quant_policy" in added.values
    assert removed.content == content.replace(b"quant_policy = 0\n", b"").replace(
        b"quant_policy = 0\r\n", b""
    ).replace(b"quant_policy = 0\r", b"")


def test_an_added_key_is_written_like_its_neighbours() -> None:
    assert read(b"[llama]\r\na=1\r\nb=2").set("c", "3").content == b"[llama]\r\na=1\r\nb=2\r\nc=3"
    assert read(b"[llama]\na : 1\n\n# end\n").set("c", "3").content == (
        b"[llama]\na : 1\nc : 3\n\n# end\n"
    )
    assert read(b"[llama]\n").set("c", "3").content == b"[llama]\nc = 3\n"
    assert read(b"[llama]\na = 1\n[z]\nb = 2\n").set("c", "3").content == (
        b"[llama]\na = 1\nc = 3\n[z]\nb = 2\n"
    )
    assert read(b"[llama]\na = 1\n  2\n[z]\n").set("c", "3").content == (
        b"[llama]\na = 1\n  2\nc = 3\n[z]\n"
    )


def test_an_empty_value_can_be_filled() -> None:
    assert read(b"[llama]\na =\nb = 1\n").set("a", "7").content == b"[llama]\na =7\nb = 1\n"


BROKEN = {
    "duplicate key": (b"[llama]\na = 1\nA = 2\n", "line 3: a"),
    "duplicate section": (b"[llama]\na = 1\n[llama]\n", "line 3"),
    "latin-1": (b"[llama]\na = \xe9\n", "byte 12"),
    "no section": (b"a = 1\n", "line 1"),
    "key without a value": (b"[llama]\nalone\n", "alone"),
    "continuation of nothing": (b"[llama]\nalone\n  more\n", "config.ini"),
}


@pytest.mark.parametrize(("content", "named"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_lmdeploy_cannot_read_is_refused_with_the_place(
    content: bytes, named: str
) -> None:
    with pytest.raises(BrokenFileError) as caught:
        read(content)

    assert "config.ini" in str(caught.value)
    assert named in str(caught.value)


REFUSED = {
    "a value over several lines": b"[llama]\nsession_len = 1\n  2\n",
    "no [llama]": b"[other]\nsession_len = 1\n",
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_an_edit_that_would_change_more_is_refused(content: bytes) -> None:
    with pytest.raises(RefusedError, match="session_len"):
        read(content).set("session_len", "4096")


@pytest.mark.parametrize(
    "value", ["1\n2", "1\r", "a\0b", " 1", "1 ", ";1", "1 ;2", "#1", "50%", "x" * 151, "会" * 51]
)
def test_a_value_that_one_line_cannot_hold_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match=r"config\.ini"):
        read(PLAIN).set("model_name", value)


def test_a_key_that_is_no_name_is_refused() -> None:
    with pytest.raises(UsageError):
        read(PLAIN).set("a = 1\nb", "2")


KEYS = st.sampled_from(["session_len", "quant_policy", "Model_Name", "a", "=", "会话", "[x]", ""])
VALUES = st.text(
    st.sampled_from([*"019ax;#=: \t[]%'\"会", "\x1c", "\x85", "\u2028", "\0"]), max_size=8
)
OPTIONS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "", " ", "\t"]),
    KEYS,
    st.sampled_from([" = ", "=", ":", " :\t", "", "  =  "]),
    VALUES,
    st.sampled_from(["", " ", "\t"]),
)
LINES = st.one_of(
    OPTIONS,
    OPTIONS,
    OPTIONS,
    st.sampled_from(["", "# c", "; c", "  # c", "[llama]", "[other]", " [llama]", "[llama] x"]),
    st.text(max_size=6),
)
DOCUMENTS = st.builds(
    lambda start, lines, newline, end: (start + newline.join(lines) + end).encode("utf-8"),
    st.sampled_from(["[llama]\n", "[llama]\n", "\ufeff[llama]\n", "[llama]\r\n", ""]),
    st.lists(LINES, max_size=7),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["", "\n", "\r\n"]),
)
NEW_VALUES = st.one_of(st.integers().map(str), st.text(max_size=12))


@settings(max_examples=1500, deadline=None)
@given(DOCUMENTS, st.sampled_from(["session_len", "quant_policy", "a"]), NEW_VALUES)
def test_any_edit_changes_one_key_or_is_refused(content: bytes, key: str, value: str) -> None:
    try:
        before = read(content)
        after = before.set(key, value)
    except EmotuiError:
        return

    assert dict(after.values) == {**before.values, key: value}
    outside = {name: keys for name, keys in before.sections.items() if name != "llama"}
    assert {name: keys for name, keys in after.sections.items() if name != "llama"} == outside
    if key in before.values:
        line = next(x for x in before.lines if x.section == "llama" and x.key == key)
        head, tail = before.text[: line.value_start], before.text[line.value_end :]
        assert after.content == f"{head}{value}{tail}".encode()
    else:
        assert after.unset(key).content == content
    if not before.has_bom:
        assert as_lmdeploy_reads(after.content)[key] == value


@settings(max_examples=800, deadline=None)
@given(DOCUMENTS, st.sampled_from(["session_len", "quant_policy", "a"]))
def test_any_removal_removes_one_line_or_is_refused(content: bytes, key: str) -> None:
    try:
        before = read(content)
        after = before.unset(key)
    except EmotuiError:
        return

    assert dict(after.values) == {k: v for k, v in before.values.items() if k != key}
    assert len(after.text.splitlines()) < len(before.text.splitlines())
