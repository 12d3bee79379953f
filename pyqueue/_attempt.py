"""One attempt: a job becomes requests, their answers become an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import InvalidPayload, PyqueueError
from ._http import Request, Response
from ._outcome import Outcome, Verdict, classify, classify_exception, done, fail
from ._ports import Clock, Transport
from ._queue import Queue, Redirect, Route, Task
from ._record import JobError, JobRecord
from ._vocabulary import Certainty

_WITHOUT_BODY = frozenset({"DELETE", "GET", "HEAD"})


class HTTPStatusError(PyqueueError):
    """A task's request was answered with a status that is not 2xx.

    Left uncaught it means what the answer means: 503 is retried, 404 fails the job.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"the server answered {response.status}")
        self.response = response


@dataclass(slots=True)
class HTTPClient:
    """The HTTP client of a task. Every request carries an idempotency key.

    The first request of an attempt has the job's key, the n-th the key with `/n` behind it: a task that
    makes the same requests in the same order repeats the same keys.
    """

    _transport: Transport
    _job: JobRecord
    _timeout: float
    _count: int = 0

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        encoding: str = "auto",
    ) -> Response:
        """Sends one request and returns its 2xx answer.

        Args:
            method: as `POST`.
            url: absolute, or relative to the site's root.
            body: text, bytes, a `Blob`, or a mapping to be encoded.
            headers: further headers.
            encoding: `json`, `form`, `multipart` or `auto`.

        Raises:
            HTTPStatusError: the answer is not 2xx.
            TransportError: there was no answer.
        """
        self._count += 1
        key = self._job.idempotency_key if self._count == 1 else f"{self._job.idempotency_key}/{self._count}"
        sent = {**(headers or {}), "Idempotency-Key": quote_key(key)}
        request = Request(method.upper(), url, sent, body, encoding, self._timeout)
        response = await self._transport.send(request)
        if not response.ok:
            raise HTTPStatusError(response)
        return response

    async def post(self, url: str, **options: Any) -> Response:
        """`request` with the method POST."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response:
        """`request` with the method PUT."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response:
        """`request` with the method PATCH."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response:
        """`request` with the method DELETE."""
        return await self.request("DELETE", url, **options)

    async def get(self, url: str, **options: Any) -> Response:
        """`request` with the method GET."""
        return await self.request("GET", url, **options)


@dataclass(frozen=True, slots=True)
class Context:
    """What a task function gets besides its payload.

    Attributes:
        job: the job, with `attempts` counting this one.
        http: the client to send requests with.
    """

    job: JobRecord
    http: HTTPClient

    @property
    def idempotency_key(self) -> str:
        """The job's key, the same at every attempt."""
        return self.job.idempotency_key


def quote_key(key: str) -> str:
    """An idempotency key as a header value: a structured-field string (RFC 9651 3.3.3).

    Raises:
        InvalidPayload: the key is empty, over 255 characters or not printable ASCII.
    """
    if not 1 <= len(key) <= 255 or not (key.isascii() and key.isprintable()):
        raise InvalidPayload(f"idempotency key {key!r} must be 1 to 255 characters of printable ASCII")
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


async def attempt(queue: Queue, job: JobRecord, transport: Transport, clock: Clock) -> Outcome:
    """Makes one attempt at a job that was claimed, and says what became of it. Never raises.

    Args:
        queue: where the job's task is declared.
        job: the claimed job.
        transport: how requests leave.
        clock: to read a `Retry-After` date by.
    """
    task = queue.find(job.task)
    if task is None:
        return fail("unknown_task", f"no task {job.task!r} is declared", job.certainty)
    timeout = task.timeout if job.timeout is None else job.timeout
    try:
        if task.function is not None:
            context = Context(job, HTTPClient(transport, job, timeout))
            return done(await task.function(context, **job.payload))
        return await _send(task, job, transport, clock, timeout)
    except InvalidPayload as invalid:
        return fail("template", str(invalid), job.certainty)
    except GeneratorExit:
        raise
    except BaseException as exception:
        return classify_exception(exception, clock.now())


async def _send(task: Task, job: JobRecord, transport: Transport, clock: Clock, timeout: float) -> Outcome:
    route = task.route
    if route is None:
        request, redirect = _own_request(job, timeout), "hold"
    else:
        request, redirect = _routed_request(route, job, timeout), route.redirect
    response = await transport.send(request)
    if route is not None and route.classify is not None:
        outcome = route.classify(response)
        if outcome is not None:
            return outcome
    if route is not None and route.echo and response.ok and not _echoes(request, response):
        message = "the answer does not echo the idempotency key: it is not the server's own"
        return Outcome(
            Verdict.RETRY,
            error=JobError("http", message, response.status),
            certainty=Certainty.MAYBE_APPLIED,
        )
    if response.redirected and redirect == "done":
        return done(None)
    return classify(response, clock.now())


def _routed_request(route: Route, job: JobRecord, timeout: float) -> Request:
    headers = {**route.headers, "Idempotency-Key": quote_key(job.idempotency_key)}
    url = route.url.fill(job.payload, url=True)
    body = None if route.method in _WITHOUT_BODY else job.payload
    return Request(route.method, url, headers, body, route.encoding, timeout, _fetch_mode(route.redirect))


def _own_request(job: JobRecord, timeout: float) -> Request:
    """The request that a job carries: `{url, method?, headers?, body?}`."""
    url = job.payload.get("url")
    if not isinstance(url, str):
        raise InvalidPayload("a job without a task needs a payload with 'url'")
    headers = dict(job.payload.get("headers") or {})
    method = str(job.payload.get("method") or "POST").upper()
    sent = {**headers, "Idempotency-Key": quote_key(job.idempotency_key)}
    return Request(method, url, sent, job.payload.get("body"), "auto", timeout, "manual")


def _fetch_mode(redirect: Redirect) -> str:
    return "follow" if redirect == "follow" else "manual"


def _echoes(request: Request, response: Response) -> bool:
    return response.headers.get("idempotency-key") == request.headers["Idempotency-Key"]
