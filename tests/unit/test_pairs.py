"""Rules that are right one by one hold in pairs too."""

from __future__ import annotations

import pytest

from pyqueue import Certainty, Queue, Response, Retention, Status, TransportError
from pyqueue.testing import Simulation
from tests.unit.board import board, sent
from tests.unit.midway import midway

DAY = 86_400.0


# -- once, after edits ---------------------------------------------------------------------------------------


def test_no_number_of_edits_makes_a_second_effect_of_a_write_whose_reply_was_lost(sim: Simulation) -> None:
    sim.server.lose_replies = True
    job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 1})
    sim.wake()
    sim.server.lose_replies = False
    for n in (2, 3):
        sim.command("edit", id=job, payload={"post": 1, "n": n}, bytes=2)
        sim.wake()
        assert (sim.job(job).status, sim.job(job).certainty) == (Status.FAILED, Certainty.MAYBE_APPLIED)
    assert len({request.headers["Idempotency-Key"] for request in sim.server.requests}) == 1
    assert len(sim.server.effects) == 1


def test_a_refusal_without_the_servers_own_proof_does_not_take_a_maybe_back(sim: Simulation) -> None:
    """A server without an idempotency layer may refuse the second attempt because it did the first."""
    sim.server.answers.extend([TransportError("timeout", "late"), Response(422)])
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.run()
    assert (sim.job(job).status, sim.job(job).certainty) == (Status.FAILED, Certainty.MAYBE_APPLIED)


def test_a_refusal_that_echoes_the_key_takes_a_maybe_back(sim: Simulation) -> None:
    """The idempotency layer would have replayed the first answer, had there been an effect."""
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    echo = {"idempotency-key": f'"{job}"'}
    sim.server.answers.extend([TransportError("timeout", "late"), Response(422, echo)])
    sim.run()
    assert (sim.job(job).status, sim.job(job).certainty) == (Status.FAILED, Certainty.REJECTED)


# -- what a person asked for ---------------------------------------------------------------------------------


def test_an_edit_comes_before_the_sign_of_a_network_that_would_send_the_old_text(sim: Simulation) -> None:
    sim.server.answers.append(TransportError("network", "refused"))
    job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 1})
    sim.wake()
    assert sim.job(job).status is Status.FAILED
    sim.command("edit", id=job, payload={"post": 1, "n": 2}, bytes=2)
    sim.wake("load")
    assert sent(sim) == [1, 2]


@pytest.mark.parametrize("asked", ["cancel", "discard"])
def test_what_was_cancelled_while_its_last_attempt_was_out_is_never_sent_again(asked: str) -> None:
    with Simulation(board()) as sim:
        sim.server.latency = 5
        sim.server.answers.append(TransportError("network", "refused"))
        job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 1})
        midway(sim, 1, lambda: sim.command(asked, id=job))
        sim.wake("online")
        sim.run()
        assert (sim.job(job).status, sim.job(job).certainty) == (Status.CANCELLED, Certainty.MAYBE_APPLIED)
        assert sent(sim) == [1]


def test_an_edit_while_a_job_is_sent_is_applied_if_the_attempt_does_not_succeed(sim: Simulation) -> None:
    sim.server.latency = 5
    sim.server.answers.append(503)
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    midway(sim, 1, lambda: sim.command("edit", id=job, payload={"post": 1, "n": 2}, bytes=2))
    sim.run()
    assert sent(sim) == [1, 2]
    assert sim.job(job).status is Status.DONE


@pytest.mark.parametrize("asked", ["edit", "cancel"])
def test_what_comes_too_late_is_refused_with_a_reason(sim: Simulation, asked: str) -> None:
    sim.server.latency = 5
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    midway(sim, 1, lambda: sim.command(asked, id=job, payload={"post": 1, "n": 2}, bytes=2))
    done = sim.job(job)
    assert done.status is Status.DONE
    assert done.refusal is not None
    assert (done.refusal.command, done.refusal.message) == (
        asked,
        f"the {asked} came too late: it was delivered before",
    )
    sim.command("retry", id=job)
    sim.wake()
    refusal = sim.job(job).refusal
    assert refusal is not None
    assert refusal.command == "retry"
    assert sim.disk.meta["tallies"]["counters"]["refused"] == 2


