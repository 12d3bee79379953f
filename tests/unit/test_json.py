"""JSON of a server is read with a bound."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Response
from pyqueue._json import parse_json
from pyqueue._vocabulary import MAX_DEPTH


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"]]]]":', b'["\\"]",'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 10_000, 150_000])
def test_what_is_nested_too_deep_is_never_parsed(
    opening: bytes, depth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is whole or not: the parser of Python recurses, and Pyodide dies of it."""
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(ValueError, match="nested more than 100 deep"):
        parse_json(opening * depth)


def test_nesting_up_to_the_bound_and_any_width_are_read() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    assert len(parse_json(json.dumps([[]] * 10_000).encode())) == 10_000
    assert parse_json(json.dumps("[" * 10_000).encode()) == "[" * 10_000


@pytest.mark.parametrize(
    "body", [b"", b"{", b"NaN", b"[-Infinity]", b"9" * 5000, b"\xff", b'"\xed\xa0\x80"', b"[1]x"]
)
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(body)


def test_a_body_that_was_cut_off_is_not_json() -> None:
    with pytest.raises(ValueError, match="longer than"):
        Response(200, {}, b"[1]", truncated=True).json()


@pytest.mark.parametrize(
    "body", [b'"' + b'\\"' * 500_000, b'\\"' * 500_000, b"[]," * 300_000, b'"[",' * 250_000]
)
def test_no_body_takes_long(body: bytes) -> None:
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"."):
        parse_json(body)
    assert time.perf_counter() - start < 5


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(values, st.booleans())
def test_every_json_document_is_read(value: Any, ascii: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=ascii).encode()
    except UnicodeEncodeError:
        return
    assert parse_json(body) == value


@given(st.binary() | st.text(st.sampled_from('[]{}",:\\ \n1eE.-tfn')).map(str.encode))
def test_no_body_raises_anything_but_a_value_error(body: bytes) -> None:
    with suppress(ValueError):
        parse_json(body)
