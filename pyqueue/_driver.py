"""Driver: performs what the owner asks for, over the ports. It decides nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from math import inf
from random import Random
from typing import Any

from . import __version__
from ._attempt import attempt
from ._authorized import Authorizations, Authorized
from ._core.events import (
    Action,
    Answered,
    Arm,
    Commit,
    Committed,
    Event,
    Finish,
    FlagRead,
    Load,
    Publish,
    ReadFlag,
    Rest,
    Send,
    Started,
    TimePassed,
    Withdraw,
    Woken,
)
from ._core.owner import Owner
from ._destinations import Destinations
from ._encryption import attempt_opened
from ._errors import OwnershipLost
from ._http import Request
from ._outcome import Outcome
from ._outgoing import Outgoing, Tokens, own_headers
from ._ports import Clock, Lock, Site, Store, Transport, Vault, Waker
from ._queue import Queue
from ._record import JobRecord

FLAG_TIMEOUT = 5.0
"""Seconds that the kill switch may take to be read."""


class Driver:
    """Delivers what is due, while it holds the lock of the queue.

    Args:
        queue: the declaration.
        store, transport, clock, lock, waker, site: the ports, see `pyqueue._ports`.
        random: for jitter. After a restored memory snapshot it must have been seeded anew.
        vault: opens encrypted payloads; `None`: this place has no keys.
    """

    def __init__(
        self,
        queue: Queue,
        store: Store,
        transport: Transport,
        clock: Clock,
        lock: Lock,
        waker: Waker,
        site: Site,
        random: Random,
        vault: Vault | None = None,
    ) -> None:
        self.queue = queue
        self.store = store
        self.transport = transport
        self.clock = clock
        self.lock = lock
        self.waker = waker
        self.site = site
        self.random = random
        self.vault = vault
        self.destinations = Destinations(site.origin, queue.origins)
        auth = queue.authorization
        self.authorizations = None if auth is None else Authorizations(auth, clock)
        self.tokens = None if queue.csrf is None else Tokens(queue.csrf, transport, site, clock)
        self._wakes: list[Woken] = []
        self._ownership: _Ownership | None = None
        self._run: asyncio.Task[float | None] | None = None

    async def wake(self, reason: str, *, linger: float = 0.0) -> float | None:
        """Delivers all that is due, then lets the queue go. Calls that overlap share one run.

        Args:
            reason: what woke the worker: `append`, `load`, `online`, `visible`, `timer` or `sync`.
            linger: seconds from now for which the run waits for work that becomes due later.

        Returns:
            When there is work next (Unix time in seconds), or `None`. The waker was told before.

        Raises:
            StoreError: the store failed. Whatever was not committed is as before; unknown outcomes are sent
                again, with the same key, by the next run.
        """
        woken = Woken(reason, linger)
        if self._ownership is None:
            self._wakes.append(woken)
        else:
            self._ownership.feed(woken)
        if self._run is None:
            self._run = asyncio.ensure_future(self._run_until_idle())
        return await asyncio.shield(self._run)

    async def _run_until_idle(self) -> float | None:
        try:
            while True:
                async with self.lock.hold():
                    wakes, self._wakes = self._wakes, []
                    self._ownership = _Ownership(self)
                    try:
                        wake_at = await self._ownership.run(wakes)
                    except OwnershipLost:
                        wake_at = None  # The new owner goes on, and arms the wake-ups.
                    finally:
                        self._wakes += self._ownership.unheard
                        self._ownership = None
                # No await between this check and the end of the run: a wake-up either is seen here or
                # starts the next run.
                if not self._wakes:
                    return wake_at
        finally:
            self._run = None


class _Ownership:
    """One span of time as the owner."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._owner = Owner(driver.queue, __version__)
        self._transaction: Load | Commit | None = None
        self._call: asyncio.Future[None] | None = None
        self._rest_until = inf
        self._alarm: tuple[float, asyncio.TimerHandle] | None = None
        self._finish: Finish | None = None
        self._has_started = False
        self._sends: dict[str, asyncio.Task[Outcome]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self.unheard: list[Woken] = []
        """Wake-ups that came too late for this ownership."""

    async def run(self, wakes: Iterable[Woken]) -> float | None:
        """Owns the queue until nothing is left to do."""
        store, clock = self._driver.store, self._driver.clock
        try:
            meta = await store.take_over(clock.now())
            self._has_started = True
            self.feed(Started(meta))
            for woken in wakes:
                self.feed(woken)
            unheard, self.unheard = self.unheard, []
            for woken in unheard:
                self.feed(woken)
            while self._finish is None:
                transaction, self._transaction = self._transaction, None
                if isinstance(transaction, Load):
                    self.feed(await store.load(transaction.query))
                elif transaction is not None:
                    await store.commit(transaction.changes, clock.now())
                    self.feed(Committed())
                else:
                    self._call = asyncio.get_running_loop().create_future()
                    await self._call
            return self._finish.wake_at
        finally:
            at_work = [*self._sends.values(), *self._others]
            self._sends.clear()
            if self._alarm is not None:
                self._alarm[1].cancel()
            for task in at_work:
                task.cancel()

    def feed(self, event: Event) -> None:
        """Tells the owner of an event, and performs what it asks for."""
        if self._finish is not None or not self._has_started:
            if isinstance(event, Woken):
                self.unheard.append(event)
            return
        self._rest_until = inf
        for action in self._owner.handle(event, self._driver.clock.now()):
            self._perform(action)
        is_asked = self._transaction is not None or self._finish is not None
        if is_asked and self._call is not None and not self._call.done():
            self._call.set_result(None)

    def _perform(self, action: Action) -> None:
        match action:
            case Load() | Commit():
                self._transaction = action
            case Send():
                self._send(action)
            case Withdraw(job_id):
                if (send := self._sends.pop(job_id, None)) is not None:
                    send.cancel()
            case ReadFlag(url):
                self._background(self._read_flag(url))
            case Publish(jobs, holds):
                self._driver.waker.publish(jobs, holds)
            case Arm(wake_at):
                self._driver.waker.arm(wake_at)
            case Rest(until):
                self._rest_until = until
                self._set_alarm()
            case Finish():
                self._finish = action

    def _send(self, action: Send) -> None:
        driver, job = self._driver, action.job
        headers = own_headers(action, driver.clock.now(), fleet=driver.queue.fleet_headers)
        transport: Transport = Outgoing(driver.transport, driver.destinations, headers, driver.tokens)
        if driver.authorizations is not None:
            transport = Authorized(transport, driver.destinations, driver.authorizations, job.principal)

        def make(opened: JobRecord) -> Coroutine[Any, Any, Outcome]:
            return attempt(driver.queue, opened, transport, driver.clock)

        send = asyncio.ensure_future(attempt_opened(job, driver.vault, make, driver.clock.now()))
        self._sends[job.id] = send

        def answered(task: asyncio.Task[Outcome]) -> None:
            if self._sends.get(job.id) is task:
                del self._sends[job.id]
                self.feed(Answered(job.id, task.result(), driver.random.random()))

        send.add_done_callback(answered)

    async def _read_flag(self, url: str) -> None:
        request = Request("GET", url, timeout=FLAG_TIMEOUT, redirect="follow")
        try:
            response = await self._driver.transport.send(self._driver.destinations.addressed(request))
            flag = response.json() if response.ok else None
        except Exception:
            flag = None  # Not reached, or no flag.
        self.feed(FlagRead(flag if isinstance(flag, dict) else None))

    def _background(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _set_alarm(self) -> None:
        """Sees to it that the owner hears of time when it wants to. An alarm that is early enough stays: most
        rests are over before."""
        if self._alarm is not None:
            if self._alarm[0] <= self._rest_until:
                return
            self._alarm[1].cancel()
        self._alarm_in(self._rest_until - self._driver.clock.now())

    def _alarm_in(self, seconds: float) -> None:
        handle = asyncio.get_running_loop().call_later(max(0.0, seconds), self._on_alarm)
        self._alarm = (self._rest_until, handle)

    def _on_alarm(self) -> None:
        assert self._alarm is not None
        set_for, self._alarm = self._alarm[0], None
        if self._rest_until <= set_for:
            self.feed(TimePassed())
        elif self._rest_until < inf:
            # From when it was set, not by the clock, which may have been set back meanwhile.
            self._alarm_in(self._rest_until - set_for)
