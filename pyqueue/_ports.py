"""Ports: what the queue needs from the place it runs in.

`pyqueue.browser` implements them over IndexedDB, Web Locks, fetch and Background Sync;
`pyqueue.testing` in memory. Both pass the same contract, tests/contract.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._http import Request, Response
from ._principal import NOBODY
from ._record import JobRecord
from ._vocabulary import Status


@dataclass(frozen=True, slots=True)
class Query:
    """What to read. Several parts are answered by the union, each job once.

    Attributes:
        inbox_after: the commands whose `seq` is above this, by `seq`; `None`: no commands.
        inbox_limit: at most so many of them.
        ids: the jobs with these ids.
        unique_keys: the jobs with these unique keys.
        principal: whose jobs `due_after` and `late` are about.
        due_after: the jobs with a `due`, by `(due, seq)`, above this pair; `None`: none.
        due_limit: at most so many of them.
        late: ((due, seq), limit): as `due_after` and `due_limit`, besides.
        lines: for each of these ordering keys, the jobs that have it as `open_key`, by `seq`, above the `seq`
            given.
        line_depth: at most so many of each.
        status: (status, after, limit): the jobs with this status, by `seq`, above `after`.
        mine: (principal, status, after, limit): that principal's jobs with this status, by `seq`, above
            `after`.
        backoff: (kind, after, limit): the jobs with this `backoff`, by `seq`, above `after`.
        retained: for each (group, before, limit): the jobs with this `retained`, the longest-settled first,
            settled before that time.
    """

    inbox_after: int | None = None
    inbox_limit: int = 0
    ids: frozenset[str] = frozenset()
    unique_keys: frozenset[str] = frozenset()
    principal: str = NOBODY
    due_after: tuple[float, int] | None = None
    due_limit: int = 0
    late: tuple[tuple[float, int], int] | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    line_depth: int = 0
    status: tuple[Status, int, int] | None = None
    mine: tuple[str, Status, int, int] | None = None
    backoff: tuple[str, int, int] | None = None
    retained: tuple[tuple[str, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that the store cannot even hand over.

    Attributes:
        source: `inbox` or `jobs`.
        seq: its key.
        reason: one sentence.
    """

    source: str
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a query found. Records are as they are stored: whoever reads them checks them.

    Attributes:
        commands: records of the inbox, by `seq`; each has its key as `seq`.
        jobs: records of jobs, by `seq`; each has its key as `seq`.
        unreadable: what was found besides.
    """

    commands: Sequence[Mapping[str, Any]] = ()
    jobs: Sequence[Mapping[str, Any]] = ()
    unreadable: Sequence[Unreadable] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What one commit writes, all or nothing.

    Attributes:
        jobs: records to put, by `seq`.
        deleted: `seq` of jobs to delete.
        taken: `seq` of inbox commands that are dealt with and go.
        aside: records that move from their store to `aside`, with the reason.
        meta: named values to put in `meta`.
    """

    jobs: Sequence[JobRecord] = ()
    deleted: Sequence[int] = ()
    taken: Sequence[int] = ()
    aside: Sequence[Unreadable] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.jobs or self.deleted or self.taken or self.aside or self.meta)


class Store(Protocol):
    """The durable store. Every call is one transaction; calls do not overlap."""

    async def take_over(self, now: float) -> Mapping[str, Any]:
        """Raises the epoch, so that every earlier owner's commits are refused from here on.

        Returns:
            All of `meta`, by name, with the new `owner`.
        """
        ...

    async def load(self, query: Query) -> Loaded:
        """What the query names, of one moment."""
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
            InvalidRequest: no such request can be made, or its URL leads elsewhere than to `Request.origin`;
                nothing was sent.
        """
        ...


class Site(Protocol):
    """The site that the queue belongs to, and the CSRF tokens that it has left in the browser.

    Attributes:
        origin: as `https://example.org`.
    """

    @property
    def origin(self) -> str: ...

    async def cookie(self, name: str, refused: Collection[str] = ()) -> str | None:
        """The value of a cookie that scripts may read, as it is now. Never raises.

        Args:
            name: of the cookie.
            refused: values that are of no use any more: they count as none.

        Returns:
            The value as it is in the cookie, or `None`.
        """
        ...

    async def meta(self, name: str, refused: Collection[str] = ()) -> str | None:
        """The `content` of the `<meta>` with this name in an open page of the site. Never raises.

        Of several pages the first counts that answers with none of the refused ones. None answers within
        some seconds where all are frozen, and at once where none is open.

        Returns:
            The text, or `None`.
        """
        ...


class Vault(Protocol):
    """The keys of encrypted payloads. Their records may have been changed by anybody: see `open`."""

    async def open(self, job: JobRecord) -> Mapping[str, Any]:
        """The payload as the site gave it.

        Raises:
            Locked: its key is made of a secret that no page has given since this worker began.
            Unopened: its key is gone, or the record is not what was written for this job and this person.
        """
        ...

    async def hide(self, job: JobRecord, text: str) -> str | None:
        """A text, encrypted for whoever can read the job's payload; `None`: the key is not there any more.

        Never raises.
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
