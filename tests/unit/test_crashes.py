"""Whatever crashes between any two port calls, nothing is lost, repeated or reordered.

Hypothesis writes, cancels, breaks the network and the server, lets time pass, and kills the worker at every
point where it talks to the world: before a call to the store took effect, or right after.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pyqueue import Queue, Response, Retry, Status, TransportError
from pyqueue._http import Request
from pyqueue._ports import Changes, Command, Query
from pyqueue._record import JobRecord
from pyqueue.testing import FakeServer, MemoryStore, Simulation
from pyqueue.testing.store import Disk


class Crash(BaseException):
    """The worker dies. Not an `Exception`: no code of ours may catch it."""


class Fuse:
    """Burns down by one at every moment at which the worker may die; `None`: it does not burn."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            raise Crash


class MortalStore:
    """A MemoryStore of a worker that may die before or after any call."""

    def __init__(self, disk: Disk, fuse: Fuse) -> None:
        self._store = MemoryStore(disk)
        self._fuse = fuse

    async def take_over(self, now: float) -> Mapping[str, Any]:
        self._fuse.burn()
        meta = await self._store.take_over(now)
        self._fuse.burn()
        return meta

    async def inbox(self, limit: int) -> Sequence[Command]:
        self._fuse.burn()
        return await self._store.inbox(limit)

    async def load(self, query: Query) -> Sequence[JobRecord]:
        self._fuse.burn()
        return await self._store.load(query)

    async def next_due(self) -> float | None:
        self._fuse.burn()
        return await self._store.next_due()

    async def commit(self, changes: Changes, now: float) -> None:
        self._fuse.burn()
        await self._store.commit(changes, now)
        self._fuse.burn()


class MortalTransport:
    """A FakeServer reached by a worker that may die before a request leaves or before its answer arrives."""

    def __init__(self, server: FakeServer, fuse: Fuse) -> None:
        self._server = server
        self._fuse = fuse

    async def send(self, request: Request) -> Response:
        self._fuse.burn()
        response = await self._server.send(request)
        self._fuse.burn()
        return response


def declared() -> Queue:
    queue = Queue(retry=Retry(max_attempts=4, base=1.0, cap=60.0), max_in_flight=3)
    queue.http("ordered", "POST", "/ordered", ordering_key="{key}")
    queue.http("strict", "POST", "/strict", ordering_key="{key}", on_failure="block")
    queue.http("free", "POST", "/free", ordering_key=None)
    return queue


