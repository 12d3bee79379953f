"""What answers mean and how long retries wait."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Certainty, DeclarationError, Reject, Response, Retry, RetryLater, TransportError, Verdict
from pyqueue._outcome import classify, classify_exception, parse_retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


def problem(status: int, **members: str) -> Response:
    return Response(status, {"content-type": "application/problem+json"}, json.dumps(members).encode())


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_done(status: int) -> None:
    outcome = classify(Response(status), NOW)
    assert outcome.verdict is Verdict.DONE
    assert outcome.certainty is Certainty.APPLIED


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
def test_transient_statuses_are_retried_and_spend_an_attempt(status: int) -> None:
    outcome = classify(Response(status), NOW)
    assert (outcome.verdict, outcome.spent) == (Verdict.RETRY, True)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 409, 410, 413, 415, 418, 422, 451])
def test_other_client_errors_fail_with_status_and_body(status: int) -> None:
    outcome = classify(Response(status, {}, b"no such post"), NOW)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.certainty is Certainty.REJECTED
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.body) == (status, "no such post")


@pytest.mark.parametrize(
    "response",
    [Response(401), Response(403, {}, b"CSRF verification failed."), Response(0, redirected=True)],
    ids=["401", "csrf", "redirect"],
)
def test_a_missing_sign_in_holds_the_queue_and_spends_nothing(response: Response) -> None:
    outcome = classify(response, NOW)
    assert (outcome.verdict, outcome.spent) == (Verdict.HOLD, False)


def test_409_with_the_in_flight_problem_type_is_retried_soon() -> None:
    outcome = classify(problem(409, type="urn:pyqueue:idempotency:in-flight"), NOW)
    assert (outcome.verdict, outcome.after) == (Verdict.RETRY, 1.0)


def test_the_servers_own_words_become_the_message() -> None:
    outcome = classify(problem(422, title="Invalid", detail="The text is empty."), NOW)
    assert outcome.error is not None
    assert outcome.error.message == "The text is empty."


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1.5", None),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


@given(st.text())
def test_no_retry_after_value_raises(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


def test_exceptions_of_an_attempt() -> None:
    network = classify_exception(TransportError("network", "refused"), NOW)
    assert (network.verdict, network.spent) == (Verdict.RETRY, True)
    offline = classify_exception(TransportError("offline", "x"), NOW)
    assert (offline.verdict, offline.spent) == (Verdict.RETRY, False)
    later = classify_exception(RetryLater("busy", after=7), NOW)
    assert (later.verdict, later.after) == (Verdict.RETRY, 7)
    assert classify_exception(Reject("no"), NOW).verdict is Verdict.FAIL
    mistake = classify_exception(KeyError("x"), NOW)
    assert (mistake.verdict, mistake.certainty) == (Verdict.FAIL, Certainty.MAYBE_APPLIED)


@given(st.integers(1, 10_000), st.floats(0, 10), st.floats(0, 1000), st.integers())
def test_backoff_is_full_jitter_under_the_exponential_bound_and_the_cap(
    attempts: int, base: float, cap: float, seed: int
) -> None:
    wait = Retry(base=base, cap=cap).backoff(attempts, Random(seed))
    assert 0 <= wait <= cap
    assert attempts > 64 or wait <= base * 2.0 ** (attempts - 1)


def test_the_defaults_are_8_attempts_from_1_second_to_5_minutes() -> None:
    assert Retry() == Retry(max_attempts=8, base=1.0, cap=300.0)


def test_a_job_overrides_part_of_the_policy() -> None:
    assert Retry().with_options({"max_attempts": 2}) == Retry(max_attempts=2)


@pytest.mark.parametrize("wrong", [{"max_attempts": 0}, {"base": -1.0}, {"cap": -1.0}])
def test_a_policy_out_of_range_is_refused_where_it_is_declared(wrong: dict[str, float]) -> None:
    with pytest.raises(DeclarationError):
        Retry(**wrong)  # type: ignore[arg-type]
