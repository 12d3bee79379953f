"""How long a job waits between two attempts."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import DeclarationError, Retry
from pyqueue._retry import LONGEST_RETRY_AFTER, parse_retry_after, seconds_asked
from pyqueue._vocabulary import MAX_ATTEMPTS, MAX_TIMEOUT

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT

anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**5000),
    st.floats(),
    st.text(),
    st.binary(),
    st.just(object()),
    st.just([1]),
    st.just(timedelta(seconds=5)),
)


@pytest.mark.parametrize(
    ("attempts", "least", "most"),
    [(0, 0.5, 1), (1, 1, 2), (2, 2, 4), (3, 4, 8), (7, 64, 128), (9, 150, 300), (10**6, 150, 300)],
)
def test_the_wait_is_drawn_between_half_and_all_of_a_doubling_bound(
    attempts: int, least: float, most: float
) -> None:
    assert Retry().backoff(attempts, 0.0) == least
    assert Retry().backoff(attempts, 1.0) == most


@given(
    st.integers(0, 10_000),
    st.floats(0, MAX_TIMEOUT),
    st.floats(0, MAX_TIMEOUT),
    st.floats(0, 1),
    st.one_of(st.none(), st.floats(0)),
)
def test_a_wait_is_finite_and_no_shorter_than_what_was_asked(
    attempts: int, base: float, cap: float, jitter: float, after: float | None
) -> None:
    policy = Retry(base=base, cap=cap)
    backoff = policy.backoff(attempts, jitter)
    assert 0 <= backoff <= cap
    wait = policy.wait(attempts, after, jitter)
    assert wait == max(backoff, min(after or 0.0, LONGEST_RETRY_AFTER))


def test_retry_after_is_honoured_beyond_the_cap_up_to_a_day() -> None:
    assert Retry(cap=10).wait(3, 600.0, 1.0) == 600.0
    assert Retry(cap=10).wait(3, 10**9, 1.0) == 86_400.0
    assert Retry(cap=10).wait(3, 2.0, 1.0) == 8.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("0000000000060", 60.0),
        ("9" * 100_000, LONGEST_RETRY_AFTER),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 08:00:30 -0000", 30.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri Jan 15 08:00:30 2027", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 0001 07:00:00 GMT", 0.0),
        ("Fri, 15 Jan 9999 07:00:00 GMT", LONGEST_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
        ("٣٠", None),
        ("²", None),
        ("Fri, 15 Jan 99999999999 07:00:00 GMT", None),
        ("Fri, 15 Jan 2027 08:00:00 +99999999999", None),
        (None, None),
    ],
)
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


dates = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Fri", "Friday", ""]),
    st.integers(),
    st.sampled_from(["Jan", "Dec", "Foo", ""]),
    st.integers(),
    st.integers(-1, 99),
    st.integers(-1, 99),
    st.one_of(st.integers(-1, 99), st.floats()),
    st.one_of(st.sampled_from(["GMT", "EST", ""]), st.integers().map("{:+d}".format)),
)


@given(st.one_of(anything, dates))
def test_no_retry_after_value_raises(value: Any) -> None:
    for seconds in (parse_retry_after(value, NOW), seconds_asked(value, NOW)):
        assert seconds is None or 0 <= seconds <= LONGEST_RETRY_AFTER


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (60, 60.0),
        ("60", 60.0),
        (1.5, 1.5),
        (-1, 0.0),
        (10**400, LONGEST_RETRY_AFTER),
        (True, None),
        (math.nan, None),
    ],
)
def test_a_task_may_ask_for_a_wait_in_any_form(value: Any, seconds: float | None) -> None:
    assert seconds_asked(value, NOW) == seconds


def test_the_defaults_are_8_attempts_from_1_second_to_5_minutes() -> None:
    assert Retry() == Retry(max_attempts=8, base=1.0, cap=300.0)


@pytest.mark.parametrize(
    ("options", "policy"),
    [
        (None, Retry()),
        ({"max_attempts": 2}, Retry(max_attempts=2)),
        ({"max_attempts": 2.9, "base": 5, "other": 1}, Retry(max_attempts=2, base=5.0)),
        ({"max_attempts": 0, "base": -1, "cap": 1e300}, Retry(max_attempts=1, base=0.0, cap=MAX_TIMEOUT)),
        ({"max_attempts": math.nan, "base": math.inf, "cap": "9"}, Retry()),
        ({"max_attempts": 10**400, "base": True, "cap": None}, Retry(max_attempts=MAX_ATTEMPTS)),
        ("nonsense", Retry()),
    ],
)
def test_a_job_overrides_part_of_the_policy(options: Any, policy: Retry) -> None:
    assert Retry().with_options(options) == policy


@given(st.one_of(anything, st.dictionaries(st.sampled_from(["max_attempts", "base", "cap"]), anything)))
def test_no_option_of_a_job_raises(options: Any) -> None:
    policy = Retry().with_options(options)
    assert 1 <= policy.max_attempts <= MAX_ATTEMPTS
    assert 0 <= policy.backoff(policy.max_attempts, 1.0) <= MAX_TIMEOUT


@pytest.mark.parametrize("name", ["max_attempts", "base", "cap"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, 10**400, 1e300, True, "8", None, [1]])
def test_a_policy_out_of_range_is_refused_where_it_is_declared(name: str, value: Any) -> None:
    with pytest.raises(DeclarationError, match=rf"{name} is .*; give a (whole )?number from"):
        Retry(**{name: value})


@pytest.mark.parametrize("value", [0, 2.0, 1001])
def test_attempts_are_a_whole_number_up_to_1000(value: Any) -> None:
    with pytest.raises(DeclarationError, match="whole number from 1 to 1000"):
        Retry(max_attempts=value)
