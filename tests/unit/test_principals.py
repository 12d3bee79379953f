"""Whose write it is: sent, edited and counted only as its author's."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyqueue import Certainty, Response, Status
from pyqueue._core.events import Woken
from pyqueue._http import Request
from pyqueue._principal import HEADER, NOBODY, is_principal, scoped, to_header
from pyqueue.testing import Simulation
from tests.unit.board import board, sent

principals = st.text(max_size=20).filter(is_principal)
keys = st.text(max_size=20)


def authors(sim: Simulation) -> list[str | None]:
    """Whom each request named that had an effect."""
    return [request.headers.get(HEADER) for request in sim.server.effects]


def test_what_one_wrote_is_not_sent_while_another_is_signed_in(sim: Simulation) -> None:
    """The issue's tablet: an order is written offline, the session ends, somebody else signs in."""
    sim.identify("ada")
    sim.server.offline = True
    order = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.run(60)
    sim.identify("bo")
    sim.server.offline, sim.server.session = False, "bo"
    own = sim.enqueue("comment", {"post": 1, "n": 2})
    sim.run(600)
    assert (sim.job(order).status, sim.job(own).status) == (Status.PENDING, Status.DONE)
    assert sent(sim) == [2]
    sim.identify("ada")
    sim.server.session = "ada"
    sim.run(600)
    assert sim.job(order).status is Status.DONE
    assert authors(sim) == ['"bo"', '"ada"']


def test_a_session_that_changed_behind_the_pages_back_spends_nothing(sim: Simulation) -> None:
    """The worker takes Ada for signed in; the server knows better, and says so before anything runs."""
    sim.identify("ada")
    sim.server.session = "bo"
    job = sim.enqueue("free", {"n": 1})
    sim.run(600)
    waiting = sim.job(job)
    assert (waiting.status, waiting.attempts, waiting.certainty) == (Status.PENDING, 0, Certainty.NEVER_SENT)
    assert "unauthorized" in sim.disk.meta["holds"]
    assert sim.server.effects == []
    sim.server.session = "ada"
    sim.identify("ada")
    sim.run(60)
    assert sim.job(job).status is Status.DONE


@pytest.mark.parametrize("session", ["bo", NOBODY])
def test_what_nobody_wrote_is_not_sent_as_somebody(sim: Simulation, session: str) -> None:
    sim.identify(NOBODY)
    sim.server.session = session
    job = sim.enqueue("free", {"n": 1})
    sim.run(600)
    assert (sim.job(job).status is Status.DONE) == (session == NOBODY)


def test_a_site_that_identifies_nobody_tells_the_server_nothing(sim: Simulation) -> None:
    sim.server.session = "bo"
    sim.enqueue("free", {"n": 1})
    sim.run(60)
    assert authors(sim) == [None]


def test_one_persons_stuck_line_does_not_block_anothers(sim: Simulation) -> None:
    sim.server.handle = lambda request: Response(422 if request.body["n"] == 0 else 201)
    sim.identify("ada")
    stuck, behind = (sim.enqueue("strict", {"n": n}) for n in range(2))
    sim.run(60)
    assert [sim.job(job).status for job in (stuck, behind)] == [Status.FAILED, Status.PENDING]
    sim.identify("bo")
    own = sim.enqueue("strict", {"n": 2})
    sim.run(60)
    assert sim.job(own).status is Status.DONE


def test_one_persons_unique_key_is_not_anothers(sim: Simulation) -> None:
    sim.server.offline = True
    sim.identify("ada")
    draft = sim.enqueue("draft", {"n": 1})
    sim.identify("bo")
    other = sim.enqueue("draft", {"n": 1})
    sim.run(1)
    assert {sim.job(job).status for job in (draft, other)} == {Status.PENDING}


@pytest.mark.parametrize("command", ["cancel", "discard", "edit", "retry"])
def test_nobody_changes_what_another_wrote(sim: Simulation, command: str) -> None:
    sim.server.offline = True
    sim.identify("ada")
    job = sim.enqueue("free", {"n": 1})
    sim.run(1)
    before = sim.job(job)
    sim.identify("bo")
    sim.command(command, id=job, **({"payload": {"n": 9}, "bytes": 9} if command == "edit" else {}))
    sim.run(1)
    after = sim.job(job)
    assert (after.status, after.payload, after.refusal) == (before.status, before.payload, None)
    assert sim.disk.meta["tallies"]["counters"]["refused"] == 1


def test_retry_all_is_for_ones_own(sim: Simulation) -> None:
    sim.server.handle = lambda request: Response(422)
    sim.identify("ada")
    hers = sim.enqueue("free", {"n": 1})
    sim.run(1)
    sim.identify("bo")
    his = sim.enqueue("free", {"n": 2})
    sim.run(1)
    sim.server.handle = lambda request: Response(201)
    sim.command("retry")
    sim.run(1)
    assert [sim.job(job).status for job in (hers, his)] == [Status.FAILED, Status.DONE]


def test_what_was_claimed_ahead_does_not_leave_after_a_change_of_people() -> None:
    """The first of a line is out when Bo signs in: those behind it are taken back, unspent."""
    with Simulation(board()) as sim:
        sim.identify("ada")
        jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(5)]

        def handle(request: Request) -> Response:
            sim.identify("bo")
            sim.server.session = "bo"
            return Response(201)

        sim.server.handle = handle
        sim.run(60)
        first, *others = (sim.job(job) for job in jobs)
        assert first.status is Status.DONE
        assert {(job.status, job.attempts) for job in others} == {(Status.PENDING, 0)}


