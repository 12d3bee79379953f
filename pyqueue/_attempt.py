"""One attempt: a job becomes requests, their answers become an outcome.

Nothing here needs an event loop: a coroutine of `attempt` may also be driven with `send`.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any, Final

from ._classify import classify, classify_exception
from ._context import Context, HTTPClient
from ._encryption import EncryptedPayload, is_sealed
from ._http import WITHOUT_BODY, Request, Response, quote_key
from ._outcome import Outcome, Verdict, checked, done, fail, job_error
from ._payload import check_own_request
from ._ports import Clock, Transport
from ._queue import Queue
from ._record import JobRecord
from ._redact import redacted
from ._redirect import redirect_of, send_following
from ._task import Route, Task, TaskFunction
from ._text import text_of
from ._vocabulary import Certainty, ErrorCode

_log = logging.getLogger("pyqueue")

_KEY: Final = "Idempotency-Key"


async def attempt(queue: Queue, job: JobRecord, transport: Transport, clock: Clock) -> Outcome:
    """Makes one attempt at a job that was claimed, and says what became of it.

    It returns an outcome whatever happens: also if the task calls `sys.exit()`, and if the attempt is
    cancelled. Only `GeneratorExit` (the coroutine is closed, nobody takes an outcome) passes through.

    Args:
        queue: where the job's task is declared.
        job: the claimed job.
        transport: how requests leave.
        clock: to read a `Retry-After` date by.
    """
    outcome = await _attempt(queue, job, transport, clock)
    return outcome if queue.redact is None else redacted(outcome, queue.redact)


async def _attempt(queue: Queue, job: JobRecord, transport: Transport, clock: Clock) -> Outcome:
    task = queue.find(job.task)
    if task is None:
        return fail(ErrorCode.UNKNOWN_TASK, f"no task {job.task!r} is declared", Certainty.NEVER_SENT)
    timeout = task.timeout if job.timeout is None else job.timeout
    if is_sealed(job.payload) and (task.route is None or task.route.method in WITHOUT_BODY):
        message = f"the payload is sealed to the server, but task {job.task!r} sends no such body any more"
        return fail(ErrorCode.REJECTED, message, Certainty.NEVER_SENT)
    if task.function is not None:
        return await _call(task.function, job, HTTPClient(transport, job.idempotency_key, timeout), clock)
    return await _send(task, job, transport, clock, timeout)


async def _call(function: TaskFunction, job: JobRecord, http: HTTPClient, clock: Clock) -> Outcome:
    try:
        return done(await function(Context(job, http), **job.payload))
    except GeneratorExit:
        raise
    except BaseException as exception:
        now = clock.now()
        return replace(classify_exception(exception, now), certainty=_certainty(http, now))


def _certainty(http: HTTPClient, now: float) -> Certainty:
    """What is known of the effect of a task function that did not return.

    A server that refused one request may have accepted another. So only a refusal of the one request that
    was sent rejects the job; and no answer is proof against earlier attempts, which may have sent others.
    """
    if http.sent == 0:
        return Certainty.NEVER_SENT
    if http.sent > 1 or http.answer is None or http.answer.ok:
        return Certainty.MAYBE_APPLIED
    return classify(http.answer, now).certainty


async def _send(task: Task, job: JobRecord, transport: Transport, clock: Clock, timeout: float) -> Outcome:
    try:
        request = _request(task.route, job, timeout)
    except Exception as exception:
        return replace(classify_exception(exception, clock.now()), certainty=Certainty.NEVER_SENT)
    try:
        response = await send_following(transport, request)
    except GeneratorExit:
        raise
    except BaseException as exception:
        return classify_exception(exception, clock.now())
    return _meaning(task, request.headers[_KEY], response, clock.now())


def _meaning(task: Task, key: str, response: Response, now: float) -> Outcome:
    """What an answer means for a job that is one request: first by its route, then by the table."""
    route = task.route
    if route is not None:
        if route.require_key_echo and response.ok and response.headers.get("idempotency-key") != key:
            message = "the answer does not echo the idempotency key: it is not the server's own"
            return Outcome(Verdict.RETRY, error=job_error(ErrorCode.HTTP, message, response.status))
        if (outcome := _of_route(task.name, route, response, now)) is not None:
            return outcome
        if route.redirect == "done" and _leads_on(response):
            return done(None)
    return classify(response, now, key)


def _leads_on(response: Response) -> bool:
    """Whether an answer is the redirect that follows a success, as far as can be known."""
    redirect = redirect_of(response)
    return response.redirected if redirect is None else not (redirect.login or redirect.repeats)


def _of_route(name: str | None, route: Route, response: Response, now: float) -> Outcome | None:
    """What the route's own `classify` says; `None` where the table is to decide."""
    if route.classify is None:
        return None
    try:
        outcome = route.classify(response)
        return None if outcome is None else checked(outcome, response.status, now)
    except BaseException as reason:  # User code: a mistake in it must not undo what the server did.
        _log.warning(
            "task %r: classify failed on an answer with status %d, which is taken as usual: %s: %s",
            name,
            response.status,
            type(reason).__name__,
            text_of(reason, 200),
        )
        return None


def _request(route: Route | None, job: JobRecord, timeout: float) -> Request:
    """The request of a job: its route's, or the `{url, method?, headers?, body?}` that it carries."""
    key, payload = {_KEY: quote_key(job.idempotency_key)}, job.payload
    if route is None:
        method = check_own_request(payload)
        headers = {**(payload.get("headers") or {}), **key}
        return Request(method, payload["url"], headers, payload.get("body"), "auto", timeout, "manual")
    url = route.url.fill(payload)
    body: Any = None if route.method in WITHOUT_BODY else payload
    headers = {**route.headers, **key}
    if isinstance(payload, EncryptedPayload) and (sealed := payload.sealed_body) is not None:
        body = sealed.body
        # What the route says of the body is true of the one within.
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        headers = {**headers, **sealed.headers(job)}
    follow = route.redirect == "follow"
    return Request(
        route.method, url, headers, body, route.encoding, timeout, "follow" if follow else "manual"
    )
