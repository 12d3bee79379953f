"""What a drain costs: transactions, counted in a plain loop in which every request is answered at once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from pyqueue import Queue
from pyqueue._core.events import (
    Answered,
    Commit,
    Committed,
    Event,
    Finish,
    Load,
    Rest,
    Send,
    Started,
    TimePassed,
)
from pyqueue._core.owner import Owner
from pyqueue._outcome import Outcome, Verdict, done
from pyqueue._vocabulary import Certainty, Status
from pyqueue.testing.simulation import Simulation
from pyqueue.testing.store import Disk, MemoryStore
from tests.unit.board import board

ANSWER = 0.002
"""Seconds until a request is answered."""


@dataclass
class Drain:
    """One ownership over a disk.

    Attributes:
        loads: what was read once the first request had left.
        commits: that were made since.
        most_out: requests at the same time.
        sent: `seq` of the jobs, in the order in which they left.
    """

    disk: Disk
    queue: Queue
    answer: Any = None
    loads: list[Load] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    most_out: int = 0
    sent: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Until the owner has nothing left to do."""
        now = 1_800_000_000.0
        store, owner = MemoryStore(self.disk), Owner(self.queue, "test")
        events: deque[Event] = deque([Started(store.take_over_now(now))])
        out: deque[tuple[float, str]] = deque()
        while True:
            rest = None
            while events:
                for action in owner.handle(events.popleft(), now):
                    if isinstance(action, Load):
                        self.loads += [action] if self.sent else []
                        events.append(store.load_now(action.query))
                    elif isinstance(action, Commit):
                        self.commits += [action] if self.sent else []
                        store.commit_now(action.changes, now)
                        events.append(Committed())
                    elif isinstance(action, Send):
                        self.sent.append(action.job.seq)
                        out.append((now + ANSWER, action.job.id))
                        self.most_out = max(self.most_out, len(out))
                    elif isinstance(action, Rest):
                        rest = action.until
                    elif isinstance(action, Finish):
                        return
            if out and (rest is None or out[0][0] <= rest):
                now, job_id = out.popleft()
                events.append(Answered(job_id, self.answer or done(None), 0.5))
            else:
                assert rest is not None
                now = max(now, rest)
                events.append(TimePassed())


def filled(disk: Disk, count: int, keys: int, **options: Any) -> None:
    """Appends so many comments, in turn to so many posts; 0: photos, which have no order."""
    for n in range(count):
        task, payload = ("comment", {"post": n % keys}) if keys else ("free", {})
        disk.append(
            "enqueue",
            1_800_000_000.0,
            id=f"job-{n}",
            task=task,
            payload={**payload, "n": n},
            bytes=10,
            options=options,
        )


@pytest.mark.parametrize(("keys", "jobs_a_commit"), [(1, 8), (16, 8), (500, 4), (0, 4)])
def test_a_drain_reads_little_and_settles_many_jobs_in_one_commit(keys: int, jobs_a_commit: int) -> None:
    drain = Drain(Disk(), board())
    filled(drain.disk, 600, keys)
    drain.run()
    assert len(drain.sent) == 600
    assert {record["status"] for record in drain.disk.jobs.values()} == {"done"}
    assert len(drain.commits) <= 600 / jobs_a_commit
    assert len(drain.loads) <= 600 / 15


def test_no_more_requests_are_out_than_the_queue_declares_and_no_fewer() -> None:
    for keys, most in ((1, 1), (3, 3), (16, 6), (0, 6)):
        drain = Drain(Disk(), board())
        filled(drain.disk, 100, keys)
        drain.run()
        assert drain.most_out == most


def test_the_jobs_of_a_key_leave_in_order_however_many_are_claimed_ahead() -> None:
    drain = Drain(Disk(), board())
    filled(drain.disk, 300, 7)
    drain.run()
    for key in range(7):
        of_key = [seq for seq in drain.sent if (seq - 1) % 7 == key]
        assert of_key == sorted(of_key)


def test_what_fails_is_not_gathered_with_successes() -> None:
    """Whoever waits behind it has to know at once."""
    drain = Drain(Disk(), board())
    drain.answer = Outcome(Verdict.HOLD, spent=False, certainty=Certainty.REJECTED)
    filled(drain.disk, 100, 16)
    drain.run()
    assert len(drain.sent) == drain.most_out == 6
    assert {record["status"] for record in drain.disk.jobs.values()} == {"pending"}


def test_a_clock_that_is_set_back_does_not_hold_up_what_is_gathered() -> None:
    now = 1_800_000_000.0
    disk, owner = Disk(), Owner(board(), "test")
    filled(disk, 100, 1)
    store = MemoryStore(disk)
    events: deque[Event] = deque([Started(store.take_over_now(now))])
    out: list[str] = []
    while events:
        for action in owner.handle(events.popleft(), now):
            if isinstance(action, Load):
                events.append(store.load_now(action.query))
            elif isinstance(action, Commit):
                store.commit_now(action.changes, now)
                events.append(Committed())
            elif isinstance(action, Send):
                out.append(action.job.id)
    gathered = owner.handle(Answered(out[0], done(None), 0.5), now)
    assert [type(action) for action in gathered] == [Send, Rest]
    later = owner.handle(TimePassed(), now - 3600)
    assert any(isinstance(action, Load | Commit) for action in later)


def test_a_job_that_was_claimed_ahead_and_came_too_late_is_not_sent() -> None:
    with Simulation(board()) as sim:
        sim.server.latency = 10.0
        first = sim.enqueue("comment", {"post": 1, "n": 1})
        late = sim.enqueue("comment", {"post": 1, "n": 2}, expires=5)
        last = sim.enqueue("comment", {"post": 1, "n": 3})
        sim.wake()
        assert [sim.job(job).status for job in (first, late, last)] == [
            Status.DONE,
            Status.EXPIRED,
            Status.DONE,
        ]
        assert sim.job(late).attempts == 0
        assert [effect.body["n"] for effect in sim.server.effects] == [1, 3]
