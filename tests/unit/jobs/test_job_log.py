"""A log read as a person reads it, the same in whatever pieces it arrived."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emotui.jobs import log
from emotui.jobs.log import MAX_CHARS, LineSplitter, LogIndex, LogReader, tail_offset
from emotui.support.text import clean

PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.text(max_size=8).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.sampled_from(
            [b"\n", b"\r", b"\r\n", "进度".encode(), "进".encode()[:2], b"\xff", b"\x1b[31m", b"\0"]
        ),
    ),
    max_size=40,
)


def as_read(data: bytes) -> list[str]:
    """Say what the lines are, in the plainest way."""
    parts = data.split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    return [
        clean(part.rstrip(b"\r").rsplit(b"\r", 1)[-1].decode("utf-8", "replace")) for part in parts
    ]


def split(pieces: list[bytes]) -> list[str]:
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    joined = b"".join(pieces)
    return lines if not joined or joined.endswith(b"\n") else [*lines, splitter.open_line]


@given(PIECES)
@example([b"caf\xc3", b"\xa9\r", b"\n"])
@example([b"10%\r", b"20%\r", b"\r", b"\n", b"x"])
def test_any_chunking_gives_the_same_lines(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    expected = as_read(data)
    assert split(pieces) == expected
    assert split([data[n : n + 1] for n in range(len(data))]) == expected


@given(PIECES, st.sampled_from([1, 2, 3, 5, 8, 64]), st.integers(1, 40))
@example([b"a\rbc"], 1, 9)
@example([b"line\nab\r", b"cdefghijkl\n"], 2, 3)
@example([b"old\r\nabcdefghijklmnopqrstuvwxyz\r\r\r\n"], 8, 3)
def test_the_index_finds_the_same_lines_in_blocks_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], block: int, step: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    data = b"".join(pieces)
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log, "_BLOCK", block)
        index = LogIndex(path)
        while index.extend(step):
            pass
        assert [index.line(number) for number in range(len(index))] == as_read(data)
        for lines in range(len(index) + 2):
            tail = LogIndex(path, tail_offset(path, lines))
            tail.extend()
            found = [tail.line(number) for number in range(len(tail))]
            assert found == as_read(data)[len(index) - min(lines, len(index)) :]


@given(PIECES)
def test_a_growing_log_is_indexed_and_read_as_it_grows(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    index, reader = LogIndex(path), LogReader(path)
    read: list[str] = []
    written = b""
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece)
        written += piece
        index.extend()
        read += reader.read() or []
        assert [index.line(number) for number in range(len(index))] == as_read(written)
    if written and not written.endswith(b"\n"):
        read.append(reader.open_line)
    assert read == as_read(written)


@pytest.mark.parametrize("cut", range(1, 7))
def test_invalid_utf8_becomes_a_mark_only_where_it_is_invalid(cut: int) -> None:
    data = "进".encode() + b"\xff" + "度".encode()
    assert split([data[:cut], data[cut:]]) == as_read(data)
    assert "进\N{REPLACEMENT CHARACTER}度" in split([data[:cut], data[cut:]])[0]


def test_a_line_of_10_megabytes_is_cut_and_says_by_how_much(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before\n" + b"x" * 10_000_000 + b"\nafter\n")
    index = LogIndex(path)
    index.extend(1 << 30)
    reader = LogReader(path)
    lines = [index.line(number) for number in range(len(index))]
    read = []
    while (new := reader.read(1 << 16)) is not None:
        read += new
    assert lines == read
    assert lines[1] == "x" * MAX_CHARS + f" … [{10_000_000 - MAX_CHARS} bytes more]"
    assert (lines[0], lines[2]) == ("before", "after")


def test_characters_of_many_bytes_are_cut_between_characters(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("进度".encode() * 100_000)
    index = LogIndex(path)
    index.extend()
    text = index.line(0)
    assert text.startswith("进度" * (MAX_CHARS // 2) + " … [")
    assert f"[{600_000 - 3 * MAX_CHARS} bytes more]" in text


def test_300_thousand_redraws_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"start\n" + b"".join(b"\r%6d/300000" % n for n in range(300_000)))
    began = time.perf_counter()
    index = LogIndex(path)
    index.extend(1 << 30)
    reader = LogReader(path)
    while reader.read() is not None:
        pass
    assert (len(index), index.line(1)) == (2, "299999/300000")
    assert reader.open_line == "299999/300000"
    assert time.perf_counter() - began < 1


def test_a_long_line_after_redraws_begins_at_its_last_redraw(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old\r" * 50_000 + b"new" * 200_000 + b"\r\r\n")
    index = LogIndex(path)
    index.extend()
    assert index.line(0).startswith("newnew")
    assert f"[{600_000 - MAX_CHARS} bytes more]" in index.line(0)


def test_a_line_of_nothing_but_returns_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\r" * 200_000 + b"\nx")
    index = LogIndex(path)
    index.extend()
    assert [index.line(0), index.line(1)] == ["", "x"]


def test_a_punched_hole_is_one_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"head\npart")
        file.seek(50 << 20)
        file.write(b"rest\ntail\n")
    index = LogIndex(path)
    index.extend(1 << 30)
    assert [index.line(0), index.line(2)] == ["head", "tail"]
    assert index.line(1).startswith("part …")


def test_a_log_that_shrank_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthree\n")
    index, reader = LogIndex(path), LogReader(path)
    index.extend()
    reader.read()
    path.write_bytes(b"new\n")
    index.extend()
    assert [index.line(number) for number in range(len(index))] == ["new"]
    assert reader.read() == ["new"]


def test_a_log_that_is_not_there_yet_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "log"
    index, reader = LogIndex(path), LogReader(path)
    assert index.extend() is False
    assert (len(index), index.line(0), reader.read(), tail_offset(path, 5)) == (0, "", None, 0)


def test_controls_do_not_get_through(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"\x1b]52;c;ZWNobw==\x07a\x1b[31mb\x1b[0m\x9b1mc\x00d\xe2\x80\xaee\n")
    index = LogIndex(path)
    index.extend()
    line = index.line(0)
    assert line.replace("\N{REPLACEMENT CHARACTER}", "").endswith("e")
    assert line.isprintable()


def test_a_million_lines_take_little_memory_and_any_line_is_near(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        for start in range(0, 1_000_000, 10_000):
            file.write(
                b"".join(b"%07d some words of a log\n" % n for n in range(start, start + 10_000))
            )
    tracemalloc.start()
    index = LogIndex(path)
    while index.extend():
        pass
    found = [index.line(number) for number in (0, 999_999, 500_000, 65_535)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [int(line.split()[0]) for line in found] == [0, 999_999, 500_000, 65_535]
    assert peak < 2 << 20


def test_the_tail_is_found_without_reading_the_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a line of the log\n" * 1_000_000)
    read = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda *args: (read.append(args[1]), real(*args))[1])
    offset = tail_offset(path, 1000)
    assert offset == 18 * 999_000
    assert sum(read) < 1 << 17
