"""Retry: what an answer means, and how long to wait before the next attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import StrEnum
from random import Random
from typing import Any

from ._errors import DeclarationError, Reject, RetryLater
from ._http import Response, TransportError
from ._record import JobError
from ._vocabulary import Certainty

TRANSIENT = frozenset({408, 425, 429})
"""Client errors that may pass by themselves (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4); so may every 5xx."""

IN_FLIGHT = "in-flight"
"""How the problem type ends that says: an earlier attempt with this key is still at work."""

IN_FLIGHT_AFTER = 1.0
"""Seconds to wait for an attempt that is in flight, where the server names none."""

BODY_EXCERPT = 2000
"""Characters of a refusing answer's body that are kept with the job."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a job is tried.

    Args:
        max_attempts: attempts before the job is given up; at least 1.
        base: seconds; the first retry waits between 0 and this, each further one up to twice as long.
        cap: seconds; the longest wait, also for a server's `Retry-After`.

    Raises:
        DeclarationError: a value is out of range.
    """

    max_attempts: int = 8
    base: float = 1.0
    cap: float = 300.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or self.base < 0 or self.cap < 0:
            raise DeclarationError(f"{self}: max_attempts must be at least 1, base and cap not negative")

    def with_options(self, options: Mapping[str, Any] | None) -> Retry:
        """This policy with a job's own `{max_attempts?, base?, cap?}`; what it does not name stays."""
        if not options:
            return self
        known = {f.name for f in fields(self)}
        return replace(self, **{name: value for name, value in options.items() if name in known})

    def backoff(self, attempts: int, random: Random) -> float:
        """Seconds to wait after the given number of attempts (at least 1): exponential with full jitter.

        Full jitter (a uniform draw from zero to the exponential bound) spreads the clients of a server
        that comes back best: M. Brooker, "Exponential Backoff And Jitter", 2015.
        """
        bound = self.cap if attempts > 64 else min(self.cap, self.base * 2.0 ** (attempts - 1))
        return random.uniform(0.0, bound)


class Verdict(StrEnum):
    """What becomes of a job after an attempt."""

    DONE = "done"
    """The server did it."""

    RETRY = "retry"
    """Try again later."""

    FAIL = "fail"
    """Trying again by itself would not help."""

    HOLD = "hold"
    """Nobody is signed in: hold the whole queue; the attempt is not spent."""

    EXPIRE = "expire"
    """Its time ran out before it was sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one attempt, and what is known.

    Attributes:
        verdict: what becomes of the job.
        result: for `DONE`, the task's result.
        error: for all others, why.
        after: for `RETRY`, seconds the server asked to wait; `None` leaves it to the policy.
        spent: whether the attempt counts.
        certainty: what is now known about the job's effect.
    """

    verdict: Verdict
    result: Any = None
    error: JobError | None = None
    after: float | None = None
    spent: bool = True
    certainty: Certainty = Certainty.MAYBE_APPLIED
    confirmed: bool = False


def done(result: Any) -> Outcome:
    """The server did it.

    What was done must not be undone by a result that cannot be stored: a value that is not JSON is kept as
    its text, and not-a-number as nothing.
    """
    storable = json.loads(json.dumps(result, default=str), parse_constant=lambda name: None)
    return Outcome(Verdict.DONE, result=storable, certainty=Certainty.APPLIED)


def fail(code: str, message: str, certainty: Certainty = Certainty.REJECTED) -> Outcome:
    """Trying again by itself would not help."""
    return Outcome(Verdict.FAIL, error=JobError(code, message), certainty=certainty)


def parse_retry_after(value: str, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110 10.2.3), in either form.

    Args:
        value: a number of seconds or an HTTP date.
        now: Unix time in seconds.

    Returns:
        At least 0; `None` where the value is neither form.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - now)


def classify(response: Response, now: float) -> Outcome:
    """What a whole answer means, by the table in docs/guarantees.md.

    Args:
        response: the answer.
        now: Unix time in seconds, to read a `Retry-After` date by.
    """
    status = response.status
    if response.ok:
        return done(result_of(response))
    if response.redirected or status == 401 or (status == 403 and _is_csrf(response)):
        reason = "redirect" if response.redirected else str(status)
        message = f"the server asks to sign in again ({reason})"
        return Outcome(
            Verdict.HOLD,
            error=JobError("unauthorized", message, status=status or None),
            spent=False,
            certainty=Certainty.REJECTED,
        )
    after = parse_retry_after(response.headers.get("retry-after", ""), now)
    if status == 409 and _problem_type(response).endswith(IN_FLIGHT):
        error = JobError("http", "an earlier attempt is still at work on the server", status=status)
        return Outcome(Verdict.RETRY, error=error, after=IN_FLIGHT_AFTER if after is None else after)
    error = JobError(
        "http", _message_of(response), status=status, body=response.text()[:BODY_EXCERPT] or None
    )
    if status in TRANSIENT or status >= 500:
        return Outcome(Verdict.RETRY, error=error, after=after)
    return Outcome(Verdict.FAIL, error=error, certainty=Certainty.REJECTED)


def classify_exception(exception: Exception, now: float) -> Outcome:
    """What it means that an attempt raised: no answer, a task's own word, or a mistake in the task.

    Args:
        exception: what the attempt raised. One with a `response` attribute (`HTTPStatusError` of a task's
            request) means what that answer means.
        now: Unix time in seconds.
    """
    match exception:
        case TransportError(kind="offline"):
            # The browser knows that there is no network, so the attempt is not spent. It may have left:
            # the network can be lost while an answer is awaited.
            return Outcome(Verdict.RETRY, error=JobError("offline", "there is no network"), spent=False)
        case TransportError():
            return Outcome(Verdict.RETRY, error=JobError(exception.kind, str(exception)))
        case RetryLater():
            return Outcome(
                Verdict.RETRY, error=JobError("retry_later", str(exception)), after=exception.after
            )
        case Reject():
            return fail("rejected", str(exception))
    response = getattr(exception, "response", None)
    if isinstance(response, Response):
        return classify(response, now)
    return fail("exception", f"{type(exception).__name__}: {exception}", Certainty.MAYBE_APPLIED)


def result_of(response: Response) -> Any:
    """A successful answer's body: the JSON value, else the text; `None` where there is no body."""
    if not response.body:
        return None
    if "json" in response.headers.get("content-type", ""):
        try:
            return response.json()
        except ValueError:
            pass
    return response.text()[:BODY_EXCERPT]


def _is_csrf(response: Response) -> bool:
    return "csrf" in response.text().lower()


def _problem(response: Response) -> Mapping[str, Any]:
    if "json" not in response.headers.get("content-type", ""):
        return {}
    try:
        value = response.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _problem_type(response: Response) -> str:
    return str(_problem(response).get("type", ""))


def _message_of(response: Response) -> str:
    """The server's own words for a person (RFC 9457 `detail`, then `title`), else the status."""
    problem = _problem(response)
    for name in ("detail", "message", "error", "title"):
        if isinstance(text := problem.get(name), str) and text:
            return text
    return f"the server answered {response.status}"
