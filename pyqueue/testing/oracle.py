"""Oracle: what must hold in a `World`, told from what was asked, what the server saw and what is on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .._errors import PyqueueError
from .._record import JobRecord, decode
from .._vocabulary import SETTLED, Status
from .world import Arrival, World


class Violation(PyqueueError, AssertionError):
    """A promise was broken; the message says which, and by what."""


class Oracle:
    """Watches one world.

    Args:
        world: the world.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen = 0
        self._effects: dict[str, int] = defaultdict(int)
        self._last_effect: dict[str, int] = {}
        self._passed: set[int] = set()
        self._cancelled: set[str] = set()
        self._may_be_pruned: set[str] = set()
        self._whose: dict[str, str] = {}
        self.asked: dict[str, Mapping[str, Any]] = {}
        """By job id, every `enqueue` that was asked for."""

    def enqueued(self, job_id: str, seq: int, principal: str) -> None:
        """A page asked for a job."""
        self.asked[job_id] = {"seq": seq, "principal": principal}
        self._whose[job_id] = principal

    def cleared(self, principal: str) -> None:
        """A page asked to forget all jobs of a principal."""
        for job_id in [job_id for job_id, asked in self.asked.items() if asked["principal"] == principal]:
            del self.asked[job_id]

    def damaged(self, job_id: str) -> None:
        """Somebody damaged the record of a job: it cannot be delivered any more."""
        self.asked.pop(job_id, None)

    def watch(self) -> None:
        """Checks what has happened since the last look."""
        world = self._world
        changed, world.changed = world.changed, []
        for record in changed:
            if record["status"] in SETTLED and "open_key" not in record:
                self._passed.add(record["seq"])  # What follows may pass it from here on.
        arrivals = world.arrivals[self._seen :]
        self._seen = len(world.arrivals)
        for arrival in arrivals:
            self._check_arrival(arrival)
        for record in changed:
            if record["status"] == Status.CANCELLED:
                self._cancelled.add(record["id"])
            (self._may_be_pruned.add if "retained" in record else self._may_be_pruned.discard)(record["id"])

    def _check_arrival(self, arrival: Arrival) -> None:
        if arrival.job_id in self._cancelled:
            raise Violation(f"job {arrival.seq} was sent after it had been cancelled")
        if not arrival.had_effect:
            return
        whose = self._whose.get(arrival.job_id)
        if arrival.session is not None and whose is not None and arrival.session != whose:
            raise Violation(f"job {arrival.seq} of {whose!r} took effect as {arrival.session!r}")
        base = arrival.key.partition("/")[0].partition(":")[0]
        self._effects[base] += 1
        if self._effects[base] > 1:
            raise Violation(f"job {arrival.seq} had {self._effects[base]} effects")
        record = self._world.disk.jobs.get(arrival.seq, {})
        key = record.get("ordering_key")
        if key is not None:
            key = f"{key} of {record['principal']!r}"
            later = self._last_effect.get(key, -1)
            if later > arrival.seq and arrival.seq not in self._passed:
                raise Violation(f"job {arrival.seq} of {key} took effect after job {later}")
            self._last_effect[key] = max(later, arrival.seq)

    def check_disk(self) -> None:
        """Checks what is stored: nothing is lost, the tallies are exact, only heads are due."""
        disk = self._world.disk
        if any("payload" not in record for record in disk.jobs.values()):
            return  # Not before the damage was found.
        jobs = [decode(record) for record in disk.jobs.values()]
        known = {job.id for job in jobs} | {
            command["id"] for command in disk.inbox.values() if command.get("type") == "enqueue"
        }
        for job_id, asked in self.asked.items():
            if job_id not in known and job_id not in self._may_be_pruned:
                raise Violation(f"job {asked['seq']} is lost")
        self._check_tallies(jobs)
        if "mend" not in disk.meta.get("sweeps", {}):
            self._check_lines(jobs)

    def _check_tallies(self, jobs: list[JobRecord]) -> None:
        tallies = self._world.disk.meta.get("tallies")
        if tallies is None:
            return
        recount = {status.value: 0 for status in Status}
        for job in jobs:
            recount[job.status.value] += 1
        if tallies["depth"] != recount:
            raise Violation(f"the tallies say {tallies['depth']}, a recount says {recount}")
        people: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for job in jobs:
            people[job.principal][job.status.value] += 1
        if tallies["people"] != people:
            raise Violation(f"the tallies say {tallies['people']}, a recount says {people}")
        open_jobs = [job for job in jobs if job.is_open]
        expected = {"count": len(open_jobs), "bytes": sum(job.bytes for job in open_jobs)}
        if tallies["open"] != expected:
            raise Violation(f"the tallies say {tallies['open']} are open, a recount says {expected}")

    def _check_lines(self, jobs: list[JobRecord]) -> None:
        lines: dict[str, list[JobRecord]] = defaultdict(list)
        for job in sorted(jobs, key=lambda job: job.seq):
            if job.open_key is not None:
                lines[job.open_key].append(job)
            elif job.status is Status.PENDING and job.due is None and job.waits_for is None:
                raise Violation(f"job {job.seq} waits without an order and is not due")
        for key, line in lines.items():
            head, *others = line
            if any(job.due is not None for job in others):
                raise Violation(f"one behind the head of {key} is due")
            sending = any(job.status is Status.SENDING for job in line)
            should_be_due = head.status is Status.PENDING and not sending and head.waits_for is None
            if (head.due is not None) != should_be_due:
                raise Violation(f"the head of {key}, job {head.seq}, is due: {head.due is not None}")

    def check_wakeups(self) -> None:
        """Work that waits has an armed wake-up, whoever died."""
        world = self._world
        if world.workers or not world.has_work():
            return
        if set(world.disk.meta.get("holds", {})) & {"paused", "unauthorized"} and not world.disk.inbox:
            return
        if world.page_is_open and world.timer is None and self._can_go_on():
            raise Violation("work waits, and nothing will wake the worker")

    def _can_go_on(self) -> bool:
        """Whether anything waits but behind a failed job that a person has to deal with."""
        disk = self._world.disk
        return bool(disk.inbox) or any(
            ("due" in record and self._world.is_mine(record)) or record["status"] == Status.SENDING
            for record in disk.jobs.values()
        )

    def check_end(self) -> None:
        """All has been well for long enough: every job has ended, and what is done was done."""
        disk = self._world.disk
        unread = [record["seq"] for record in disk.jobs.values() if "payload" not in record]
        if unread:
            raise Violation(f"damaged records were never set aside: {unread}")
        self.check_disk()
        if disk.inbox:
            raise Violation(f"commands were never carried out: {list(disk.inbox.values())}")
        for record in disk.jobs.values():
            job = decode(record)
            if job.is_open:
                raise Violation(f"job {job.seq} is still {job.status}: {job.error}")
            if job.status is Status.DONE and job.task != "local" and not self._effects[job.id]:
                raise Violation(f"job {job.seq} is done, and the server never did it")
