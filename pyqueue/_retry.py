"""How often a job is tried, and how long it waits between two attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Any, Final

from ._checks import check_count, check_number
from ._vocabulary import MAX_ATTEMPTS, MAX_TIMEOUT

LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds: a server's `Retry-After` is honoured up to a day, whatever the cap of the policy."""

_DOUBLINGS: Final = 64
"""After so many doublings every base has reached every cap; a float cannot hold many more."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently a job is tried.

    The wait after attempt n is drawn between half and all of `min(cap, base * 2**n)` seconds: with the
    defaults 1-2, 2-4, 4-8, ... up to 150-300 s. Eight attempts last through a restart or a deployment.

    Args:
        max_attempts: attempts before the job is given up, 1 to 1000.
        base: seconds, 0 to 86,400.
        cap: seconds, 0 to 86,400. A server's `Retry-After` may ask for more, up to a day.

    Raises:
        DeclarationError: a value is out of range.
    """

    max_attempts: int = 8
    base: float = 1.0
    cap: float = 300.0

    def __post_init__(self) -> None:
        check_count("Retry: max_attempts", self.max_attempts, 1, MAX_ATTEMPTS)
        check_number("Retry: base", self.base, 0.0, MAX_TIMEOUT)
        check_number("Retry: cap", self.cap, 0.0, MAX_TIMEOUT)

    def with_options(self, options: Mapping[str, Any] | None) -> Retry:
        """This policy with a job's own `{max_attempts?, base?, cap?}`; what it does not name stays.

        Never raises: a number out of range becomes the nearest in range, everything else is ignored.
        """
        if not isinstance(options, Mapping):
            return self
        attempts = _clamped(options.get("max_attempts"), 1, MAX_ATTEMPTS)
        return replace(
            self,
            max_attempts=self.max_attempts if attempts is None else int(attempts),
            base=_first(_clamped(options.get("base"), 0.0, MAX_TIMEOUT), self.base),
            cap=_first(_clamped(options.get("cap"), 0.0, MAX_TIMEOUT), self.cap),
        )

    def backoff(self, attempts: int, jitter: float) -> float:
        """Seconds to wait after the given number of attempts: exponential, the upper half at random.

        The random half spreads the clients of a server that comes back; the fixed half keeps an unlucky
        job from spending all its attempts at once.

        Args:
            attempts: those that were spent, 0 or more.
            jitter: a random number from 0 to 1.
        """
        bound = min(self.cap, self.base * 2.0 ** min(attempts, _DOUBLINGS))
        return bound * (1.0 + jitter) / 2.0

    def wait(self, attempts: int, after: float | None, jitter: float) -> float:
        """Seconds to wait before the next attempt: the backoff, or longer where the server asked for it.

        Args:
            attempts: those that were spent, 0 or more.
            after: seconds that the server or the task asked for, if it did; honoured up to a day.
            jitter: a random number from 0 to 1.
        """
        backoff = self.backoff(attempts, jitter)
        return backoff if after is None else max(backoff, min(after, LONGEST_RETRY_AFTER))


def parse_retry_after(value: Any, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110 10.2.3), in either form. Never raises.

    Args:
        value: a number of seconds or an HTTP date.
        now: Unix time in seconds.

    Returns:
        From 0, which is what a past date gives, to a day; `None` where the value is neither form.
    """
    if not isinstance(value, str):
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        # A day has five digits, and Python takes long to convert a million of them, or refuses.
        digits = value.lstrip("0")
        return LONGEST_RETRY_AFTER if len(digits) > 5 else min(float(digits or "0"), LONGEST_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(value)
        seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except Exception:  # The parser raises IndexError, OverflowError and others besides ValueError.
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def seconds_asked(value: Any, now: float) -> float | None:
    """Seconds that user code asked to wait, as a number or as the text of a `Retry-After` header.

    Never raises.

    Returns:
        From 0 to a day; `None` where the value is neither.
    """
    number = _clamped(value, 0.0, LONGEST_RETRY_AFTER)
    return parse_retry_after(value, now) if number is None else number


def _clamped(value: Any, low: float, high: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return float(min(max(value, low), high))


def _first(value: float | None, default: float) -> float:
    return default if value is None else value
