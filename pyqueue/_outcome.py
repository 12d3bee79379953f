"""What one attempt came to: the verdict, and what is known of the job's effect."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ._plain import plain
from ._record import JobError
from ._retry import seconds_asked
from ._text import clean, text_of
from ._vocabulary import Certainty, ErrorCode

MESSAGE: Final = 1000
"""Characters of an error's message that are kept."""

EXCERPT: Final = 2000
"""Characters of an answer's body that are kept with an error."""


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
        after: for `RETRY`, seconds the server or the task asked to wait; `None` leaves it to the policy.
        spent: whether the attempt counts.
        certainty: what this attempt tells of the job's effect.
        confirmed: whether `certainty` holds for all attempts with this idempotency key, not only for this
            one: the server's idempotency layer answered for this very key, and would have answered
            otherwise if an earlier attempt had been applied.
    """

    verdict: Verdict
    result: Any = None
    error: JobError | None = None
    after: float | None = None
    spent: bool = True
    certainty: Certainty = Certainty.MAYBE_APPLIED
    confirmed: bool = False


def done(result: Any) -> Outcome:
    """The server did it. Never raises.

    What was done stays done, even if the result cannot be stored as it is: see `pyqueue._plain`.
    """
    return Outcome(Verdict.DONE, result=plain(result), certainty=Certainty.APPLIED)


def fail(code: str, message: str, certainty: Certainty = Certainty.REJECTED) -> Outcome:
    """Trying again by itself would not help.

    Args:
        code: a stable word to branch on.
        message: one sentence for a person.
        certainty: what is known of the job's effect; by default, that there is none.
    """
    return Outcome(Verdict.FAIL, error=job_error(code, message), certainty=certainty)


def job_error(code: str, message: Any, status: int | None = None, body: str | None = None) -> JobError:
    """A `JobError` whose texts can be stored, whatever they were. Never raises."""
    return JobError(
        code=text_of(code, MESSAGE) or ErrorCode.EXCEPTION,
        message=text_of(message, MESSAGE),
        status=status,
        body=None if body is None else clean(body, EXCERPT),
    )


def checked(outcome: Any, status: int, now: float) -> Outcome:
    """The outcome that user code returned for an answer, made fit to be stored.

    Args:
        outcome: what it returned.
        status: of the answer.
        now: Unix time in seconds.

    Raises:
        TypeError, ValueError: it is not an outcome that an answer can have.
    """
    if not isinstance(outcome, Outcome):
        raise TypeError(f"an Outcome or None was expected, not {type(outcome).__name__}")
    verdict = Verdict(outcome.verdict)
    if verdict is Verdict.DONE:
        return done(outcome.result)
    if verdict is Verdict.EXPIRE:
        raise ValueError("an answer does not make a job expire")
    given = outcome.error or JobError(ErrorCode.HTTP, f"the server answered {status}", status)
    return Outcome(
        verdict,
        error=job_error(given.code, given.message, status, None if given.body is None else str(given.body)),
        after=seconds_asked(outcome.after, now),
        spent=bool(outcome.spent) and verdict is not Verdict.HOLD,
        certainty=Certainty(outcome.certainty),
    )
