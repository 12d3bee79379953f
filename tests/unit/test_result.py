"""A result, whatever it is, becomes data that can be stored."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Status, done
from pyqueue._plain import MAX_VALUES
from pyqueue._vocabulary import MAX_BODY, MAX_DEPTH


class Silent:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


class Exiting:
    """An object that ends the program when it is shown."""

    def __str__(self) -> str:
        sys.exit(1)


class Lying:
    """An object that does not even say what it is."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no")


class Endless(Mapping[str, Any]):
    """A mapping without an end."""

    def __getitem__(self, key: str) -> Any:
        return key

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield str(number)

    def __len__(self) -> int:
        return 1


class Broken(list[int]):
    """A list that cannot be read."""

    def __iter__(self) -> Iterator[int]:
        raise RuntimeError("no")


def cycle() -> list[Any]:
    cyclic: list[Any] = []
    cyclic.append({"again": cyclic})
    return cyclic


def nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


def laughs(levels: int) -> Any:
    value: Any = "ha"
    for _ in range(levels):
        value = [value] * 10
    return value


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"a": [1, 2.5, "x", True, None]}, {"a": [1, 2.5, "x", True, None]}),
        ((1, 2), [1, 2]),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (10**5000, "<int that cannot be shown>"),
        ([float("nan"), float("inf")], [None, None]),
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (datetime(2027, 1, 15, tzinfo=UTC), "2027-01-15 00:00:00+00:00"),
        (Status.DONE, "done"),
        ("\ud800x", "\ufffdx"),
        (
            {None: "b", True: "c", (1, 2): "d", 2.5: "e", "\udfff": "f"},
            {"true": "c", "null": "b", "(1, 2)": "d", "2.5": "e", "\ufffd": "f"},
        ),
        (Silent(), "<Silent that cannot be shown>"),
        (Exiting(), "<Exiting that cannot be shown>"),
        ({Silent(): 1}, {"<Silent that cannot be shown>": 1}),
        (
            {
                1,
            },
            "{1}",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_that_is_not_json_is_kept_as_what_is_nearest(value: Any, stored: Any) -> None:
    assert done(value).result == stored


@pytest.mark.parametrize(
    "value",
    [cycle(), nested(5000), laughs(50), Endless(), Broken([1]), list(range(10**6)), "x" * 10**7],
    ids=lambda value: type(value).__name__,
)
def test_a_result_is_bounded_in_depth_count_and_size(value: Any) -> None:
    stored = json.dumps(done(value).result)
    assert len(stored) < 2 * MAX_BODY
    assert stored.count("[") <= MAX_VALUES


def test_an_object_that_raises_whatever_it_is_asked_has_a_text() -> None:
    assert isinstance(done([Lying()]).result[0], str)


def test_nesting_up_to_the_bound_is_kept() -> None:
    assert done(nested(MAX_DEPTH)).result == nested(MAX_DEPTH)
    assert done(nested(MAX_DEPTH + 1)).result != nested(MAX_DEPTH + 1)


keys = st.integers() | st.text() | st.none()
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.dates()
    | st.decimals()
    | st.complex_numbers(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner),
)


@given(values)
def test_every_result_is_json(value: Any) -> None:
    result = done(value).result
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    json.dumps(result, ensure_ascii=False).encode()
