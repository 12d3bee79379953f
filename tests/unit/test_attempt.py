"""One attempt always ends in an outcome, whatever the server and the user's code do."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import (
    Certainty,
    Context,
    HTTPStatusError,
    InvalidRequest,
    JobError,
    JobRecord,
    Outcome,
    Queue,
    Reject,
    Response,
    RetryLater,
    TransportError,
    Verdict,
    done,
    fail,
)
from pyqueue._attempt import attempt
from pyqueue._http import Request

NOW = 1_800_000_000.0


class Clock:
    """A clock that stands still."""

    def now(self) -> float:
        return NOW

    async def sleep(self, seconds: float) -> None: ...


class Script:
    """A transport that answers from a list."""

    def __init__(self, *answers: Response | BaseException | int) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return Response(answer) if isinstance(answer, int) else answer


def stepped(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    """Drives a coroutine that waits for nothing, with no event loop."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        outcome: Outcome = stop.value
        return outcome
    raise AssertionError("it waits")


def job(payload: Any = None, task: str | None = "t", **fields: Any) -> JobRecord:
    payload = {} if payload is None else payload
    return JobRecord(1, "id", payload, NOW, fields.pop("idempotency_key", "key"), task=task, **fields)


def tried(
    function: Callable[..., Awaitable[Any]],
    *answers: Response | BaseException | int,
    payload: Any = None,
    **fields: Any,
) -> Outcome:
    """The outcome of a task function."""
    queue = Queue()
    queue.task("t")(function)
    return stepped(attempt(queue, job(payload, **fields), Script(*answers), Clock()))


def routed(answer: Response | BaseException | int, payload: Any = None, **options: Any) -> Outcome:
    """The outcome of a route."""
    queue = Queue()
    queue.http("t", "POST", options.pop("url", "/t"), **options)
    return stepped(attempt(queue, job(payload), Script(answer), Clock()))


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


ENDINGS: list[Callable[[], Any]] = [
    lambda: sys.exit(),
    lambda: sys.exit("bye"),
    lambda: (_ for _ in ()).throw(asyncio.CancelledError()),
    lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
    lambda: (_ for _ in ()).throw(BaseException("x")),
    lambda: (_ for _ in ()).throw(StopAsyncIteration()),
    lambda: (_ for _ in ()).throw(Unspeakable()),
    lambda: (_ for _ in ()).throw(BaseExceptionGroup("x", [SystemExit()])),
    lambda: (_ for _ in ()).throw(RecursionError()),
    lambda: (_ for _ in ()).throw(HTTPStatusError(None)),  # type: ignore[arg-type]
    lambda: 1 / 0,
]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_task_may_end_in_any_way(ending: Callable[[], Any]) -> None:
    async def task(ctx: Context) -> None:
        ending()

    outcome = tried(task)
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)
    assert outcome.error is not None
    assert outcome.error.code == "exception"


def test_an_attempt_that_is_cancelled_has_an_outcome_and_one_that_is_closed_has_none() -> None:
    class Waiting:
        async def send(self, request: Request) -> Response:
            await asyncio.sleep(3600)
            return Response(200)

    queue = Queue()
    queue.http("t", "POST", "/t")

    async def cancelled() -> Outcome:
        sending = asyncio.ensure_future(attempt(queue, job(), Waiting(), Clock()))
        await asyncio.sleep(0)
        sending.cancel()
        return await sending

    assert asyncio.run(cancelled()).certainty is Certainty.MAYBE_APPLIED

    class Suspended:
        def __await__(self) -> Any:
            yield

    @queue.task("u")
    async def task(ctx: Context) -> None:
        await Suspended()

    coroutine = attempt(queue, job(task="u"), Waiting(), Clock())
    coroutine.send(None)
    coroutine.close()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, "missing"),
        ({"text": "x", "other": 1}, "other"),
        ({"text": "x", "ctx": 1}, "ctx"),
        ({1: 2}, "keywords must be strings"),
    ],
)
def test_a_payload_that_does_not_fit_the_function_fails_before_anything_is_sent(
    payload: Any, reason: str
) -> None:
    async def task(ctx: Context, *, text: str) -> None: ...

    outcome = tried(task, payload=payload)
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)
    assert outcome.error is not None
    assert reason in outcome.error.message


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        (60, 60.0),
        ("60", 60.0),
        ("soon", None),
        (None, None),
        (-5, 0.0),
        (float("nan"), None),
        (object(), None),
    ],
)
def test_a_task_may_ask_to_wait_in_any_form(after: Any, seconds: float | None) -> None:
    async def task(ctx: Context) -> None:
        raise RetryLater("busy", after=after)

    outcome = tried(task)
    assert (outcome.verdict, outcome.after, outcome.certainty) == (
        Verdict.RETRY,
        seconds,
        Certainty.NEVER_SENT,
    )


