"""Files that torch.save wrote: described, and nothing in them built, imported or called."""

from __future__ import annotations

import pickle
import pickletools
import struct
import sys
import zipfile
from pathlib import Path

import pytest
from doubles.model_folders import tensor_op, text_op, write_torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emotui.models.pickle_reader import Pairs, PickleError, describe
from emotui.models.tensors import HeaderError
from emotui.models.torch_file import read_torch


def test_names_types_and_shapes_are_read(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "m.bin", {"a": ("F16", (3, 5)), "b": ("BF16", (2,))})

    read = read_torch(path)

    assert [(t.name, t.dtype, t.shape) for t in read.tensors] == [
        ("a", "float16", (3, 5)),
        ("b", "bfloat16", (2,)),
    ]
    assert read.foreign == ()


def test_tensors_that_share_a_storage_say_so(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "m.bin", {"a": ("F16", (3, 5))}, tied={"b": "a"})

    first, second = read_torch(path).tensors

    assert first.storage == second.storage


def test_weights_inside_a_training_checkpoint_are_found(tmp_path: Path) -> None:
    inner = b"}(" + text_op("w") + tensor_op("F16", "0", (2, 2), 4) + b"u"
    path = tmp_path / "m.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}(" + text_op("state_dict") + inner + b"u.")
        archive.writestr("m/data/0", b"\0" * 8)

    assert [tensor.name for tensor in read_torch(path).tensors] == ["w"]


class Canary:
    """Pickled as a call that would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_a_pickle_would_call_is_named_and_not_called(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    evil = pickle.dumps({"x": Canary(canary)}, protocol)
    path = tmp_path / "m.bin"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", evil)

    read = read_torch(path)

    assert not canary.exists()
    assert read.foreign in {("_io.open",), ("io.open",)}
    assert read.tensors == []


def test_nothing_that_a_pickle_names_is_imported() -> None:
    assert "antigravity" not in sys.modules
    described = describe(b"\x80\x02cantigravity\ngeohash\n)R.")
    assert [str(found) for found in described.globals] == ["antigravity.geohash"]
    assert "antigravity" not in sys.modules


def test_the_format_before_1_6_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2))
    with pytest.raises(HeaderError) as caught:
        read_torch(path)
    assert "before 1.6" in str(caught.value.message)


def test_a_file_that_is_cut_off_is_found(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "m.bin", {"a": ("F16", (30, 50))})
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(HeaderError):
        read_torch(path)


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    lie = text_op("w") + tensor_op("F16", "0", (1 << 20, 1 << 10), 4)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}(" + lie + b"u.")
        archive.writestr("m/data/0", b"\0" * 8)
    with pytest.raises(HeaderError):
        read_torch(path)


def nested_doubles(depth: int) -> bytes:
    """A tuple of 2**depth leaves that share all their parts, as the key of a mapping."""
    return b"\x80\x02}(K\x01" + b"2\x86" * depth + b"K\x01u."


@pytest.mark.parametrize(
    "data",
    [
        nested_doubles(200),
        b"\x80\x02" + b"(" * 100_000 + b".",
        b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        b"\x80\x02K\x01" + b"\x85" * 100_000 + b".",
        b"\x80\x02r\xff\xff\xff\x7f.",
        b"\x80\x02X" + struct.pack("<I", 0xFFFFFFFF) + b"a.",
        b"\x80\x02" + nested_doubles(100)[2:-3] + b"\x86)R.",
        b"\x80\x04" + b"K\x01" + b"2\x86" * 100 + b"K\x01\x93.",
        b"\x80\x04\x8d" + struct.pack("<Q", 1 << 60) + b".",
    ],
    ids=range(9),
)
def test_a_pickle_made_to_exhaust_its_reader_does_not(data: bytes) -> None:
    try:
        describe(data)
    except PickleError:
        pass


def test_a_pickle_without_end_of_operations_is_given_up() -> None:
    with pytest.raises(PickleError, match="too many"):
        describe(b"\x80\x02" + b"N0" * 1_000_001)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
        | st.tuples(inner, inner)
        | st.tuples(inner)
    ),
    max_leaves=12,
)


def built(value: object) -> object:
    """What a description of plain data stands for."""
    if isinstance(value, Pairs):
        return {key: built(item) for key, item in value.items}
    if isinstance(value, list):
        return [built(item) for item in value]
    if isinstance(value, tuple):
        return tuple(built(item) for item in value)
    return value


@settings(deadline=None)
@given(PLAIN, st.integers(2, pickle.HIGHEST_PROTOCOL))
def test_plain_data_is_described_as_pickle_loads_it(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    assert built(describe(data).value) == value


CODES = st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes])


@settings(deadline=None, max_examples=300)
@given(st.lists(CODES | st.binary(max_size=6) | st.just(b"K\x01"), max_size=40))
def test_any_bytes_are_described_or_refused(parts: list[bytes]) -> None:
    try:
        describe(b"\x80\x02" + b"".join(parts) + b".")
    except PickleError:
        pass


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "m.bin"


@settings(deadline=None)
@given(st.data())
def test_any_damage_to_an_archive_is_survived(scratch: Path, data: st.DataObject) -> None:
    write_torch(scratch, {"a": ("F16", (3, 5)), "b": ("F32", (2,))})
    content = bytearray(scratch.read_bytes())
    for _number in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    scratch.write_bytes(content)
    try:
        read_torch(scratch)
    except HeaderError as error:
        assert str(error.message)