def test_clear_forgets_one_persons_jobs_whatever_they_are(sim: Simulation) -> None:
    sim.identify("bo")
    his = sim.enqueue("free", {"n": 0})
    sim.identify("ada")
    sim.server.handle = lambda request: Response(422 if request.body["n"] == 1 else 201)
    for n in range(1, 4):
        sim.enqueue("strict", {"n": n})
    sim.run(60)
    sim.server.offline = True
    for n in range(120):
        sim.enqueue("free", {"n": n})
    sim.run(1)
    sim.enqueue("free", {"n": 7})
    sim.command("clear")
    late = sim.enqueue("free", {"n": 8})
    sim.run(1)
    assert {job.id for job in sim.jobs()} == {his, late}
    assert set(sim.disk.meta["tallies"]["people"]) == {"ada", "bo"}
    assert sim.disk.inbox == {}


def test_a_job_that_is_out_when_it_is_cleared_goes_once_its_answer_is_there() -> None:
    with Simulation(board()) as sim:
        sim.identify("ada")
        sim.enqueue("free", {"n": 1})

        def handle(request: Request) -> Response:
            sim.command("clear")
            return Response(503)

        sim.server.handle = handle
        sim.run(60)
        assert len(sim.server.requests) == 1
        assert sim.jobs() == []


def test_ten_thousand_sealed_jobs_cost_the_others_nothing(sim: Simulation) -> None:
    """Reads are counted: the first job of another person is found without looking at what is sealed."""
    sim.server.offline = True
    sim.identify("ada")
    for n in range(10_000):
        sim.enqueue("free", {"n": n})
    sim.run(1)
    sim.identify("bo")
    sim.server.offline = False
    sim.run(1)
    read = 0
    load = sim._store.load

    async def counting(query: object) -> object:
        nonlocal read
        loaded = await load(query)  # type: ignore[arg-type]
        read += len(loaded.jobs)
        return loaded

    sim._store.load = counting  # type: ignore[assignment, method-assign]
    own = sim.enqueue("free", {"n": -1})
    sim.wake("online")
    assert sim.job(own).status is Status.DONE
    assert read < 100


def test_after_a_missing_sign_in_the_next_page_lets_one_job_probe(sim: Simulation) -> None:
    """Signed in again without a word to the queue: it goes on by itself. While not, nothing is spent."""
    signed_in = False
    sim.server.handle = lambda request: Response(201 if signed_in else 401)
    jobs = [sim.enqueue("free", {"n": n}) for n in range(20)]
    sim.run(60)
    asked = len(sim.server.requests)
    sim.wake("load")
    assert len(sim.server.requests) == asked + 1
    assert {sim.job(job).attempts for job in jobs} == {0}
    signed_in = True
    sim.wake("load")
    assert {sim.job(job).status for job in jobs} == {Status.DONE}
    assert sim.disk.meta["holds"] == {}


def test_identifying_the_same_person_ends_the_wait_for_a_sign_in(sim: Simulation) -> None:
    signed_in = False
    sim.server.handle = lambda request: Response(201 if signed_in else 401)
    sim.identify("ada")
    job = sim.enqueue("free", {"n": 1})
    sim.run(60)
    signed_in = True
    sim.identify("ada")
    sim.run(60)
    assert sim.job(job).status is Status.DONE


@given(principals, keys, principals, keys)
def test_scoped_keys_of_two_people_never_meet(one: str, key: str, other: str, second: str) -> None:
    assume((one, key) != (other, second))
    assert scoped(one, key) != scoped(other, second)


@given(principals)
def test_a_principal_makes_one_header_that_every_server_takes(principal: str) -> None:
    header = to_header(principal)
    assert header.isascii()
    assert header.isprintable()
    assert (header == "?0") == (principal == NOBODY)


def wake_soon(sim: Simulation) -> None:
    """The page wakes the worker, which is at work."""
    assert sim._driver._ownership is not None
    sim._driver._ownership.feed(Woken("append"))


def test_a_refusal_of_what_one_sent_does_not_hold_the_next_one(sim: Simulation) -> None:
    """Ada's last request is answered 401 when Bo is signed in already."""

    def handle(request: Request) -> Response:
        if request.body["n"] == 2:
            return Response(201)
        sim.identify("bo")
        sim.enqueue("free", {"n": 2})
        wake_soon(sim)
        return Response(401)

    sim.server.handle, sim.server.latency = handle, 1.0
    sim.identify("ada")
    sim.enqueue("free", {"n": 1})
    sim.run(60)
    assert sent(sim) == [1, 2]
    assert sim.disk.meta.get("holds", {}) == {}


@pytest.mark.parametrize("task", ["comment", "free"])
def test_nothing_that_was_cleared_leaves_afterwards(sim: Simulation, task: str) -> None:
    """Neither what was claimed ahead, nor what no batch of the sweep has come to yet."""

    def handle(request: Request) -> Response:
        if len(sim.server.requests) == 1:
            sim.command("clear")
            wake_soon(sim)
        return Response(201)

    sim.server.handle, sim.server.latency = handle, 1.0
    sim.identify("ada")
    for n in range(300):
        sim.enqueue(task, {"post": 1, "n": n})
    sim.run(600)
    assert len(sim.server.requests) == (1 if task == "comment" else 6)
    assert [job.status for job in sim.jobs()] in ([], [Status.DONE])
