"""The core alone, on CPython: how soon it sends, and how long it ever computes, with 100,000 jobs stored."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

from pyqueue._core.events import Commit, Committed, Event, Load, Send, Started, Woken
from pyqueue._core.owner import Owner
from pyqueue._record import JobError, JobRecord, encode
from pyqueue._vocabulary import ErrorCode, Status
from pyqueue.testing.store import Disk, MemoryStore
from tests.bench.report import PYQUEUE, Row
from tests.bench.tasks import queue

STORED = 100_000
NOW = 1_800_000_000.0
SOON = 300.0
"""Milliseconds within which the first request has to leave."""
LONGEST = 50.0
"""Milliseconds that nothing may block longer than."""


def stored(fields: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The records of so many jobs with these fields, and the tallies that go with them."""
    records = [encode(_job(seq, fields)) for seq in range(1, STORED + 1)]
    open_ = STORED if fields["status"] is Status.PENDING else 0
    tallies = {
        "depth": {status.value: 0 for status in Status} | {fields["status"].value: STORED},
        "open": {"count": open_, "bytes": 20 * open_},
        "admitted": {"count": STORED, "bytes": 20 * STORED},
        "counters": {},
    }
    return records, tallies


def _job(seq: int, fields: dict[str, Any]) -> JobRecord:
    return JobRecord(
        seq=seq,
        id=f"job-{seq}",
        task="write",
        payload={"key": "k", "n": seq},
        bytes=20,
        idempotency_key=f"job-{seq}",
        attempts=3,
        error=JobError(ErrorCode.NETWORK, "the server was not reached"),
        **fields,
    )


def waiting(now: float) -> dict[str, Any]:
    """Jobs without order that wait for a network."""
    due = {"due": now + 300, "not_before": now + 300, "wait": 300.0}
    return {"status": Status.PENDING, "created_at": now - 1000, "backoff": "network", **due}


def failed(now: float) -> dict[str, Any]:
    """Jobs without order that failed."""
    ended = {"settled_at": now, "retained": "failed"}
    return {"status": Status.FAILED, "created_at": now - 1000, "backoff": "later", **ended}


def measure() -> Iterator[Row]:
    """A sign of a network after all jobs gave up for lack of one, and `retry` of as many failed jobs."""
    for name, fields in (("online", waiting(NOW)), ("retry", failed(NOW))):
        first, longest = _run(name, *stored(fields))
        yield Row(f"{name}_first_request_cpython", "ms", limit=SOON, values={PYQUEUE: [first]})
        yield Row(f"{name}_longest_step_cpython", "ms", limit=LONGEST, values={PYQUEUE: [longest]})


def _run(name: str, records: list[dict[str, Any]], tallies: dict[str, Any]) -> tuple[float, float]:
    """Milliseconds until the first request, and of the longest step."""
    disk = Disk()
    for record in records:
        disk.put(record)
    disk.last_seq = STORED
    disk.meta["tallies"] = tallies
    if name == "retry":
        disk.append("retry", NOW)
    store, owner = MemoryStore(disk), Owner(queue, "bench")
    gc.disable()  # The records stand for a disk: to look through them for garbage is not the core's work.
    first, longest = None, 0.0
    events: list[Event] = [
        Started(store.take_over_now(NOW)),
        Woken("online" if name == "online" else "append"),
    ]
    begin = time.perf_counter()
    while events:
        step = time.perf_counter()
        actions = owner.handle(events.pop(0), NOW)
        longest = max(longest, time.perf_counter() - step)
        for action in actions:
            if isinstance(action, Send):
                first = first or time.perf_counter() - begin
            elif isinstance(action, Load):
                events.append(store.load_now(action.query))
            elif isinstance(action, Commit):
                store.commit_now(action.changes, NOW)
                events.append(Committed())
    gc.enable()
    assert first is not None
    return first * 1000, longest * 1000