def test_a_job_that_waits_can_be_edited_and_keeps_its_key(sim: Simulation) -> None:
    job = sim.enqueue("comment", {"post": 1, "n": 1}, delay=10)
    sim.wake()
    sim.command("edit", id=job, payload={"post": 1, "n": 2}, bytes=2)
    sim.run(60)
    assert sent(sim) == [2]
    assert sim.server.requests[0].headers["Idempotency-Key"] == f'"{job}"'


# -- unique keys ---------------------------------------------------------------------------------------------


def unordered() -> Queue:
    queue = Queue()
    queue.http("save", "PUT", "/n/{n}", unique_key="n:{n}", on_conflict="replace", ordering_key=None)
    queue.http("once", "PUT", "/n/{n}", unique_key="n:{n}", on_conflict="keep", ordering_key=None)
    return queue


def test_an_older_write_that_is_out_is_not_sent_again_after_the_newer() -> None:
    with Simulation(unordered()) as sim:
        sim.server.latency = 5
        sim.server.answers.append(503)
        old = sim.enqueue("save", {"n": 1, "text": "old"})
        new: list[str] = []
        midway(sim, 1, lambda: new.append(sim.enqueue("save", {"n": 1, "text": "new"})))
        sim.run()
        assert [request.body["text"] for request in sim.server.requests] == ["old", "new"]
        assert (sim.job(old).status, sim.job(old).superseded_by) == (Status.CANCELLED, new[0])
        assert sim.job(new[0]).status is Status.DONE


def test_the_newer_write_leaves_after_the_older_has_ended() -> None:
    with Simulation(unordered()) as sim:
        sim.server.latency = 5
        old = sim.enqueue("save", {"n": 1, "text": "old"})
        new: list[str] = []
        midway(sim, 1, lambda: new.append(sim.enqueue("save", {"n": 1, "text": "new"})))
        first, second = sim.job(old), sim.job(new[0])
        assert first.status is second.status is Status.DONE
        assert first.settled_at is not None
        assert second.sent_at is not None
        assert first.settled_at <= second.sent_at


def test_a_failed_job_keeps_its_unique_key_and_retry_now_cannot_bring_it_back_over_a_newer() -> None:
    with Simulation(unordered()) as sim:
        sim.server.answers.append(422)
        old = sim.enqueue("save", {"n": 1, "text": "old"})
        sim.wake()
        sim.enqueue("save", {"n": 1, "text": "new"})
        sim.command("retry", id=old)
        sim.wake()
        assert [request.body["text"] for request in sim.server.requests] == ["old", "new"]
        refusal = sim.job(old).refusal
        assert refusal is not None
        assert refusal.command == "retry"


@pytest.mark.parametrize("end", ["cancel", "expire"])
def test_with_keep_a_rival_that_is_cancelled_or_expired_does_not_count(end: str) -> None:
    with Simulation(unordered()) as sim:
        old = sim.enqueue("once", {"n": 1, "text": "old"}, delay=60, expires=120)
        sim.wake()
        if end == "cancel":
            sim.command("cancel", id=old)
        else:
            sim.server.offline = True
            sim.run(300)
            sim.server.offline = False
        new = sim.enqueue("once", {"n": 1, "text": "new"})
        sim.wake("online")
        assert sim.job(new).status is Status.DONE


# -- no line is stuck ----------------------------------------------------------------------------------------


