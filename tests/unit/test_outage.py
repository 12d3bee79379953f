"""Trouble that is not one job's own: outages, lost networks, and jobs on which the worker dies."""

from __future__ import annotations

import asyncio
from collections import Counter

from pyqueue import Certainty, Response, Status, TransportError
from pyqueue._http import Request
from pyqueue.testing import Simulation
from tests.unit.board import board
from tests.unit.midway import die_midway


def test_in_an_outage_one_job_at_a_time_probes_and_nobodys_attempts_are_spent(sim: Simulation) -> None:
    start = sim.clock.now()
    sim.server.handle = lambda request: Response(503 if sim.clock.now() < start + 1800 else 201)
    jobs = [sim.enqueue("free", {"n": n}) for n in range(50)]
    sim.run(1700)
    outage = sim.disk.meta["outage"]
    assert (outage["code"], outage["probes"] > 3) == ("http", True)
    assert outage["probe_at"] > sim.clock.now()
    assert len(sim.server.requests) < 30
    assert max(sim.job(job).attempts for job in jobs) <= 1
    sim.run(600)
    assert {sim.job(job).status for job in jobs} == {Status.DONE}
    assert sim.disk.meta["outage"] is None


def test_a_job_that_alone_is_refused_ends_after_its_attempts(sim: Simulation) -> None:
    def handle(request: Request) -> Response:
        return Response(503 if request.body["n"] == 0 else 201)

    sim.server.handle = handle
    poisoned, *others = (sim.enqueue("free", {"n": n}) for n in range(20))
    sim.run(1800)
    assert (sim.job(poisoned).status, sim.job(poisoned).attempts) == (Status.FAILED, 8)
    assert {sim.job(job).status for job in others} == {Status.DONE}


def test_poisoned_jobs_of_one_line_let_the_others_pass_in_the_end(sim: Simulation) -> None:
    sim.server.handle = lambda request: Response(503 if request.body["n"] < 4 else 201)
    jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(6)]
    sim.run(6 * 3600)
    statuses = [sim.job(job).status for job in jobs]
    assert statuses == [Status.FAILED] * 4 + [Status.DONE] * 2


def test_without_a_network_each_sign_of_one_makes_one_request(sim: Simulation) -> None:
    asked = 0
    send = sim.server.send

    async def counting(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return await send(request)

    sim.server.send = counting  # type: ignore[method-assign]
    sim.server.offline = True
    for n in range(500):
        sim.enqueue("free", {"n": n})
    sim.wake()
    assert asked <= 6  # What was sent side by side before the first answer.
    for _ in range(5):
        sim.wake("online")
    assert asked <= 11
    sim.server.offline = False
    sim.wake("online")
    assert len(sim.server.effects) == 500


def test_a_failing_network_on_the_default_line_spends_no_more_than_the_policy_says(sim: Simulation) -> None:
    sim.server.answers.extend([TransportError("network", "refused")] * 8)
    jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(3)]
    sim.run(1800)
    assert [sim.job(job).status for job in jobs] == [Status.FAILED, Status.PENDING, Status.PENDING]
    sim.wake("online")
    assert {sim.job(job).status for job in jobs} == {Status.DONE}


def test_a_job_that_owner_after_owner_dies_on_is_given_up(sim: Simulation) -> None:
    sim.server.latency = 100
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    for _ in range(8):
        die_midway(sim, 15, "timer")
    sim.server.latency = 0.01
    sim.wake()
    ended = sim.job(job)
    assert (ended.status, ended.certainty) == (Status.FAILED, Certainty.MAYBE_APPLIED)
    assert ended.error is not None
    assert ended.error.code == "interrupted"


def test_of_jobs_that_were_out_when_the_worker_died_each_is_tried_alone(sim: Simulation) -> None:
    """So that the one that it dies of is told from its neighbours, and they are delivered."""
    poison = sim.enqueue("free", {"n": 0})
    others = [sim.enqueue("free", {"n": n}) for n in range(1, 6)]
    out: Counter[int] = Counter()
    send = sim.server.send

    async def poisonous(request: Request) -> Response:
        out[request.body["n"]] += 1
        if request.body["n"] == 0:
            await asyncio.sleep(100)  # Until the worker is dead.
        return await send(request)

    sim.server.send = poisonous  # type: ignore[method-assign]
    for _ in range(9):
        die_midway(sim, 15, "timer")
    sim.wake()
    assert sim.job(poison).status is Status.FAILED
    assert {sim.job(job).status for job in others} == {Status.DONE}
    assert out[0] == 8


def test_the_worker_may_die_with_answers_that_are_not_yet_committed() -> None:
    """Due work always has an armed wake-up, also in the instant between an answer and its commit."""
    with Simulation(board()) as sim:
        sim.server.latency = 10
        sim.enqueue("comment", {"post": 1, "n": 1})
        die_midway(sim, 15, "timer")
        assert sim.waker.wake_at is not None
        assert sim.disk.meta["schedule"]["wake_at"] == sim.waker.wake_at
