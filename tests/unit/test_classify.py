"""What answers and exceptions mean: every one has an outcome, and none raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import (
    Certainty,
    HTTPStatusError,
    InvalidPayload,
    InvalidRequest,
    Outcome,
    Reject,
    Response,
    RetryLater,
    TransportError,
    Verdict,
)
from pyqueue._classify import classify, classify_exception
from pyqueue._problem import words_of
from pyqueue._vocabulary import ErrorCode

NOW = 1_800_000_000.0
KEY = '"8e03978e"'
DJANGO = b"""<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body><div id="summary">
<h1>Forbidden <span>(403)</span></h1><p>CSRF verification failed. Request aborted.</p></div></body></html>"""


def answer(status: int, value: object = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, {"content-type": "application/problem+json", **named}, json.dumps(value).encode())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_done(status: int) -> None:
    outcome = classify(Response(status), NOW)
    assert (outcome.verdict, outcome.certainty) == (Verdict.DONE, Certainty.APPLIED)


@pytest.mark.parametrize(
    ("response", "result"),
    [
        (answer(200, {"id": 5}), {"id": 5}),
        (answer(200), None),
        (Response(200, {"content-type": "application/json"}, b"{"), "{"),
        (Response(200, {"content-type": "application/json"}, b"[" * 100_000), "[" * 2000),
        (Response(200, {"content-type": "application/json"}, b"1" * 5000), "1" * 2000),
        (Response(200, {"content-type": "application/json"}, b"[1, NaN]"), "[1, NaN]"),
        (Response(200, {"content-type": "application/json"}, b'["\\ud800"]'), ["\ufffd"]),
        (Response(200, {"content-type": "application/json"}, b'"\xff"'), '"\ufffd"'),
        (Response(200, {"content-type": "application/json"}, b"[1, 2]", truncated=True), "[1, 2]"),
        (Response(200, {}, b"created"), "created"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_was_done_stays_done_whatever_the_body_is(response: Response, result: Any) -> None:
    outcome = classify(response, NOW)
    assert (outcome.verdict, outcome.result) == (Verdict.DONE, result)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 599])
def test_transient_statuses_are_retried_and_spend_an_attempt(status: int) -> None:
    outcome = classify(Response(status), NOW)
    assert (outcome.verdict, outcome.spent) == (Verdict.RETRY, True)
    assert outcome.certainty is Certainty.MAYBE_APPLIED


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 409, 410, 413, 415, 418, 422, 451])
def test_other_client_errors_fail_with_status_and_body(status: int) -> None:
    outcome = classify(Response(status, {}, b"no such post"), NOW)
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.REJECTED)
    assert outcome.error is not None
    assert (outcome.error.status, outcome.error.body) == (status, "no such post")


@pytest.mark.parametrize(
    "response",
    [
        Response(401),
        Response(403, {}, b"CSRF verification failed."),
        Response(403, {"content-type": "text/html"}, DJANGO),
        Response(403, {}, b"CSRF token verification failed"),
        answer(403, {"detail": "CSRF Failed: CSRF token missing."}),
        answer(403, {"type": "https://example.org/problems/csrf", "detail": "Reload the page."}),
        Response(
            400, {"content-type": "text/html"}, b"<h1>Bad Request</h1>\n<p>The CSRF token has expired.</p>"
        ),
        Response(400, {}, b"<p>The CSRF session token is missing.</p>"),
        answer(400, {"message": "The CSRF tokens do not match."}),
        Response(419, {}, b"Page Expired"),
        Response(0, redirected=True),
    ],
    ids=[
        *("401", "text", "Django", "starlette-csrf", "DRF", "problem"),
        *("Flask-WTF", "Flask-WTF without a session", "Flask-WTF as JSON", "Laravel", "redirect"),
    ],
)
def test_a_missing_sign_in_holds_the_queue_and_spends_nothing(response: Response) -> None:
    outcome = classify(response, NOW, KEY)
    assert (outcome.verdict, outcome.spent, outcome.confirmed) == (Verdict.HOLD, False, False)


@pytest.mark.parametrize(
    "response",
    [
        Response(
            403, {}, b"<p>You may not edit the article <q>CSRF explained: CSRF verification failed</q>.</p>"
        ),
        Response(403, {}, b'<meta name="csrf-token" content="x"><p>Members only</p>'),
        answer(403, {"detail": "You cannot delete the CSRF demo."}),
        Response(400, {}, b"CSRF verification failed."),
        Response(400, {}, b"<p>Please write about: The CSRF token is missing.</p>"),
        answer(422, {"detail": "The CSRF token is invalid."}),
    ],
)
def test_the_word_csrf_somewhere_in_a_page_holds_nothing(response: Response) -> None:
    assert classify(response, NOW).verdict is Verdict.FAIL


def test_a_redirect_tells_nothing_of_the_effect() -> None:
    assert classify(Response(0, redirected=True), NOW).certainty is Certainty.MAYBE_APPLIED


def test_409_of_the_layer_is_retried_soon_and_spends_nothing() -> None:
    in_flight = {"type": "urn:pyqueue:idempotency:in-flight"}
    outcome = classify(answer(409, in_flight), NOW)
    assert (outcome.verdict, outcome.spent, outcome.after) == (Verdict.RETRY, False, 1.0)
    assert classify(answer(409, in_flight, retry_after="7"), NOW).after == 7.0
    assert classify(answer(409, {"type": "https://example.org/in-flight"}), NOW).verdict is Verdict.FAIL


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413, 422, 429])
def test_a_refusal_behind_the_layer_proves_that_nothing_was_applied(status: int) -> None:
    outcome = classify(answer(status, {"detail": "no"}, idempotency_key=KEY), NOW, KEY)
    assert (outcome.confirmed, outcome.certainty) == (True, Certainty.REJECTED)


@pytest.mark.parametrize(
    ("response", "key"),
    [
        (answer(404, {"detail": "no"}), KEY),
        (answer(404, {"detail": "no"}, idempotency_key='"other"'), KEY),
        (answer(404, {"detail": "no"}, idempotency_key="8e03978e"), KEY),
        (answer(404, {"detail": "no"}, idempotency_key=KEY), None),
        (answer(401, {"detail": "no"}, idempotency_key=KEY), KEY),
        (answer(403, {"detail": "no"}, idempotency_key=KEY), KEY),
        (answer(503, {"detail": "no"}, idempotency_key=KEY), KEY),
        (answer(200, {"detail": "no"}, idempotency_key=KEY), KEY),
        *(
            (answer(status, {"type": f"urn:pyqueue:idempotency:{code}"}, idempotency_key=KEY), KEY)
            for status, code in [
                (400, "key-invalid"),
                (409, "in-flight"),
                (413, "body-too-large"),
                (422, "key-reused"),
            ]
        ),
    ],
)
def test_no_other_answer_proves_anything_of_earlier_attempts(response: Response, key: str | None) -> None:
    assert not classify(response, NOW, key).confirmed


def test_a_reused_key_says_that_an_earlier_attempt_was_accepted() -> None:
    outcome = classify(
        answer(422, {"type": "urn:pyqueue:idempotency:key-reused"}, idempotency_key=KEY), NOW, KEY
    )
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.MAYBE_APPLIED)
    assert outcome.error is not None
    assert "accepted with other content" in outcome.error.message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"title": "Invalid", "detail": "The text is empty."}, "The text is empty."),
        ({"title": "Invalid"}, "Invalid"),
        ({"message": "no"}, "no"),
        (
            {"detail": [{"loc": ["body", "text"], "msg": "field required", "type": "missing"}]},
            "text: field required",
        ),
        (
            {
                "detail": [
                    {"loc": ["body", "tags", 0], "msg": "too long"},
                    {"loc": ["query", "n"], "msg": "no"},
                ]
            },
            "tags.0: too long; query.n: no",
        ),
        ({"text": ["This field may not be blank."]}, "text: This field may not be blank."),
        ({"non_field_errors": ["The two dates overlap."]}, "The two dates overlap."),
        (
            {"author": {"name": ["Too long.", "No digits."]}},
            "author.name: Too long.; author.name: No digits.",
        ),
        ([{}, {"text": ["Required."]}], "text: Required."),
        (["Not now."], "Not now."),
        ({"title": "Invalid", "errors": {"Name": ["Required."]}}, "Invalid: Name: Required."),
        (
            {"title": "Invalid", "errors": [{"detail": "too young", "pointer": "#/person/age"}]},
            "Invalid: person.age: too young",
        ),
        ({"id": 5, "tags": ["a"]}, ""),
        ({}, ""),
        (None, ""),
        ("text", ""),
        ({"detail": {"x" * 1000: "y" * 1000}}, "x" * 500),
    ],
)
def test_the_servers_own_words_in_the_forms_of_its_framework(value: Any, words: str) -> None:
    assert words_of(value) == words
    outcome = classify(answer(422, value), NOW)
    assert outcome.error is not None
    assert outcome.error.message == (words or "the server answered 422")


names = st.sampled_from(["detail", "title", "errors", "type", "loc", "msg", "pointer", "message", "field"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | names, inner, max_size=4)
    ),
)
bodies = st.one_of(
    st.binary(),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [b"[" * 200_000, b'{"a":' * 200_000, b'"' + b'\\"' * 200_000, b"9" * 100_000, b"\xef\xbb\xbf{}"]
    ),
)
headers = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "idempotency-key"]),
    st.sampled_from(["application/json", "application/problem+json", KEY, "Fri, 32 Foo 99999 99:99:99 +9999"])
    | st.text(),
)


@given(st.integers(-1, 1000), headers, bodies, st.booleans(), st.booleans())
def test_every_answer_has_an_outcome_that_can_be_stored(
    status: int, headers: dict[str, str], body: bytes, redirected: bool, truncated: bool
) -> None:
    outcome = classify(Response(status, headers, body, redirected, truncated), NOW, KEY)
    check(outcome)
    assert (outcome.verdict is Verdict.DONE) == (200 <= status < 300)


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class OddStatus(HTTPStatusError):
    response = property(lambda self: 1 / 0)  # type: ignore[assignment]

    def __init__(self) -> None: ...


@pytest.mark.parametrize(
    ("exception", "verdict", "code", "certainty"),
    [
        (TransportError("network", "refused"), Verdict.RETRY, "network", Certainty.MAYBE_APPLIED),
        (TransportError("timeout", "30 s"), Verdict.RETRY, "timeout", Certainty.MAYBE_APPLIED),
        (TransportError("weird", "x"), Verdict.RETRY, "network", Certainty.MAYBE_APPLIED),
        (TransportError("offline", "x"), Verdict.RETRY, "offline", Certainty.MAYBE_APPLIED),
        (RetryLater("busy", after=7), Verdict.RETRY, "retry_later", Certainty.MAYBE_APPLIED),
        (HTTPStatusError(Response(503)), Verdict.RETRY, "http", Certainty.MAYBE_APPLIED),
        (HTTPStatusError(Response(404)), Verdict.FAIL, "http", Certainty.REJECTED),
        (Reject("no"), Verdict.FAIL, "rejected", Certainty.REJECTED),
        (InvalidRequest("no"), Verdict.FAIL, "rejected", Certainty.NEVER_SENT),
        (InvalidPayload("no"), Verdict.FAIL, "template", Certainty.NEVER_SENT),
        (KeyError("x"), Verdict.FAIL, "exception", Certainty.MAYBE_APPLIED),
        (SystemExit(1), Verdict.FAIL, "exception", Certainty.MAYBE_APPLIED),
        (Odd(), Verdict.FAIL, "exception", Certainty.MAYBE_APPLIED),
        (OddStatus(), Verdict.FAIL, "exception", Certainty.MAYBE_APPLIED),
        (Reject(Odd()), Verdict.FAIL, "rejected", Certainty.REJECTED),
        (ValueError("\ud800" * 5000), Verdict.FAIL, "exception", Certainty.MAYBE_APPLIED),
    ],
)
def test_what_exceptions_mean(
    exception: BaseException, verdict: Verdict, code: str, certainty: Certainty
) -> None:
    outcome = classify_exception(exception, NOW, KEY)
    check(outcome)
    assert outcome.error is not None
    assert (outcome.verdict, outcome.error.code, outcome.certainty) == (verdict, code, certainty)
    assert outcome.spent == (code != ErrorCode.OFFLINE)


def check(outcome: Outcome) -> None:
    """An outcome can be stored: plain data, valid Unicode, no text without a bound."""
    json.dumps(outcome.result, allow_nan=False)
    assert (outcome.error is None) == (outcome.verdict is Verdict.DONE)
    if outcome.error is not None:
        outcome.error.message.encode()
        (outcome.error.body or "").encode()
        assert len(outcome.error.message) <= 1100
        assert len(outcome.error.body or "") <= 2000
    assert outcome.after is None or 0 <= outcome.after <= 86_400