def test_what_stands_behind_two_superseded_jobs_goes_on() -> None:
    queue = Queue()
    queue.http("save", "PUT", "/n/{n}", unique_key="n:{n}", on_conflict="replace")
    queue.http("other", "POST", "/other")
    with Simulation(queue) as sim:
        sim.server.latency = 5
        sim.server.answers.append(503)
        sim.enqueue("save", {"n": 1, "text": "a"})
        sim.enqueue("save", {"n": 1, "text": "b"})
        behind = sim.enqueue("other", {})
        midway(sim, 1, lambda: sim.enqueue("save", {"n": 1, "text": "c"}))
        sim.run()
        assert sim.job(behind).status is Status.DONE


def test_a_failed_job_that_holds_its_key_is_never_pruned() -> None:
    with Simulation(board(retention=Retention(settled=10, failed=10, count=1))) as sim:
        sim.server.answers.append(400)
        first = sim.enqueue("strict", {"n": 1})
        second = sim.enqueue("strict", {"n": 2})
        sim.wake()
        sim.run(40 * DAY)
        sim.wake()
        assert [sim.job(job).status for job in (first, second)] == [Status.FAILED, Status.PENDING]
        sim.command("retry", id=first)
        sim.wake()
        assert sent(sim) == [1, 1, 2]


# -- terms survive -------------------------------------------------------------------------------------------


def test_a_job_of_an_unknown_task_gets_its_terms_once_the_task_is_known(sim: Simulation) -> None:
    start = sim.clock.now()
    sim.enqueue("later", {"n": 1, "key": "k"}, delay=100, expires=7200)
    second = sim.enqueue("later", {"n": 2, "key": "k"})
    sim.wake()
    assert {job.status for job in sim.jobs()} == {Status.FAILED}
    sim.queue.http("later", "POST", "/later", ordering_key="k:{key}", unique_key="u:{n}")
    sim.restart()
    assert sim.wake() == start + 100
    first, waiting = sim.jobs()
    assert (first.ordering_key, first.unique_key, first.expires_at) == ("k:k", "u:1", start + 7200)
    assert waiting.status is Status.PENDING
    sim.run(200)
    assert sent(sim) == [1, 2]
    assert sim.job(second).status is Status.DONE


# -- clocks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before it is admitted", "while it waits", "while it backs off"])
def test_a_clock_that_was_a_year_ahead_holds_nothing_up(when: str) -> None:
    with Simulation(board()) as sim:
        year = 365 * DAY
        sim.clock.shift(year)
        sim.server.offline = when == "while it waits"
        if when == "while it backs off":
            sim.server.answers.append(503)
        sim.enqueue("comment", {"post": 1, "n": 1})
        sim.enqueue("free", {"n": 2}, delay=30)
        if when != "before it is admitted":
            sim.wake()
        sim.server.offline = False
        sim.clock.shift(-year)
        sim.run(400)
        assert sorted(request.body["n"] for request in sim.server.effects) == [1, 2]


# -- patience ------------------------------------------------------------------------------------------------


def test_eight_attempts_last_through_a_deployment(sim: Simulation) -> None:
    start = sim.clock.now()
    sim.server.handle = lambda request: Response(503 if sim.clock.now() < start + 120 else 201)
    jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(20)]
    sim.run(600)
    assert {sim.job(job).status for job in jobs} == {Status.DONE}


def test_a_retry_after_of_zero_is_no_invitation_to_hammer(sim: Simulation) -> None:
    sim.server.answers.extend([Response(503, {"retry-after": "0"})] * 7)
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    start = sim.clock.now()
    sim.run(1200)
    settled_at = sim.job(job).settled_at
    assert settled_at is not None
    assert settled_at - start > 100


# -- retention -----------------------------------------------------------------------------------------------


def test_retention_keeps_what_it_says_at_once() -> None:
    with Simulation(board(retention=Retention(count=10))) as sim:
        for n in range(700):
            sim.enqueue("free", {"n": n})
        sim.wake()
        assert len(sim.jobs()) == 10


def test_jobs_that_were_never_sent_are_not_deleted_by_a_count() -> None:
    with Simulation(board(retention=Retention(count=2))) as sim:
        for _ in range(5):
            sim.enqueue("unknown", {})
        sim.wake()
        assert len(sim.jobs()) == 5
