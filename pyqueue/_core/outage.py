"""Outage: a circuit breaker over the whole queue.

When job after job gets no answer, or the answer of a server in trouble, it is not the jobs' fault. Then one
job at a time probes, with a growing wait, and the others keep their attempts. The first answer of a server
that works opens the queue again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .._outcome import Outcome, Verdict
from .._record import is_count, is_number
from .._retry import Retry
from .._vocabulary import ErrorCode

JOBS_IN_A_ROW = 3
"""So many jobs, one after the other and without a success between, make an outage."""

CONFLICT = 409
"""The status of the answer that an earlier attempt is still at work: the server works."""

_TROUBLE = (ErrorCode.NETWORK, ErrorCode.TIMEOUT, ErrorCode.HTTP)


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage that goes on, as stored in `meta.outage`.

    Attributes:
        code: of the error with which it began.
        message: of the last error, for a person.
        since: Unix time in seconds.
        probe_at: when the next job may leave, Unix time in seconds.
        probes: those that failed.
    """

    code: str
    message: str
    since: float
    probe_at: float
    probes: int = 0


class Breaker:
    """Decides whether there is an outage.

    Args:
        stored: `meta.outage`; anything malformed counts as none.
        policy: whose waits the probes keep.
    """

    def __init__(self, stored: Any, policy: Retry) -> None:
        self.outage = _read(stored)
        self._policy = policy
        self._row: set[int] = set()

    def stored(self) -> Mapping[str, Any] | None:
        """What `meta.outage` is to hold."""
        return asdict(self.outage) if self.outage else None

    def may_send(self, now: float, in_flight: int) -> bool:
        """Whether a job may leave: any, or in an outage one at a time."""
        return self.outage is None or (in_flight == 0 and self.outage.probe_at <= now)

    def correct_wait(self, now: float) -> None:
        """However the clock was set meanwhile, no wait is longer, from now, than the policy's cap."""
        if self.outage is not None and self.outage.probe_at > now + self._policy.cap:
            self.outage = replace(self.outage, probe_at=now + self._policy.cap)

    def judge(self, seq: int, outcome: Outcome, now: float, jitter: float, *, probe: bool) -> bool:
        """Learns from the end of an attempt.

        Args:
            seq: of the job.
            outcome: of its attempt.
            now: Unix time in seconds.
            jitter: a random number from 0 up to 1.
            probe: it was sent during the outage; otherwise it had left before.

        Returns:
            Whether the attempt failed for the outage, not for the job.
        """
        if self._works(outcome):
            self.outage = None
            self._row.clear()
            return False
        error = outcome.error
        if outcome.verdict is not Verdict.RETRY or error is None:
            return False
        if error.code == ErrorCode.OFFLINE:
            self._begin(error.code, error.message, now, now + self._policy.cap)
            return True
        if error.code not in _TROUBLE:
            return False
        self._row.add(seq)
        if self.outage is None:
            if len(self._row) < JOBS_IN_A_ROW:
                return False
            self._begin(error.code, error.message, now, now + self._policy.wait(1, None, jitter))
            return True
        if not probe:
            return True
        probes = self.outage.probes + 1
        probe_at = now + self._policy.wait(probes + 1, None, jitter)
        self.outage = replace(
            self.outage, code=error.code, message=error.message, probe_at=probe_at, probes=probes
        )
        return True

    def probe_now(self, now: float, codes: frozenset[str] | None = None) -> None:
        """Something says that it may be over: the next probe leaves at once.

        Args:
            now: Unix time in seconds.
            codes: only if the outage is of one of these; `None`: in any case.
        """
        if self.outage is not None and (codes is None or self.outage.code in codes):
            self.outage = replace(self.outage, probe_at=min(self.outage.probe_at, now))

    def end(self) -> None:
        """Nothing waits any more."""
        self.outage = None

    def _begin(self, code: str, message: str, now: float, probe_at: float) -> None:
        since = self.outage.since if self.outage else now
        probes = self.outage.probes if self.outage else 0
        self.outage = Outage(code, message, since, probe_at, probes)

    @staticmethod
    def _works(outcome: Outcome) -> bool:
        if outcome.verdict in (Verdict.DONE, Verdict.HOLD):
            return True
        status = outcome.error.status if outcome.error else None
        return status is not None and (outcome.verdict is Verdict.FAIL or status == CONFLICT)


def _read(stored: Any) -> Outage | None:
    if not isinstance(stored, Mapping):
        return None
    texts = all(isinstance(stored.get(name), str) for name in ("code", "message"))
    numbers = all(is_number(stored.get(name)) for name in ("since", "probe_at"))
    if not texts or not numbers or not is_count(stored.get("probes", 0)):
        return None
    return Outage(
        stored["code"], stored["message"], stored["since"], stored["probe_at"], stored.get("probes", 0)
    )
