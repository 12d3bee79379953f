"""What a payload may be."""

from __future__ import annotations

import math
from collections import OrderedDict, UserString
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import InvalidPayload
from pyqueue._payload import check_payload, check_request
from pyqueue._vocabulary import MAX_DEPTH


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"x": value}
    return value


def cycle() -> Any:
    value: dict[str, Any] = {}
    value["self"] = [value]
    return value


def shared(levels: int) -> Any:
    value: Any = ["x"]
    for _ in range(levels):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    ("payload", "size"),
    [
        ({}, 8),
        ({"a": "ä"}, 8 + 1 + 2),
        ({"n": 1, "f": 1.5, "b": True, "z": None}, 8 + 4 + 4 * 8),
        ({"list": [1, ["x"]]}, 8 + 4 + 8 + 8 + 8 + 1),
        ({"photo": b"12345", "photos": [b"1", b"2"]}, 8 + 5 + 5 + 6 + 8 + 2),
        ({"n": 2**53 - 1}, 8 + 1 + 8),
        ({"twice": shared(2)}, 8 + 5 + 8 + 2 * (8 + 2 * (8 + 1))),
    ],
)
def test_a_payload_has_about_the_size_of_its_json(payload: Any, size: int) -> None:
    assert check_payload(payload) == size


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (None, "payload is"),
        ([], "payload is"),
        (OrderedDict(), "payload is"),
        ({"a": {"b": [0, {1, 2}]}}, r"payload\.a\.b\[1\] is"),
        ({"meta": {"photo": b"x"}}, r"payload\.meta\.photo is .*a file"),
        ({"photos": [[b"x"]]}, r"payload\.photos\[0\]\[0\] is .*a file"),
        ({"a": (1, 2)}, r"payload\.a is"),
        ({"a": datetime(2027, 1, 1, tzinfo=UTC)}, r"payload\.a is"),
        ({"a": object()}, r"payload\.a is"),
        ({"a": UserString("x")}, r"payload\.a is"),
        ({"a": bytearray(b"x")}, r"payload\.a is"),
        ({"a": math.nan}, r"payload\.a is nan"),
        ({"a": -math.inf}, r"payload\.a is -inf"),
        ({"a": 2**53}, r"payload\.a is .*as text"),
        ({"a": -(10**5000)}, r"payload\.a is .*as text"),
        ({"a": "\ud800"}, r"payload\.a has half"),
        ({"a": {"\udfff": 1}}, r"a name in payload\.a has half"),
        ({"a": {1: 1}}, r"payload\.a has the name 1"),
        ({"a": lambda: None}, r"payload\.a is"),
        (cycle(), "holds itself"),
        (nested(MAX_DEPTH + 1), "nested more than 100 deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_stored_and_sent_is_refused_with_its_path(payload: Any, path: str) -> None:
    with pytest.raises(InvalidPayload, match=path):
        check_payload(payload)


def test_nesting_up_to_the_bound_is_allowed() -> None:
    check_payload(nested(MAX_DEPTH))


def test_a_value_that_is_shared_many_times_is_read_once() -> None:
    assert check_payload({"x": shared(90)}) > 2**90


def test_a_shared_value_is_not_nested_deeper_by_being_known() -> None:
    deep = nested(60)
    with pytest.raises(InvalidPayload, match="nested"):
        check_payload({"known": deep, "deeper": {"x": {"x": nested_in(deep, 40)}}})


def nested_in(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = {"x": value}
    return value


def test_a_shared_list_of_files_is_still_refused_further_down() -> None:
    files = [b"x"]
    check_payload({"a": files, "b": files})
    with pytest.raises(InvalidPayload, match=r"payload\.b\.c\[0\]"):
        check_payload({"a": files, "b": {"c": files}})


text = st.text(st.characters(exclude_categories=("Cs",)))
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)


@given(st.dictionaries(text, plain, max_size=3))
def test_every_object_of_plain_values_is_a_payload(payload: Any) -> None:
    assert check_payload(payload) >= 8


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "/a"},
        {"url": "https://example.org/a", "method": "put", "headers": {"X-A": "1"}, "body": {"photo": b"x"}},
        {"url": "/a", "body": "text"},
        {"url": "/a", "body": b"bytes"},
        {"url": "/a", "method": "GET", "body": None},
    ],
)
def test_a_job_may_carry_a_request(request_: Any) -> None:
    assert check_request(request_) >= 8


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (None, "an object with 'url'"),
        ({}, r"request\.url is None"),
        ({"url": ""}, r"request\.url"),
        ({"url": 5}, r"request\.url"),
        ({"url": "\ud800"}, r"request\.url"),
        ({"url": "javascript:alert(1)"}, "only http"),
        ({"url": "/a", "json": {}}, "a request has no 'json'"),
        ({"url": "/a", "method": "PO ST"}, r"request\.method"),
        ({"url": "/a", "method": 5}, r"request\.method"),
        ({"url": "/a", "method": "TRACE"}, "browsers refuse"),
        ({"url": "/a", "headers": ["X-A"]}, r"request\.headers"),
        ({"url": "/a", "headers": {"X-A": "\n"}}, "line break"),
        ({"url": "/a", "headers": {"Idempotency-Key": "1"}}, "pyqueue sets it"),
        ({"url": "/a", "method": "get", "body": "x"}, "no body with GET"),
        ({"url": "/a", "body": 5}, r"request\.body is 5"),
        ({"url": "/a", "body": {"x": {"photo": b"x"}}}, r"request\.body\.x\.photo"),
        ({"url": "/a", "body": nested(MAX_DEPTH)}, "nested"),
    ],
)
def test_a_request_that_no_browser_sends_is_refused(request_: Any, reason: str) -> None:
    with pytest.raises(InvalidPayload, match=reason):
        check_request(request_)
