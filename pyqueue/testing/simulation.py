"""A whole queue in memory: the real engine and driver, with virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from .._destinations import Destinations
from .._driver import Driver
from .._errors import InvalidPayload, InvalidRequest, UnknownJob
from .._payload import check_payload, check_request
from .._ports import Store, Transport
from .._queue import Queue
from .._record import JobRecord, decode
from .._sift import check_no_secrets
from .._vocabulary import Status
from .clock import ManualClock, VirtualTimeLoop
from .server import FakeServer
from .site import MemorySite
from .store import Disk, MemoryStore

T = TypeVar("T")


class MemoryLock:
    """The Lock port within one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        async with self._lock:
            yield


class RecordingWaker:
    """The Waker port: keeps what it was told.

    Attributes:
        wake_at: when there is work next, as armed last.
        published: (id, status) of every change, in order.
        holds: why the queue is held, as published last.
    """

    def __init__(self) -> None:
        self.wake_at: float | None = None
        self.published: list[tuple[str, Status]] = []
        self.holds: Mapping[str, Any] = {}

    def arm(self, wake_at: float | None) -> None:
        self.wake_at = wake_at

    def publish(self, jobs: Iterable[JobRecord], holds: Mapping[str, Any]) -> None:
        self.published += [(job.id, job.status) for job in jobs]
        self.holds = holds


class Simulation:
    """A page, a worker and a server in memory; use it as a context manager.

    Its `site` is a `MemorySite`: the cookies and open pages in which CSRF tokens are found.

    Args:
        queue: the declaration under test.
        server: what answers; by default it accepts everything once.
        seed: of all randomness.
        store, transport: other ports to run over.
    """

    def __init__(
        self,
        queue: Queue,
        server: FakeServer | None = None,
        *,
        seed: int = 0,
        store: Store | None = None,
        transport: Transport | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.queue = queue
        self.server = server or FakeServer()
        self.disk = disk or Disk()
        self.waker = RecordingWaker()
        self.site = MemorySite()
        self.random = Random(seed)
        self.loop = VirtualTimeLoop()
        self.clock = ManualClock(self.loop)
        self.principal: str | None = None
        """Who is signed in, as the page knows; `None`: the site never says."""
        self._store = store or MemoryStore(self.disk)
        self._transport = transport or self.server
        self.restart()

    def restart(self) -> None:
        """The worker dies where it stands, and starts again over what is on disk."""
        self._kill()
        self._driver = Driver(
            self.queue,
            self._store,
            self._transport,
            self.clock,
            MemoryLock(),
            self.waker,
            self.site,
            self.random,
        )

    def enqueue(self, task: str | None, payload: Mapping[str, Any], **options: Any) -> str:
        """Appends a job, as a page does, and returns its id. The worker is not woken yet.

        Args:
            task: the declared name, or `None` for a payload `{url, method?, headers?, body?}`.
            payload: the fields.
            **options: `ordering_key`, `idempotency_key`, `unique_key`, `on_conflict`, `delay`, `expires`,
                `timeout`, `retry`.

        Raises:
            InvalidPayload: the payload is not something that can be stored and sent, as in a browser.
        """
        payload = check_no_secrets(task, payload, self.queue.csrf)
        size = check_payload(payload) if task is not None else check_request(payload)
        if task is None:
            self._check_destination(payload["url"])
        job_id = str(UUID(int=self.random.getrandbits(128), version=4))
        named = {} if task is None else {"task": task}
        fields = {"id": job_id, "payload": dict(payload), "bytes": size, **named}
        self._append("enqueue", **fields, options=options)
        return job_id

    def _check_destination(self, url: str) -> None:
        try:
            Destinations(self.site.origin, self.queue.origins).find(url)
        except InvalidRequest as invalid:
            raise InvalidPayload(str(invalid)) from None

    def identify(self, principal: str) -> None:
        """The page says who is signed in, as the browser's `identify` does; `NOBODY`: nobody."""
        self.principal = principal
        self._append("identify")

    def command(self, type: str, **fields: Any) -> None:
        """Appends any other command: `cancel`, `retry`, `discard`, `edit`, `pause`, `resume`, `flush`."""
        self._append(type, **fields)

    def _append(self, type: str, **fields: Any) -> None:
        named = {} if self.principal is None else {"principal": self.principal}
        self.disk.append(type, self.clock.now(), **{**named, **fields})

    def wake(self, reason: str = "append", *, linger: float = 0.0) -> float | None:
        """Wakes the worker, lets it deliver what is due, and returns when there is work next."""
        return self._complete(self._driver.wake(reason, linger=linger))

    def run(self, seconds: float = 3600.0) -> None:
        """Lets time pass with a page open: wakes the worker now and whenever its schedule says so."""
        end = self.clock.now() + seconds
        wake_at = self.wake()
        while wake_at is not None and wake_at <= end:
            self._complete(self.clock.sleep(max(0.0, wake_at - self.clock.now())))
            wake_at = self.wake("timer")
        self._complete(self.clock.sleep(max(0.0, end - self.clock.now())))

    def jobs(self) -> list[JobRecord]:
        """All stored jobs, in order."""
        return [decode(self.disk.jobs[seq]) for seq in sorted(self.disk.jobs)]

    def job(self, job_id: str) -> JobRecord:
        """One stored job.

        Raises:
            UnknownJob: no job with this id has been admitted.
        """
        for job in self.jobs():
            if job.id == job_id:
                return job
        raise UnknownJob(job_id)

    def _complete(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    def _kill(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.wait(tasks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._kill()
        self.loop.close()
