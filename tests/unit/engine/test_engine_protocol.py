"""Lines of the protocol: read with tolerance, written within the limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotui.engine.protocol import (
    MAX_LINE_BYTES,
    Done,
    EngineSpec,
    Failure,
    Hello,
    Loading,
    ProtocolError,
    Ready,
    Sampling,
    Token,
    generate_request,
    load_request,
    parse,
    quit_request,
    stop_request,
)


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def test_a_token_belongs_to_its_answer() -> None:
    assert parse(line(event="token", id=3, text="你", n=7)) == (Token("你", 7), 3)


def test_fields_that_are_not_known_are_ignored() -> None:
    assert parse(line(event="loading", phase="weights", percent=3)) == (Loading("weights"), None)


def test_events_that_are_not_known_are_ignored() -> None:
    assert parse(line(event="progress", id=1)) is None


def test_what_a_field_does_not_say_is_unknown() -> None:
    assert parse(line(event="hello")) == (Hello(0, "?"), None)
    assert parse(line(event="ready")) == (Ready("?", "none"), None)
    assert parse(line(event="done", id=1)) == (Done("error"), 1)
    assert parse(line(event="error", text="no")) == (Failure("no"), None)


def test_nonsense_numbers_are_unknown() -> None:
    found = parse(b'{"event":"done","id":true,"finish_reason":"stop","seconds":NaN,"tokens":"x"}')
    assert found == (Done("stop", tokens=0, seconds=0.0), None)


@pytest.mark.parametrize("text", [b"", b"hello\n", b"[]", b"3", b'{"a": 1}', b"\xff\xfe\n"])
def test_a_line_that_is_no_message_is_an_error(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse(text)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        parse(data)
    except ProtocolError:
        pass


@given(
    st.dictionaries(
        st.sampled_from(["id", "text", "n", "phase", "tokens"]),
        st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()),
    ),
    st.sampled_from(["hello", "loading", "ready", "token", "done", "error"]),
)
def test_fields_of_the_wrong_kind_raise_nothing(fields: dict[str, object], event: str) -> None:
    assert parse(json.dumps({**fields, "event": event}).encode()) is not None


def test_a_deeply_nested_line_is_an_error_and_no_crash() -> None:
    with pytest.raises(ProtocolError):
        parse(b"[" * 200_000)


@given(st.text(st.characters()))
def test_a_request_is_one_line_of_ascii_whatever_the_user_typed(text: str) -> None:
    request = generate_request(1, [{"role": "user", "content": text}], Sampling())
    assert request.count(b"\n") == 1
    assert request.isascii()
    assert json.loads(request)["messages"] == [{"role": "user", "content": text}]


def test_only_role_and_content_travel() -> None:
    request = json.loads(
        generate_request(1, [{"role": "user", "content": "a", "id": "7"}], Sampling())
    )
    assert request["messages"] == [{"role": "user", "content": "a"}]


def test_a_request_beyond_the_limit_is_refused() -> None:
    with pytest.raises(ProtocolError):
        generate_request(1, [{"role": "user", "content": "x" * MAX_LINE_BYTES}], Sampling())


def test_requests_say_what_is_to_be_done() -> None:
    spec = EngineSpec("turbomind", Path("/py"), Path("/m"), options={"tp": 2})
    assert json.loads(load_request(spec)) == {
        "do": "load",
        "engine": "turbomind",
        "model": "/m",
        "options": {"tp": 2},
    }
    assert json.loads(stop_request(4)) == {"do": "stop", "id": 4}
    assert json.loads(quit_request()) == {"do": "quit"}
