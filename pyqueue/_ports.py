"""Ports: what the queue needs from the place it runs in.

`pyqueue.browser` implements them over IndexedDB, Web Locks, fetch and Background Sync;
`pyqueue.testing` in memory. Both pass the same contract, tests/contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._http import Request, Response
from ._record import JobRecord
from ._vocabulary import Status


@dataclass(frozen=True, slots=True)
class Command:
    """One record of the inbox: what a page asked for.

    Attributes:
        seq: its place in the total order of commands.
        type: `enqueue`, `cancel`, `retry`, `discard`, `edit`, `pause`, `resume` or `flush`.
        at: when the page made it, Unix time in seconds.
        fields: the command's other fields, as in docs/architecture.md. A `null` of the page is `None`.
    """

    seq: int
    type: str
    at: float
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs to load. Several parts are answered by the union, each job once.

    Attributes:
        ids: the jobs with these ids.
        unique_keys: the open jobs with these unique keys.
        due_limit: the first so many jobs by due time, due at or before `due_before`.
        due_before: Unix time in seconds.
        heads: for each of these ordering keys, its first `heads_depth` jobs in order (by `open_key`, `seq`).
        heads_depth: at least 1.
        status: jobs with this status, by `seq`, at most `status_limit` (`None`: all).
        settled: (status, before, limit): the longest-settled jobs of a status, settled before that time.
    """

    ids: frozenset[str] = frozenset()
    unique_keys: frozenset[str] = frozenset()
    due_limit: int = 0
    due_before: float = float("inf")
    heads: frozenset[str] = frozenset()
    heads_depth: int = 1
    status: Status | None = None
    status_limit: int | None = None
    settled: tuple[Status, float, int] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit writes, all or nothing.

    Attributes:
        jobs: records to put, by `seq`.
        deleted: `seq` of jobs to delete.
        taken: `seq` of inbox commands that are dealt with and go.
        meta: named values to put in `meta`.
    """

    jobs: Sequence[JobRecord] = ()
    deleted: Sequence[int] = ()
    taken: Sequence[int] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.jobs or self.deleted or self.taken or self.meta)


class Store(Protocol):
    """The durable store. Every call is one transaction; calls do not overlap."""

    async def take_over(self, now: float) -> Mapping[str, Any]:
        """Raises the epoch, so that every earlier owner's commits are refused from here on.

        Returns:
            All of `meta`, by name, with the new `owner`.
        """
        ...

    async def inbox(self, limit: int) -> Sequence[Command]:
        """The first commands of the inbox, by `seq`, at most `limit`."""
        ...

    async def load(self, query: Query) -> Sequence[JobRecord]:
        """The jobs that the query names, by `seq`."""
        ...

    async def next_due(self) -> float | None:
        """The earliest `due` of any job."""
        ...

    async def commit(self, changes: Changes, now: float) -> None:
        """Writes the changes, and `meta.owner.beat_at = now`, if this owner's epoch is still the highest.

        Raises:
            OwnershipLost: it is not; nothing was written.
            StoreError: the engine refused (quota, lost connection); nothing was written.
        """
        ...


class Transport(Protocol):
    """Sends requests. Calls may overlap."""

    async def send(self, request: Request) -> Response:
        """Sends one request and reads the whole answer. Cancelling the call aborts the request.

        Raises:
            TransportError: there was no (whole) answer.
            InvalidRequest: no such request can be made; nothing was sent.
        """
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> float:
        """Unix time in seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits at least so long."""
        ...


class Lock(Protocol):
    """At most one owner of the queue in this browser profile."""

    def hold(self) -> AbstractAsyncContextManager[None]:
        """Waits for the lock and holds it for the block's length.

        A holder that is frozen may lose it to another (its epoch is then overtaken).
        """
        ...


class Waker(Protocol):
    """Arms wake-ups and tells the pages. A call never raises and is not awaited."""

    def arm(self, wake_at: float | None) -> None:
        """There is work at `wake_at` (Unix time in seconds), or none (`None`).

        Registers Background Sync where that is possible and tells open pages, which keep a timer.
        """
        ...

    def publish(self, jobs: Iterable[JobRecord], holds: Mapping[str, Any]) -> None:
        """These jobs have changed (after their commit)."""
        ...