class Deliveries(RuleBasedStateMachine):
    """The model is the list of what was enqueued; the server's effects are checked against it."""

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.fuse = Fuse()
        disk = Disk()
        server = FakeServer()
        self.sim = Simulation(
            declared(),
            server,
            seed=seed,
            disk=disk,
            store=MortalStore(disk, self.fuse),
            transport=MortalTransport(server, self.fuse),
        )
        self.enqueued: list[str] = []
        self.keys: dict[str, str] = {}
        self.retried = False

    def teardown(self) -> None:
        if hasattr(self, "sim"):
            try:
                self.settle_everything()
            finally:
                self.sim.__exit__(None, None, None)

    @rule(
        task=st.sampled_from(["ordered", "strict", "free"]),
        key=st.sampled_from("ab"),
        many=st.integers(1, 4),
    )
    def enqueue(self, task: str, key: str, many: int) -> None:
        for _ in range(many):
            job = self.sim.enqueue(task, {"key": key, "n": len(self.enqueued)})
            self.enqueued.append(job)
            if task != "free":
                self.keys[job] = key

    @rule(delay=st.floats(0, 100))
    def enqueue_for_later(self, delay: float) -> None:
        job = self.sim.enqueue("ordered", {"key": "a", "n": len(self.enqueued)}, delay=delay)
        self.enqueued.append(job)
        self.keys[job] = "a"

    @rule(answers=st.lists(st.sampled_from([503, 429, 400, 401, "network", "timeout"]), max_size=5))
    def misbehave(self, answers: list[int | str]) -> None:
        for answer in answers:
            self.sim.server.answers.append(
                TransportError(answer, answer) if isinstance(answer, str) else answer
            )

    @rule(offline=st.booleans(), lose_replies=st.booleans())
    def network(self, offline: bool, lose_replies: bool) -> None:
        self.sim.server.offline = offline
        self.sim.server.lose_replies = lose_replies

    @rule(type=st.sampled_from(["pause", "resume", "flush"]))
    def command(self, type: str) -> None:
        self.sim.command(type)

    @precondition(lambda self: self.enqueued)
    @rule(data=st.data(), type=st.sampled_from(["cancel", "discard", "retry"]))
    def act_on_a_job(self, data: st.DataObject, type: str) -> None:
        self.sim.command(type, id=data.draw(st.sampled_from(self.enqueued)))
        self.retried |= type == "retry"

    @rule(reason=st.sampled_from(["append", "online", "load", "timer"]))
    def wake(self, reason: str) -> None:
        self.sim.wake(reason)

    @rule(seconds=st.floats(0, 200))
    def pass_time(self, seconds: float) -> None:
        self.sim.run(seconds)

    @rule(after=st.integers(0, 30), reason=st.sampled_from(["append", "online"]))
    def crash(self, after: int, reason: str) -> None:
        """The worker dies in the middle, and what was on its way may or may not have arrived."""
        self.fuse.left = after
        with suppress(Crash, asyncio.CancelledError):
            self.sim.wake(reason)
        self.sim.restart()
        self.fuse.left = None

    @invariant()
    def every_write_is_somewhere(self) -> None:
        if not hasattr(self, "sim"):
            return
        disk = self.sim.disk
        inbox = [record["id"] for record in disk.inbox.values() if record["type"] == "enqueue"]
        jobs = [record["id"] for record in disk.jobs.values()]
        assert sorted(inbox + jobs) == sorted(self.enqueued)

    @invariant()
    def each_effect_happens_once(self) -> None:
        if hasattr(self, "sim"):
            keys = [request.headers["Idempotency-Key"] for request in self.sim.server.effects]
            assert len(keys) == len(set(keys))

    @invariant()
    def effects_of_one_key_are_in_order(self) -> None:
        if not hasattr(self, "sim") or self.retried:
            return  # What a person retries after it failed comes after what passed it.
        lines: dict[str, list[int]] = defaultdict(list)
        for request in self.sim.server.effects:
            if request.url != "/free":
                lines[request.body["key"]].append(request.body["n"])
        for line in lines.values():
            assert line == sorted(line)

    @invariant()
    def only_the_head_of_a_key_is_due(self) -> None:
        if not hasattr(self, "sim"):
            return
        open_jobs: dict[str, list[JobRecord]] = defaultdict(list)
        for job in self.sim.jobs():
            if job.open_key is not None:
                open_jobs[job.open_key].append(job)
        for line in open_jobs.values():
            assert all(job.due is None for job in line[1:])
            sending = any(job.status is Status.SENDING for job in line)
            if line[0].status is Status.PENDING:
                assert (line[0].due is None) == sending

    @invariant()
    def the_tallies_are_exact(self) -> None:
        if not hasattr(self, "sim"):
            return
        meta, jobs = self.sim.disk.meta, self.sim.jobs()
        open_jobs = [job for job in jobs if job.is_open]
        tally = meta.get("open", {"count": 0, "bytes": 0})
        assert tally == {"count": len(open_jobs), "bytes": sum(job.bytes for job in open_jobs)}
        waiting = sum(record["type"] == "enqueue" for record in self.sim.disk.inbox.values())
        zero = {"count": 0}
        assert meta.get("appended", zero)["count"] - meta.get("admitted", zero)["count"] == waiting
        for status in ("done", "failed", "cancelled", "expired"):
            assert meta.get("kept", {}).get(status, 0) == sum(job.status == status for job in jobs)

    def settle_everything(self) -> None:
        """Once all is well again, every job ends, and no wait was without an armed wake-up."""
        sim = self.sim
        sim.server.offline = sim.server.lose_replies = False
        sim.server.answers.clear()
        sim.command("resume")
        sim.wake("online")
        sim.run(600)
        for _ in range(len(self.enqueued)):
            if all(not job.is_open for job in sim.jobs()):
                break
            # What is still open stands behind a failed job that blocks its key: a person acts.
            sim.command("retry")
            sim.run(600)
        assert not sim.disk.inbox
        assert [job for job in sim.jobs() if job.is_open] == []
        done = {f'"{job.id}"' for job in sim.jobs() if job.status is Status.DONE}
        assert done <= {request.headers["Idempotency-Key"] for request in sim.server.effects}


Deliveries.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_deliveries = Deliveries.TestCase
