"""Headers of safetensors files: what they say, and every way in which they can lie."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest
from doubles.model_folders import llama_tensors, safetensors_header, write_safetensors
from hypothesis import given, settings
from hypothesis import strategies as st

from emotui.models.tensors import HeaderError, read_safetensors


def header(entries: object) -> bytes:
    content = json.dumps(entries).encode()
    return struct.pack("<Q", len(content)) + content


def test_names_types_and_shapes_are_read(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("BF16", (3, 5)), "b": ("F32", ())})

    tensors = read_safetensors(path)

    assert [(t.name, t.dtype, t.shape, t.elements) for t in tensors] == [
        ("a", "bfloat16", (3, 5), 15),
        ("b", "float32", (), 1),
    ]


def test_no_weight_is_read(tmp_path: Path) -> None:
    huge = {"w": {"dtype": "F16", "shape": [1 << 20, 1 << 12], "data_offsets": [0, 1 << 33]}}
    path = tmp_path / "m.safetensors"
    start = header(huge)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(len(start) + (1 << 33))  # eight sparse gigabytes

    assert read_safetensors(path)[0].elements == 1 << 32


def test_a_file_that_is_cut_off_is_found(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("F16", (3, 5))})
    path.write_bytes(path.read_bytes()[:-1])

    with pytest.raises(HeaderError) as caught:
        read_safetensors(path)
    assert "not downloaded or copied completely" in str(caught.value.message)


def test_a_git_lfs_pointer_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")

    with pytest.raises(HeaderError) as caught:
        read_safetensors(path)
    assert "git lfs pull" in str(caught.value.message)


def test_a_pipe_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.safetensors")
    with pytest.raises(OSError, match="no regular file"):
        read_safetensors(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x05",
        struct.pack("<Q", 1 << 60),
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"\xff\xfe{}",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        header({"a": 1}),
        header({"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 3]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [-2], "data_offsets": [0, 4]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [True], "data_offsets": [0, 2]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [1e300], "data_offsets": [0, 2]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [2], "data_offsets": [4, 0]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4, 8]}}) + b"\0" * 9,
        header({"a": {"dtype": [], "shape": [2], "data_offsets": [0, 4]}}) + b"\0" * 9,
        header({"a": {"dtype": "F16", "shape": [10**60], "data_offsets": [0, 4]}}),
    ],
    ids=range(15),
)
def test_a_broken_header_is_an_error_that_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(HeaderError):
        read_safetensors(path)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m.safetensors"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {}, optional={"dtype": JSON | st.just("F16"), "shape": JSON, "data_offsets": JSON}
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), ENTRY | JSON, max_size=3), st.binary(max_size=20))
def test_any_json_is_a_header_or_an_error(scratch: Path, entries: object, data: bytes) -> None:
    scratch.write_bytes(header(entries) + data)
    try:
        read_safetensors(scratch)
    except HeaderError as error:
        assert str(error.message)


@settings(deadline=None)
@given(st.data())
def test_any_damage_is_survived(scratch: Path, data: st.DataObject) -> None:
    content = bytearray(safetensors_header(llama_tensors()))
    for _number in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    scratch.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read_safetensors(scratch)
    except HeaderError as error:
        assert str(error.message)
