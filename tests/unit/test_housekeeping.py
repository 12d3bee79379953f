"""What the queue keeps, counts and lets go."""

from __future__ import annotations

from typing import Any

import pytest

from pyqueue import (
    Limits,
    Retention,
    Status,
)
from pyqueue.testing import Simulation
from tests.unit.board import board


def counters(sim: Simulation) -> Any:
    return sim.disk.meta["tallies"]["counters"]


def test_tombstones_go_by_age_and_by_count_and_are_counted() -> None:
    with Simulation(board(retention=Retention(settled=100, failed=1000, count=3))) as sim:
        sim.server.answers.append(400)
        failed = sim.enqueue("free", {"n": 0})
        for n in range(5):
            sim.enqueue("free", {"n": n})
        sim.wake()
        assert len(sim.jobs()) == 4
        assert counters(sim)["pruned"] == 2
        sim.run(200)
        sim.wake()
        assert [job.id for job in sim.jobs()] == [failed]
        sim.run(2000)
        sim.wake()
        assert sim.jobs() == []
        assert counters(sim)["pruned_failed"] == 1
        assert set(sim.disk.meta["tallies"]["depth"].values()) == {0}


def test_the_tallies_follow_what_is_open(sim: Simulation) -> None:
    sim.server.offline = True
    for n in range(3):
        sim.enqueue("comment", {"post": 1, "n": n})
    sim.wake()
    tallies = sim.disk.meta["tallies"]
    assert tallies["open"]["count"] == tallies["depth"]["pending"] == 3
    assert tallies["open"]["bytes"] == sim.disk.appended["bytes"] == tallies["admitted"]["bytes"]
    sim.server.offline = False
    sim.wake("online")
    assert sim.disk.meta["tallies"]["open"] == {"count": 0, "bytes": 0}


def test_the_tallies_say_up_to_where_the_inbox_is_empty(sim: Simulation) -> None:
    """Commands of a newer page stay in it, and so does what was appended behind them until it is read."""
    for n in range(3):
        sim.enqueue("comment", {"post": 1, "n": n})
    sim.wake()
    assert sim.disk.meta["tallies"]["admitted"]["seq"] == 3
    sim.disk.inbox[4] = {"v": 99, "type": "enqueue", "at": 0.0, "seq": 4}
    sim.disk.last_seq = 4
    sim.enqueue("comment", {"post": 1, "n": 3})
    sim.wake()
    assert list(sim.disk.inbox) == [4]
    assert sim.disk.meta["tallies"]["admitted"]["seq"] == 3


def test_no_number_hides_a_command(sim: Simulation) -> None:
    sim.enqueue("comment", {"post": 1, "n": 0})
    sim.wake()
    sim.disk.meta["tallies"]["admitted"]["seq"] = 10**6
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    assert sim.job(job).status == "done"


def test_limits_are_published_for_the_pages() -> None:
    with Simulation(board(limits=Limits(jobs=5))) as sim:
        sim.wake()
        limits = sim.disk.meta["declaration"]["limits"]
        assert limits == {"payload_bytes": 1 << 20, "jobs": 5, "bytes": 100 << 20}


def test_a_command_of_a_newer_page_stays_for_a_newer_worker(sim: Simulation) -> None:
    sim.command("teleport", id="x")
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    assert [record["type"] for record in sim.disk.inbox.values()] == ["teleport"]
    assert sim.job(job).status is Status.DONE


@pytest.mark.parametrize(
    "damaged",
    [
        {"type": "enqueue", "payload": {}},
        {"type": "enqueue", "id": "x"},
        {"type": "edit", "id": "x"},
        {"type": "cancel"},
        {"type": "enqueue", "id": "x", "payload": {}, "options": [1]},
        {"type": "enqueue", "id": "x", "payload": {}, "bytes": None},
        {"type": "enqueue", "id": "x", "payload": {}, "options": {"retry": {"max_attempts": 0}}},
        {"type": "enqueue", "id": "x", "payload": {}, "options": {"delay": float("nan")}},
        {"type": "enqueue", "id": "x", "payload": {}, "options": {"ordering_key": 7}},
        {"type": "retry", "id": {}},
    ],
)
def test_a_damaged_command_is_set_aside_and_stops_nothing(sim: Simulation, damaged: dict[str, Any]) -> None:
    for _ in range(150):
        sim.command(**damaged)
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    assert sim.job(job).status is Status.DONE
    assert sim.disk.inbox == {}
    assert len(sim.disk.aside) == counters(sim)["set_aside"] == 150
