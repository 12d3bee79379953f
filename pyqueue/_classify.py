"""What an answer, or an exception, means: the table in docs/guarantees.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from ._csrf import NoToken
from ._errors import InvalidPayload, InvalidRequest, Reject, RetryLater
from ._http import HTTPStatusError, Response, TransportError
from ._outcome import EXCERPT, MESSAGE, Outcome, Verdict, done, fail, job_error
from ._problem import (
    LAYER,
    PRINCIPAL_MISMATCH,
    is_csrf_refusal,
    is_json,
    json_of,
    type_of,
    words_of,
)
from ._redirect import redirect_of
from ._retry import parse_retry_after, seconds_asked
from ._text import clean, text_of
from ._vocabulary import UNREACHABLE, Certainty, ErrorCode

TRANSIENT: Final = frozenset({408, 425, 429})
"""Client errors that may pass by themselves (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4); so may every 5xx."""

IN_FLIGHT_AFTER: Final = 1.0
"""Seconds to wait for an attempt that is in flight, where the server names none."""

NO_TOKEN_AFTER: Final = 60.0
"""Seconds after which a token is looked for again, if nobody opens a page before."""


def classify(response: Response, now: float, key: str | None = None) -> Outcome:
    """What an answer means. Never raises.

    Args:
        response: the answer.
        now: Unix time in seconds, to read a `Retry-After` date by.
        key: the `Idempotency-Key` header that was sent, if the answer may settle what became of all
            attempts with it.
    """
    status = response.status
    if response.ok:
        return done(result_of(response))
    if response.redirected:
        # It may lead to a login, or to the page that follows a success: nothing is known.
        return _hold(
            "the server redirected, and does not tell where to: it seems to ask to sign in again",
            None,
            Certainty.MAYBE_APPLIED,
        )
    if (redirect := redirect_of(response)) is not None:
        nothing_done = Certainty.REJECTED if redirect.repeats or redirect.login else Certainty.MAYBE_APPLIED
        if redirect.login:
            return _hold("the server redirected to a login", redirect.status, nothing_done)
        message = f"the server redirected to {redirect.location} ({redirect.status})"
        elsewhere = job_error(ErrorCode.HTTP, message, redirect.status)
        return Outcome(Verdict.FAIL, error=elsewhere, certainty=nothing_done)
    value = json_of(response)
    confirmed = key is not None and _is_of_the_layer(response, value, key)
    problem_type = type_of(value)
    if problem_type == PRINCIPAL_MISMATCH and status == 403:
        # By the layer, before anything was claimed or done.
        somebody = "somebody else is signed in" if value.get("signed_in") is True else "nobody is signed in"
        return _hold(f"the server says that {somebody}", status, Certainty.NEVER_SENT)
    if status == 401:
        return _hold(f"the server asks to sign in again ({status})", status, Certainty.REJECTED)
    if is_csrf_refusal(response):
        message = f"the server refuses the CSRF token ({status}): sign in again, or reload the page"
        return _hold(message, status, Certainty.REJECTED)
    after = parse_retry_after(response.headers.get("retry-after"), now)
    if status == 409 and problem_type == f"{LAYER}in-flight":
        still = job_error(ErrorCode.HTTP, "an earlier attempt is still at work on the server", status)
        after = IN_FLIGHT_AFTER if after is None else after
        return Outcome(Verdict.RETRY, error=still, after=after, spent=False)
    if status == 422 and problem_type == f"{LAYER}key-reused":
        message = "an earlier attempt with this idempotency key was accepted with other content"
        reused = job_error(ErrorCode.HTTP, message, status, response.text()[:EXCERPT])
        return Outcome(Verdict.FAIL, error=reused, certainty=Certainty.MAYBE_APPLIED)
    message = words_of(value) or f"the server answered {status}"
    refusal = job_error(ErrorCode.HTTP, message, status, response.text()[:EXCERPT] or None)
    if status in TRANSIENT or not 400 <= status < 500:
        certainty = Certainty.REJECTED if confirmed else Certainty.MAYBE_APPLIED
        verdict = Verdict.RETRY if status in TRANSIENT or status >= 500 else Verdict.FAIL
        return Outcome(verdict, error=refusal, after=after, certainty=certainty, confirmed=confirmed)
    return Outcome(Verdict.FAIL, error=refusal, certainty=Certainty.REJECTED, confirmed=confirmed)


def classify_exception(exception: BaseException, now: float, key: str | None = None) -> Outcome:
    """What it means that an attempt raised: no answer, a task's own word, or a mistake in the task.

    Never raises.

    Args:
        exception: what the attempt raised.
        now, key: as for `classify`, which says what an `HTTPStatusError` means.
    """
    try:
        if (outcome := _said(exception, now, key)) is not None:
            return outcome
    except Exception:  # A subclass of the user's own may do anything when its attributes are read.
        pass
    message = f"{type(exception).__name__}: {text_of(exception, MESSAGE)}"
    return fail(ErrorCode.EXCEPTION, message, Certainty.MAYBE_APPLIED)


def _said(exception: BaseException, now: float, key: str | None) -> Outcome | None:
    """What an exception of pyqueue's own says; `None` for any other."""
    match exception:
        case TransportError(kind=ErrorCode.OFFLINE):
            # The browser knows that there is no network, so the attempt is not spent. It may have left:
            # the network can be lost while an answer is awaited.
            there_is_none = job_error(ErrorCode.OFFLINE, "there is no network")
            return Outcome(Verdict.RETRY, error=there_is_none, spent=False)
        case TransportError():
            code = exception.kind if exception.kind in UNREACHABLE else ErrorCode.NETWORK
            return Outcome(Verdict.RETRY, error=job_error(code, exception))
        case NoToken(code=ErrorCode.NO_TOKEN):
            missing = job_error(ErrorCode.NO_TOKEN, exception)
            certainty = Certainty.NEVER_SENT
            return Outcome(
                Verdict.RETRY, error=missing, after=NO_TOKEN_AFTER, spent=False, certainty=certainty
            )
        case NoToken(code=ErrorCode.UNAUTHORIZED):
            return _hold(str(exception), None, Certainty.NEVER_SENT)
        case NoToken():
            # Its URL had no answer: as if the request itself had none, but that it never left.
            unreachable = _said(TransportError(exception.code, str(exception)), now, key)
            return unreachable and replace(unreachable, certainty=Certainty.NEVER_SENT)
        case HTTPStatusError(response=Response() as response):
            return classify(response, now, key)
        case RetryLater():
            later = job_error(ErrorCode.RETRY_LATER, exception)
            return Outcome(Verdict.RETRY, error=later, after=seconds_asked(exception.after, now))
        case Reject():
            return fail(ErrorCode.REJECTED, text_of(exception, MESSAGE))
        case InvalidRequest():
            return fail(ErrorCode.REJECTED, text_of(exception, MESSAGE), Certainty.NEVER_SENT)
        case InvalidPayload():
            return fail(ErrorCode.TEMPLATE, text_of(exception, MESSAGE), Certainty.NEVER_SENT)
    return None


def result_of(response: Response) -> Any:
    """A successful answer's body: the JSON value, else the text; `None` where there is no body."""
    if not response.body:
        return None
    if is_json(response):
        try:
            return response.json()
        except ValueError:
            pass  # What was done stays done.
    return clean(response.text(), EXCERPT)


def _is_of_the_layer(response: Response, value: Any, key: str) -> bool:
    """Whether the answer passed the server's idempotency layer with this very key, as a new request.

    The layer echoes the key, replays what was applied, and lets a request through only while no other is
    at work. So a refusal by what stands behind it proves that nothing was applied under this key. A refusal
    of its own proves nothing; nor do 401 and 403, which may be said to another person than the one whose
    keys an earlier attempt was kept among.
    """
    echoed = response.headers.get("idempotency-key") == key
    proving = 400 <= response.status < 500 and response.status not in (401, 403)
    return echoed and proving and not type_of(value).startswith(LAYER)


def _hold(message: str, status: int | None, certainty: Certainty) -> Outcome:
    held = job_error(ErrorCode.UNAUTHORIZED, message, status)
    return Outcome(Verdict.HOLD, error=held, spent=False, certainty=certainty)
