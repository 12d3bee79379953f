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

YEAR = 365 * 86_400.0

LONGEST = 60.0
"""Seconds that a drain may take, and look ahead."""

MOST_EVENTS = 10_000
"""That a drain may need."""


@dataclass
class Drain:
    """One ownership over a disk.

    Attributes:
        set_back_at: the clock is set back by a year before the event with this number, counted from 0.
        loads: what was read once the first request had left.
        commits: that were made since.
        most_out: requests at the same time.
        sent: `seq` of the jobs, in the order in which they left.
    """

    disk: Disk
    queue: Queue
    answer: Any = None
    set_back_at: int | None = None
    loads: list[Load] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    most_out: int = 0
    sent: list[int] = field(default_factory=list)

    def run(self) -> None:
        """Until the owner has nothing left to do.

        Raises:
            AssertionError: it waits for nothing or for too long, or goes round in circles.
        """
        begin = now = 1_800_000_000.0
        ahead = 0.0  # Seconds by which `now`, which nobody sets, is ahead of the clock.
        handled = 0
        store, owner = MemoryStore(self.disk), Owner(self.queue, "test")
        events: deque[Event] = deque([Started(store.take_over_now(now))])
        out: deque[tuple[float, str]] = deque()
        while True:
            rest = None
            while events:
                if handled == self.set_back_at:
                    ahead = YEAR
                handled += 1
                for action in owner.handle(events.popleft(), now - ahead):
                    if isinstance(action, Load):
                        self.loads += [action] if self.sent else []
                        events.append(store.load_now(action.query))
                    elif isinstance(action, Commit):
                        self.commits += [action] if self.sent else []
                        store.commit_now(action.changes, now - ahead)
                        events.append(Committed())
                    elif isinstance(action, Send):
                        self.sent.append(action.job.seq)
                        out.append((now + ANSWER, action.job.id))
                        self.most_out = max(self.most_out, len(out))
                    elif isinstance(action, Rest):
                        rest = action.until + ahead
                    elif isinstance(action, Finish):
                        return
            assert max(now, rest or now) < begin + LONGEST
            assert handled < MOST_EVENTS
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


def of_each_key(seqs: list[int], keys: int) -> list[list[int]]:
    """Of the jobs that `filled` appended, those of each key."""
    return [[seq for seq in seqs if (seq - 1) % keys == key] for key in range(keys)]


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
    assert of_each_key(drain.sent, 7) == of_each_key(sorted(drain.sent), 7)


def test_what_fails_is_not_gathered_with_successes() -> None:
    """Whoever waits behind it has to know at once."""
    drain = Drain(Disk(), board())
    drain.answer = Outcome(Verdict.HOLD, spent=False, certainty=Certainty.REJECTED)
    filled(drain.disk, 100, 16)
    drain.run()
    assert len(drain.sent) == drain.most_out == 6
    assert {record["status"] for record in drain.disk.jobs.values()} == {"pending"}


@pytest.mark.parametrize("keys", [0, 1, 16])
@pytest.mark.parametrize("moment", range(1, 40))
def test_a_clock_that_is_set_back_holds_up_no_job(keys: int, moment: int) -> None:
    """Whether it is set back during a transaction, a request, or a wait for more to settle."""
    drain = Drain(Disk(), board(), set_back_at=moment)
    filled(drain.disk, 100, keys)
    drain.run()
    assert {record["status"] for record in drain.disk.jobs.values()} == {"done"}
    assert sorted(drain.sent) == list(range(1, 101))
    assert of_each_key(drain.sent, keys) == of_each_key(sorted(drain.sent), keys)


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
