"""The promises hold in worlds in which everything goes wrong."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from pyqueue import Queue
from pyqueue.testing import Report, Violation, simulate
from pyqueue.testing.oracle import Oracle
from tests.unit.model import declared, older, write

PARTS = 16
WORLDS = 38
"""Of each part."""


def part(number: int) -> Report:
    """Simulates some of the worlds."""
    seeds = range(number * WORLDS, (number + 1) * WORLDS)
    return simulate(declared(), seeds, write=write, older=older())


def test_the_promises_hold_whatever_goes_wrong() -> None:
    """Workers die before and after every action; see `pyqueue.testing.simulate` for all else that happens."""
    # Processes that are started anew: the browser tests' threads must not be copied.
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        reports = list(pool.map(part, range(PARTS)))
    assert sum(report.moments for report in reports) >= 100_000
    assert sum(report.crashes for report in reports) >= 20_000
    assert sum(report.effects for report in reports) >= 20_000


def test_a_queue_is_simulated_with_writes_made_from_its_templates() -> None:
    queue = Queue()
    queue.http("comment", "POST", "/posts/{post}/comments", ordering_key="post:{post}")
    assert simulate(queue, range(3)).worlds == 3


def test_a_violation_tells_the_seed_and_a_short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is broken on purpose is found, and its history is shrunk to what leads there."""

    watch = Oracle.watch

    def nothing_may_be_cancelled(oracle: Oracle) -> None:
        watch(oracle)
        if any(record["status"] == "cancelled" for record in oracle._world.disk.jobs.values()):
            raise Violation("a job was cancelled")

    monkeypatch.setattr(Oracle, "watch", nothing_may_be_cancelled)
    with pytest.raises(Violation, match="a job was cancelled") as found:
        simulate(declared(), range(50), write=write)
    message = str(found.value)
    assert message.startswith("seed ")
    assert len(message.splitlines()) < 20
