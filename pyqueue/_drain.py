"""Drain: the one driver. It does all the waiting that the engine does not do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from random import Random
from typing import Any

from . import __version__
from ._admission import ALL, reach, understood
from ._attempt import attempt
from ._engine import SETTLED, UNREACHABLE, Plan
from ._errors import OwnershipLost
from ._http import Request, TransportError
from ._outcome import Outcome, Verdict
from ._ports import Changes, Clock, Command, Lock, Query, Store, Transport, Waker
from ._queue import Queue
from ._record import JobRecord
from ._vocabulary import Status

INBOX_BATCH = 100
"""Commands admitted in one commit."""

PRUNE_BATCH = 200
"""Settled jobs of one status deleted in one commit."""

HEARTBEAT = 20.0
"""Seconds: the longest that an owner at work lets pass without a commit. One that is silent for a minute is
taken for frozen, and its lock may be stolen."""

CONTROL_TIMEOUT = 5.0
"""Seconds that a drain waits for the control flag before it goes on with the last known answer."""

CONTROL_INTERVAL = 60.0
"""Seconds after which the control flag is read again, in a long run or while it holds the queue."""

NETWORK_SIGNS = {"load": UNREACHABLE, "online": UNREACHABLE, "visible": UNREACHABLE, "sync": {"offline"}}
"""Wake-ups that are a sign of a network, and the errors after which a wait is then over.