async def one(ctx: Context) -> None:
    await ctx.http.post("/a")


async def one_and_reject(ctx: Context) -> None:
    with suppress(HTTPStatusError, TransportError):
        await ctx.http.post("/a")
    raise Reject("no")


async def two(ctx: Context) -> None:
    await ctx.http.post("/a")
    await ctx.http.post("/b")


async def two_attempts(ctx: Context) -> None:
    try:
        await ctx.http.post("/a")
    except HTTPStatusError:
        await ctx.http.post("/b")


async def invalid(ctx: Context) -> None:
    await ctx.http.request("PO ST", "/a")


@pytest.mark.parametrize(
    ("function", "answers", "verdict", "certainty"),
    [
        (one, [200], Verdict.DONE, Certainty.APPLIED),
        (one, [404], Verdict.FAIL, Certainty.REJECTED),
        (one, [503], Verdict.RETRY, Certainty.MAYBE_APPLIED),
        (one, [401], Verdict.HOLD, Certainty.REJECTED),
        (one, [TransportError("network", "x")], Verdict.RETRY, Certainty.MAYBE_APPLIED),
        (one, [RuntimeError("x")], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (one, [InvalidRequest("no such URL")], Verdict.FAIL, Certainty.NEVER_SENT),
        (invalid, [], Verdict.FAIL, Certainty.NEVER_SENT),
        (one_and_reject, [404], Verdict.FAIL, Certainty.REJECTED),
        (one_and_reject, [200], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (one_and_reject, [503], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (one_and_reject, [TransportError("timeout", "x")], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (two, [200, 404], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (two, [200, 401], Verdict.HOLD, Certainty.MAYBE_APPLIED),
        (two, [200, InvalidRequest("x")], Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (two_attempts, [404, 404], Verdict.FAIL, Certainty.MAYBE_APPLIED),
    ],
)
def test_the_certainty_of_a_function_counts_what_it_sent(
    function: Any, answers: list[Any], verdict: Verdict, certainty: Certainty
) -> None:
    outcome = tried(function, *answers)
    assert (outcome.verdict, outcome.certainty, outcome.confirmed) == (verdict, certainty, False)


def test_an_answer_to_a_function_proves_nothing_of_earlier_attempts() -> None:
    """They may have sent more than this one did."""
    assert not tried(one, Response(404, {"idempotency-key": '"key"'})).confirmed


@pytest.mark.parametrize(
    "options",
    [
        {"method": "TRACE"},
        {"method": None},
        {"url": None},
        {"headers": {"X-A": 1}},
        {"headers": {"idempotency-key": "mine"}},
        {"method": "GET", "body": "x"},
        {"encoding": "xml"},
    ],
)
def test_a_function_is_told_of_a_request_that_no_browser_makes(options: dict[str, Any]) -> None:
    async def task(ctx: Context) -> None:
        await ctx.http.request(**{"method": "POST", "url": "/a", **options})

    outcome = tried(task, 200)
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)
    assert outcome.error is not None
    assert outcome.error.code == "rejected"


@pytest.mark.parametrize("key", ["", "ä", "a\n", "x" * 256])
def test_a_key_that_no_header_holds_fails_before_anything_is_sent(key: str) -> None:
    outcome = tried(one, 200, idempotency_key=key)
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)


@pytest.mark.parametrize("payload", [{}, {"id": ".."}, {"id": None}, {"id": float("nan")}])
def test_a_payload_that_does_not_fill_the_url_was_never_sent(payload: Any) -> None:
    outcome = routed(200, payload, url="/a/{id}")
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)
    assert outcome.error is not None
    assert outcome.error.code == "template"


def test_an_unknown_task_was_never_sent() -> None:
    outcome = stepped(attempt(Queue(), job(), Script(), Clock()))
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)


@pytest.mark.parametrize(
    "payload", [{}, {"url": 5}, {"url": "/a", "headers": 5}, {"url": "/a", "method": "A B"}]
)
def test_a_request_that_cannot_be_made_was_never_sent(payload: Any) -> None:
    outcome = stepped(attempt(Queue(), job(payload, task=None), Script(200), Clock()))
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.NEVER_SENT)


@pytest.mark.parametrize(
    "answer", [asyncio.CancelledError(), SystemExit(), RuntimeError("x"), TransportError("network", "x")]
)
def test_a_transport_may_fail_in_any_way(answer: BaseException) -> None:
    assert routed(answer).certainty is Certainty.MAYBE_APPLIED


def test_a_refusal_of_a_route_is_confirmed_by_the_echo_of_its_key() -> None:
    assert routed(Response(404, {"idempotency-key": '"key"'})).confirmed
    assert not routed(Response(404, {"idempotency-key": '"other"'})).confirmed


def boom(response: Response) -> Any:
    raise SystemExit("boom")


WRONG_CLASSIFIES: list[Any] = [
    boom,
    lambda response: True,
    lambda response: "done",
    lambda response: response.json()["no"],
    lambda: None,
    lambda response: Outcome("nonsense"),  # type: ignore[arg-type]
    lambda response: Outcome(Verdict.EXPIRE),
    lambda response: Outcome(Verdict.FAIL, error="text"),  # type: ignore[arg-type]
    lambda response: Outcome(Verdict.FAIL, certainty="sure"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("classify", WRONG_CLASSIFIES)
def test_a_classify_that_fails_leaves_it_to_the_table_and_is_told(
    classify: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for status, verdict in ((201, Verdict.DONE), (404, Verdict.FAIL), (503, Verdict.RETRY)):
        with caplog.at_level(logging.WARNING, "pyqueue"):
            assert routed(status, classify=classify).verdict is verdict
        assert "task 't': classify failed" in caplog.text
        caplog.clear()


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (
            done(
                {
                    1,
                }
            ),
            done("{1}"),
        ),
        (Outcome(Verdict.DONE), done(None)),
        (
            fail("gone", "deleted"),
            Outcome(Verdict.FAIL, error=JobError("gone", "deleted", 410), certainty=Certainty.REJECTED),
        ),
        (
            Outcome(Verdict.HOLD),
            Outcome(Verdict.HOLD, error=JobError("http", "the server answered 410", 410), spent=False),
        ),
        (
            Outcome(Verdict.RETRY, after="60"),
            Outcome(Verdict.RETRY, error=JobError("http", "the server answered 410", 410), after=60.0),
        ),  # type: ignore[arg-type]
        (
            Outcome("fail", confirmed=True),
            Outcome(Verdict.FAIL, error=JobError("http", "the server answered 410", 410)),
        ),  # type: ignore[arg-type]
        (
            fail(5, None),
            Outcome(Verdict.FAIL, error=JobError("5", "None", 410), certainty=Certainty.REJECTED),
        ),  # type: ignore[arg-type]
    ],
)
def test_what_a_classify_says_is_made_fit_to_be_stored(said: Outcome, outcome: Outcome) -> None:
    assert routed(410, classify=lambda response: said) == outcome


def test_an_answer_without_the_echo_is_not_shown_to_the_classify() -> None:
    outcome = routed(200, require_key_echo=True, classify=lambda response: done("wrongly"))
    assert (outcome.verdict, outcome.certainty) == (Verdict.RETRY, Certainty.MAYBE_APPLIED)


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.functions()))
def test_any_value_of_a_task_is_a_result(value: Any) -> None:
    async def task(ctx: Context) -> Any:
        return value

    assert tried(task).verdict is Verdict.DONE
