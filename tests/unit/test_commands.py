"""What a person or a site may do to jobs and to the queue."""

from __future__ import annotations

from pyqueue import (
    Certainty,
    Response,
    Status,
    TransportError,
)
from pyqueue._http import Request
from pyqueue.testing import FakeServer, Simulation
from pyqueue.testing.server import json_response
from tests.unit.board import board, sent
from tests.unit.midway import midway


def test_a_permanent_failure_is_kept_with_its_reason_and_can_be_edited(sim: Simulation) -> None:
    def refuse_empty(request: Request) -> Response:
        return Response(201) if request.body["text"] else json_response(422, {"detail": "The text is empty."})

    sim.server.handle = refuse_empty
    job = sim.enqueue("comment", {"post": 1, "n": 1, "text": ""})
    sim.wake()
    failed = sim.job(job)
    assert (failed.status, failed.certainty) == (Status.FAILED, Certainty.REJECTED)
    assert failed.error is not None
    assert failed.error.message == "The text is empty."
    sim.command("edit", id=job, payload={"post": 1, "n": 1, "text": "hi"}, bytes=2)
    sim.wake()
    assert sim.job(job).status is Status.DONE
    keys = [request.headers["Idempotency-Key"] for request in sim.server.requests]
    assert keys[0] != keys[1]


def test_editing_what_may_have_been_applied_keeps_its_key(sim: Simulation) -> None:
    sim.server.lose_replies = True
    job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 1})
    sim.wake()
    sim.server.lose_replies = False
    sim.command("edit", id=job, payload={"post": 1, "n": 2}, bytes=2)
    sim.wake()
    assert len({request.headers["Idempotency-Key"] for request in sim.server.requests}) == 1
    assert len(sim.server.effects) == 1


def test_retry_now_brings_one_or_all_failed_jobs_back_in_their_order(sim: Simulation) -> None:
    sim.server.answers.extend([400, 400, 400])
    jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(3)]
    sim.wake()
    assert {sim.job(job).status for job in jobs} == {Status.FAILED}
    sim.command("retry", id=jobs[1])
    sim.wake()
    assert [sim.job(job).status for job in jobs] == [Status.FAILED, Status.DONE, Status.FAILED]
    sim.command("retry")
    sim.wake()
    assert sent(sim)[4:] == [0, 2]


def test_block_holds_the_key_until_a_person_acts(sim: Simulation) -> None:
    sim.server.answers.append(400)
    first = sim.enqueue("strict", {"n": 1})
    second = sim.enqueue("strict", {"n": 2})
    sim.run()
    assert [sim.job(job).status for job in (first, second)] == [Status.FAILED, Status.PENDING]
    sim.command("discard", id=first)
    sim.wake()
    assert [sim.job(job).status for job in (first, second)] == [Status.CANCELLED, Status.DONE]


def test_cancel_takes_a_waiting_job_back(sim: Simulation) -> None:
    sim.server.answers.append(503)
    first, second, third = (sim.enqueue("comment", {"post": 1, "n": n}) for n in range(3))
    sim.command("cancel", id=second)
    sim.run()
    assert [sim.job(job).status for job in (first, second, third)] == ["done", "cancelled", "done"]
    assert sent(sim) == [0, 0, 2]


def test_cancelling_the_head_promotes_the_next(sim: Simulation) -> None:
    sim.server.offline = True
    first, second = (sim.enqueue("comment", {"post": 1, "n": n}) for n in range(2))
    sim.wake()
    sim.server.offline = False
    sim.command("cancel", id=first)
    sim.wake("online")
    assert [sim.job(job).status for job in (first, second)] == ["cancelled", "done"]


def test_a_job_cancelled_while_sending_ends_as_its_attempt_does(sim: Simulation) -> None:
    sim.server.latency = 5
    sim.server.answers.append(503)
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    midway(sim, 1, lambda: sim.command("cancel", id=job))
    assert (sim.job(job).status, sim.job(job).certainty) == ("cancelled", "maybe_applied")


def test_pause_holds_across_restarts_until_resume(sim: Simulation) -> None:
    sim.command("pause", reason="maintenance")
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    assert sim.wake() is None
    sim.restart()
    sim.run()
    assert sim.job(job).status is Status.PENDING
    assert sim.waker.holds["paused"]["reason"] == "maintenance"
    sim.command("resume")
    sim.wake()
    assert sim.job(job).status is Status.DONE


def test_a_401_holds_the_queue_and_resume_goes_on_without_a_spent_attempt(sim: Simulation) -> None:
    sim.server.answers.append(401)
    first = sim.enqueue("comment", {"post": 1, "n": 1})
    second = sim.enqueue("comment", {"post": 2, "n": 2}, delay=60)
    sim.run()
    assert "unauthorized" in sim.waker.holds
    assert (sim.job(first).status, sim.job(first).attempts) == (Status.PENDING, 0)
    assert sim.job(second).status is Status.PENDING
    sim.command("resume")
    sim.run()
    assert sent(sim) == [1, 1, 2]


def test_flush_cuts_a_backoff_short_but_not_an_asked_delay(sim: Simulation) -> None:
    sim.server.answers.append(Response(503, {"retry-after": "250"}))
    waiting = sim.enqueue("comment", {"post": 1, "n": 1})
    delayed = sim.enqueue("comment", {"post": 2, "n": 2}, delay=250)
    sim.wake()
    sim.command("flush")
    sim.wake()
    assert (sim.job(waiting).status, sim.job(delayed).status) == (Status.DONE, Status.PENDING)


def test_a_retried_job_waits_for_a_later_one_of_its_key_that_is_on_its_way(sim: Simulation) -> None:
    sim.server.answers.append(400)
    first = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    sim.server.latency = 5
    second = sim.enqueue("comment", {"post": 1, "n": 2})
    midway(sim, 1, lambda: sim.command("retry", id=first))
    jobs = sim.job(second), sim.job(first)
    assert jobs[0].settled_at is not None
    assert jobs[1].sent_at is not None
    assert jobs[0].settled_at <= jobs[1].sent_at
    assert sent(sim) == [1, 2, 1]


def test_the_kill_switch_holds_the_queue_and_its_last_answer_outlives_it() -> None:
    flag = {"paused": True, "reason": "deploying"}

    def answer(request: Request) -> Response:
        return json_response(200, flag) if request.url == "/control.json" else Response(201)

    server = FakeServer(handle=answer)
    with Simulation(board(kill_switch="/control.json"), server) as sim:
        job = sim.enqueue("comment", {"post": 1, "n": 1})
        sim.wake()
        assert sim.waker.holds["kill_switch"]["reason"] == "deploying"
        server.answers.append(TransportError("network", "down"))
        sim.wake()
        assert sim.job(job).status is Status.PENDING
        flag["paused"] = False
        sim.run()
        assert sim.job(job).status is Status.DONE


def test_the_kill_switch_is_asked_again_at_every_wake_up_while_it_holds_a_lingering_run() -> None:
    flag = {"paused": True}
    server = FakeServer(
        handle=lambda request: json_response(200, flag) if request.url == "/control.json" else Response(201)
    )
    with Simulation(board(kill_switch="/control.json"), server) as sim:
        job = sim.enqueue("comment", {"post": 1, "n": 1})
        start = sim.clock.now()
        midway(sim, 10, lambda: flag.update(paused=False), "sync", linger=150)
        assert sim.job(job).status is Status.DONE
        assert sim.clock.now() < start + 15