A `sync` event comes at once wherever the browser believes that there is a network, again and again: an
attempt that failed in spite of that network keeps its backoff.
"""


class Drain:
    """Delivers what is due, as the one owner of the queue.

    Args:
        queue: the declaration.
        store, transport, clock, lock, waker: the ports, see `pyqueue._ports`.
        random: for jitter. After a restored memory snapshot it must have been seeded anew.
    """

    def __init__(
        self,
        queue: Queue,
        store: Store,
        transport: Transport,
        clock: Clock,
        lock: Lock,
        waker: Waker,
        random: Random,
    ) -> None:
        self._queue = queue
        self._store = store
        self._transport = transport
        self._clock = clock
        self._lock = lock
        self._waker = waker
        self._random = random
        self._poke = asyncio.Event()
        self._reasons: set[str] = set()
        self._linger_until = 0.0
        self._run: asyncio.Task[float | None] | None = None

    async def wake(self, reason: str, *, linger: float = 0.0) -> float | None:
        """Delivers all that is due, then lets the queue go. Calls that overlap share one run.

        Args:
            reason: what woke the worker; those in `NETWORK_SIGNS` are signs of a network.
            linger: seconds from now for which the run waits for work that becomes due later.

        Returns:
            When there is work next (Unix time in seconds), or `None`. The waker was told before.

        Raises:
            StoreError: the store failed. Whatever was not committed is as before; unknown outcomes are sent
                again, with the same key, by the next run.
        """
        self._reasons.add(reason)
        self._linger_until = max(self._linger_until, self._clock.now() + linger)
        self._poke.set()
        if self._run is None:
            self._run = asyncio.ensure_future(self._run_until_idle())
        return await asyncio.shield(self._run)

    async def _run_until_idle(self) -> float | None:
        try:
            while True:
                async with self._lock.hold():
                    try:
                        wake_at = await _Ownership(self).run()
                    except OwnershipLost:
                        wake_at = None  # The new owner goes on, and arms the wake-ups.
                # No await between this check and the end of the run: a wake-up either is seen here or
                # starts the next run.
                if not self._reasons:
                    return wake_at
        finally:
            self._run = None
            self._linger_until = 0.0


class _Ownership:
    """One span of time as the owner: all that is forgotten when it ends."""

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._queue = drain._queue
        self._store = drain._store
        self._clock = drain._clock
        self._meta: dict[str, Any] = {}
        self._in_flight: dict[str, JobRecord] = {}
        self._sends: dict[asyncio.Task[Outcome], str] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._control_at = float("-inf")
        self._passed_over = 0

    async def run(self) -> float | None:
        try:
            self._meta = dict(await self._store.take_over(self._clock.now()))
            await self._recover()
            rested = False
            while True:
                self._drain._poke.clear()
                await self._read_control()
                if await self._advance():
                    rested = False
                    continue
                wake_at = await self._wake_at()
                if not self._sends and not rested:
                    await self._rest(wake_at)
                    rested = True
                if not await self._wait(wake_at):
                    return wake_at
        finally:
            for send in self._sends:
                send.cancel()

    async def _recover(self) -> None:
        """Takes up what an earlier owner left, and publishes what this one knows."""
        plan = self._plan()
        plan.add(await self._store.load(Query(status=Status.SENDING)))
        if plan.keys():
            plan.add(await self._store.load(Query(heads=plan.keys())))
        plan.recover()
        tasks = sorted(self._queue.tasks)
        worker = {"version": __version__, "tasks": tasks}
        changed: dict[str, Any] = {}
        if self._meta.get("worker") != worker:
            failed = await self._store.load(Query(status=Status.FAILED))
            plan.add(failed)
            keys = frozenset(job.ordering_key for job in failed if job.ordering_key is not None)
            plan.add(await self._store.load(Query(heads=keys)))
            plan.revive_unknown()
            changed["worker"] = worker
        limits = self._queue.limits
        stored = {"payload_bytes": limits.payload_bytes, "jobs": limits.jobs, "bytes": limits.bytes}
        if self._meta.get("limits") != stored:
            changed["limits"] = stored
        await self._commit(plan, changed)

    async def _read_control(self) -> None:
        """Asks the control flag: first, at every wake-up while it holds the queue, and now and then."""
        held = "control" in self._meta.get("holds", {})
        due = self._clock.now() >= self._control_at + CONTROL_INTERVAL
        if self._queue.kill_switch is None or not (due or (held and self._drain._reasons)):
            return
        self._control_at = self._clock.now()
        request = Request("GET", self._queue.kill_switch, timeout=CONTROL_TIMEOUT, redirect="follow")
        try:
            response = await self._drain._transport.send(request)
            flag = response.json() if response.ok else None
        except (TransportError, ValueError):
            flag = None
        if not isinstance(flag, Mapping):
            return  # Not reached, or not a flag: the last known answer is in `holds`.
        plan = self._plan()
        plan.control(bool(flag.get("paused")), str(flag.get("reason") or "paused by the site's control flag"))
        await self._commit(plan, {"control": dict(flag)} if self._meta.get("control") != flag else {})

    async def _advance(self) -> bool:
        """One commit: admits, settles and claims whatever there is now. False if there was nothing."""
        reasons, self._drain._reasons = self._drain._reasons, set()
        waiting = await self._store.inbox(INBOX_BATCH + self._passed_over)
        commands = [command for command in waiting if understood(command)]
        passed_over, self._passed_over = self._passed_over, len(waiting) - len(commands)
        outcomes = dict(self._outcomes)
        settled = [self._in_flight[job_id] for job_id in outcomes]
        now = self._clock.now()
        slots = max(0, self._queue.max_in_flight - len(self._in_flight) + len(outcomes))

        plan = self._plan(now)
        plan.add(self._in_flight.values())
        await self._load(plan, commands, settled, slots)
        if over := frozenset().union(*(NETWORK_SIGNS.get(reason, ()) for reason in reasons)):
            await self._load_unreached(plan, over)
            plan.reconnect(over)
        for command in commands:
            plan.admit(command)
        for job_id, outcome in outcomes.items():
            plan.settle(job_id, outcome)
        claimed = plan.claim(slots)

        progressed = await self._commit(plan)
        for job_id in outcomes:
            del self._in_flight[job_id], self._outcomes[job_id]
        for job in claimed:
            self._send(job)
        return progressed or bool(claimed) or self._passed_over > passed_over

    async def _load(
        self, plan: Plan, commands: Iterable[Command], settled: Iterable[JobRecord], slots: int
    ) -> None:
        touched = reach(self._queue, commands, settled)
        due = Query(due_limit=slots, due_before=plan.now, heads=touched.keys, heads_depth=touched.depth)
        plan.add(await self._store.load(due))
        if touched.named:
            plan.add(await self._store.load(touched.query))
            if more := plan.keys() - touched.keys:
                plan.add(await self._store.load(Query(heads=more, heads_depth=touched.depth)))

    async def _load_unreached(self, plan: Plan, codes: frozenset[str]) -> None:
        """What waits, or gave up, for lack of a network, and the heads that it may overtake."""
        waiting = await self._store.load(Query(due_limit=ALL))
        failed = await self._store.load(Query(status=Status.FAILED))
        unreached = [job for job in (*waiting, *failed) if job.error and job.error.code in codes]
        plan.add(unreached)
        if keys := frozenset(job.ordering_key for job in unreached if job.ordering_key is not None):
            plan.add(await self._store.load(Query(heads=keys)))

    def _send(self, job: JobRecord) -> None:
        self._in_flight[job.id] = job
        if job.status is Status.PENDING:
            # Expired before it could be claimed: its end is settled like an answer.
            self._outcomes[job.id] = Outcome(Verdict.EXPIRE, spent=True, certainty=job.certainty)
            self._drain._poke.set()
            return
        send = asyncio.ensure_future(attempt(self._queue, job, self._drain._transport, self._clock))
        self._sends[send] = job.id
        send.add_done_callback(self._answered)

    def _answered(self, send: asyncio.Task[Outcome]) -> None:
        job_id = self._sends.pop(send)
        if not send.cancelled():
            self._outcomes[job_id] = send.result()
            self._drain._poke.set()

    async def _wait(self, wake_at: float | None) -> bool:
        """Waits for an answer, a wake-up, or work within the linger. False if the run is over."""
        if self._outcomes or self._drain._reasons:
            return True
        now = self._clock.now()
        if self._sends:
            full = len(self._in_flight) >= self._queue.max_in_flight
            timeout = HEARTBEAT if full or wake_at is None else min(HEARTBEAT, max(0.0, wake_at - now))
        elif wake_at is not None and wake_at <= self._drain._linger_until:
            timeout = min(HEARTBEAT, max(0.0, wake_at - now))
        else:
            return False
        poked = asyncio.ensure_future(self._drain._poke.wait())
        slept = asyncio.ensure_future(self._clock.sleep(timeout))
        try:
            await asyncio.wait((poked, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            poked.cancel()
            slept.cancel()
        if not self._drain._poke.is_set():
            await self._store.commit(Changes(), self._clock.now())  # A heartbeat.
        return True

    async def _wake_at(self) -> float | None:
        """When there is work next."""
        holds = self._meta.get("holds") or {}
        if not holds:
            return await self._store.next_due()
        return self._clock.now() + CONTROL_INTERVAL if "control" in holds else None

    async def _rest(self, wake_at: float | None) -> None:
        """Before a wait: stores the schedule, prunes, and arms the wake-up, lest the worker not outlive it.

        Jobs that have outlived their retention go, the oldest first, a batch of each status.
        """
        retention = self._queue.retention
        kept: Mapping[str, int] = self._meta.get("kept", {})
        plan = self._plan()
        for status in SETTLED:
            if not kept.get(status):
                continue
            age = retention.failed if status is Status.FAILED else retention.settled
            old = await self._store.load(Query(settled=(status, plan.now - age, PRUNE_BATCH)))
            surplus = min(kept[status] - retention.count, PRUNE_BATCH)
            if surplus > len(old):
                old = await self._store.load(Query(settled=(status, float("inf"), surplus)))
            plan.prune(old)
        schedule = {} if wake_at is None else {"wake_at": wake_at}
        await self._commit(plan, {"schedule": schedule} if self._meta.get("schedule", {}) != schedule else {})
        self._drain._waker.arm(wake_at)

    def _plan(self, now: float | None = None) -> Plan:
        return Plan(self._queue, self._meta, self._clock.now() if now is None else now, self._drain._random)

    async def _commit(self, plan: Plan, named: Mapping[str, Any] | None = None) -> bool:
        """Commits a plan and tells the pages. False if there was nothing to write."""
        changes = plan.changes()
        if named:
            changes = Changes(changes.jobs, changes.deleted, changes.taken, {**changes.meta, **named})
        if not changes:
            return False
        await self._store.commit(changes, self._clock.now())
        self._meta.update(changes.meta)
        for job in changes.jobs:
            if job.id in self._in_flight:
                self._in_flight[job.id] = job
        if changes.jobs or "holds" in changes.meta:
            self._drain._waker.publish(changes.jobs, self._meta.get("holds") or {})
        return True
