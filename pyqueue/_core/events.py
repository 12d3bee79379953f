"""What an owner is told (events) and what it asks for (actions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._outcome import Outcome
from .._ports import Changes, Loaded, Query
from .._record import JobRecord


@dataclass(frozen=True, slots=True)
class Started:
    """The ownership has begun.

    Attributes:
        meta: all named values of the store.
    """

    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Woken:
    """Something woke the worker: there may be news in the inbox.

    Attributes:
        reason: `append`, `load`, `online`, `visible`, `timer` or `sync`.
        linger: seconds from now for which to wait for work that comes due, instead of ending.
    """

    reason: str
    linger: float = 0.0


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt has ended.

    Attributes:
        job_id: of the job that was sent.
        outcome: what became of the attempt.
        jitter: a random number from 0 up to 1, for the wait that may follow.
    """

    job_id: str
    outcome: Outcome
    jitter: float


@dataclass(frozen=True, slots=True)
class FlagRead:
    """The kill switch was read.

    Attributes:
        flag: what the file said; `None`: it could not be read.
    """

    flag: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit that was asked for is durable."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The time of `Rest` has come."""


Event = Started | Woken | Loaded | Committed | Answered | FlagRead | TimePassed


@dataclass(frozen=True, slots=True)
class Load:
    """Read from the store; answer with `Loaded`. Until then no other `Load` or `Commit` is asked for."""

    query: Query


@dataclass(frozen=True, slots=True)
class Commit:
    """Write to the store, all or nothing; answer with `Committed`. If the store refuses, the ownership is
    over: what was not committed is as before, and the next owner finds it."""

    changes: Changes


@dataclass(frozen=True, slots=True)
class Send:
    """Make one attempt; answer with `Answered`. Its claim is durable.

    Attributes:
        job: with `attempts` counting this one.
        depth: jobs of this queue that are not settled, this one included, as far as the inbox was read.
        oldest_at: when the oldest of them that the owner knows was enqueued, Unix time in seconds.
    """

    job: JobRecord
    depth: int
    oldest_at: float


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Stop an attempt that takes too long. It is not answered any more."""

    job_id: str


@dataclass(frozen=True, slots=True)
class ReadFlag:
    """Read the kill switch at this URL; answer with `FlagRead`."""

    url: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell the pages what has changed; it is durable."""

    jobs: Sequence[JobRecord]
    holds: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arm:
    """Make sure that something wakes the worker.

    Attributes:
        wake_at: Unix time in seconds; `None`: there is no work.
    """

    wake_at: float | None


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing can be done before an event comes, or until this time has come (Unix time in seconds)."""

    until: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The ownership is over: release the queue.

    Attributes:
        wake_at: when there is work next, Unix time in seconds; `None`: there is none.
    """

    wake_at: float | None


Action = Load | Commit | Send | Withdraw | ReadFlag | Publish | Arm | Rest | Finish
