"""The queue's promises, on the real engine and driver in virtual time."""

from __future__ import annotations

import pytest

from pyqueue import (
    Certainty,
    Queue,
    Response,
    Status,
    TransportError,
)
from pyqueue._http import Request
from pyqueue.testing import Simulation
from tests.unit.board import board, sent
from tests.unit.midway import die_midway


def test_jobs_of_one_key_arrive_in_order_across_retries(sim: Simulation) -> None:
    sim.server.answers.extend([503, TransportError("network", "reset"), 429])
    for n in range(5):
        sim.enqueue("comment", {"post": 1, "n": n})
    sim.run()
    assert [request.body["n"] for request in sim.server.effects] == [0, 1, 2, 3, 4]
    assert sent(sim) == [0, 0, 0, 0, 1, 2, 3, 4]


def test_jobs_without_a_declared_key_share_one_line() -> None:
    queue = Queue()
    queue.http("a", "POST", "/a")
    queue.http("b", "POST", "/b")
    with Simulation(queue) as sim:
        sim.server.answers.append(503)
        for n in range(6):
            sim.enqueue("ab"[n % 2], {"n": n})
        sim.run()
        assert sent(sim) == [0, 0, 1, 2, 3, 4, 5]


def test_other_keys_go_on_while_one_waits(sim: Simulation) -> None:
    sim.server.answers.append(Response(503, {"retry-after": "100"}))
    sim.enqueue("comment", {"post": 1, "n": 1})
    sim.enqueue("comment", {"post": 1, "n": 2})
    other = sim.enqueue("comment", {"post": 2, "n": 3})
    sim.wake()
    assert sim.job(other).status is Status.DONE
    assert sent(sim) == [1, 3]


def test_every_attempt_carries_the_same_quoted_key(sim: Simulation) -> None:
    sim.server.answers.extend([500, 502])
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.run()
    assert {request.headers["Idempotency-Key"] for request in sim.server.requests} == {f'"{job}"'}


def test_a_lost_reply_has_one_effect(sim: Simulation) -> None:
    sim.server.lose_replies = True
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    assert sim.job(job).certainty is Certainty.MAYBE_APPLIED
    sim.server.lose_replies = False
    sim.run()
    assert sim.job(job).status is Status.DONE
    assert len(sim.server.effects) == 1


def test_retry_after_is_honoured_beyond_the_cap(sim: Simulation) -> None:
    sim.server.answers.extend([Response(503, {"retry-after": "40"}), Response(503, {"retry-after": "86400"})])
    sim.enqueue("comment", {"post": 1, "n": 1})
    start = sim.clock.now()
    wake_at = sim.wake()
    assert wake_at == pytest.approx(start + 40, abs=1)
    sim.loop.run_until_complete(sim.clock.sleep(41))
    wake_at = sim.wake("timer")
    assert wake_at == pytest.approx(sim.clock.now() + 86_400, abs=1)


def test_gives_up_after_8_attempts_and_lets_the_next_pass(sim: Simulation) -> None:
    sim.server.answers.extend([503] * 8)
    first = sim.enqueue("comment", {"post": 1, "n": 1})
    second = sim.enqueue("comment", {"post": 1, "n": 2})
    sim.run()
    failed = sim.job(first)
    assert (failed.status, failed.attempts) == (Status.FAILED, 8)
    assert failed.error is not None
    assert (failed.error.code, failed.error.status) == ("http", 503)
    assert "8 attempts" in failed.error.message
    assert sim.job(second).status is Status.DONE


def test_no_network_spends_no_attempt_and_a_sign_of_one_sends_at_once(sim: Simulation) -> None:
    sim.server.offline = True
    jobs = [sim.enqueue("comment", {"post": 1, "n": n}) for n in range(10)]
    sim.run(seconds=86_400)
    assert {sim.job(job).status for job in jobs} == {Status.PENDING}
    assert sim.job(jobs[0]).attempts == 0
    sim.server.offline = False
    sim.wake("online")
    assert sent(sim) == list(range(10))


def test_an_unreachable_server_holds_the_order_until_a_sign_of_a_network(sim: Simulation) -> None:
    """Attempts are bounded, but what follows must not overtake, and no person needs to act."""
    sim.server.answers.extend([TransportError("network", "refused")] * 8)
    first = sim.enqueue("comment", {"post": 1, "n": 1})
    second = sim.enqueue("comment", {"post": 1, "n": 2})
    sim.run()
    assert sim.job(first).status is Status.FAILED
    assert sim.job(second).status is Status.PENDING
    sim.wake("load")
    assert sent(sim)[8:] == [1, 2]
    assert sim.job(first).status is sim.job(second).status is Status.DONE


def test_a_sync_event_tries_what_was_offline_but_ends_no_backoff(sim: Simulation) -> None:
    sim.server.answers.append(TransportError("network", "refused"))
    sim.enqueue("comment", {"post": 1, "n": 1}, retry={"base": 300})
    sim.wake()
    sim.server.offline = True
    sim.enqueue("comment", {"post": 2, "n": 2})
    sim.wake()
    sim.server.offline = False
    sim.wake("sync")
    assert sent(sim) == [1, 2]


def test_a_wait_is_scheduled_and_armed_before_it_begins(sim: Simulation) -> None:
    """A worker that is killed while it lingers leaves a wake-up behind."""
    sim.server.answers.append(Response(503, {"retry-after": "100"}))
    sim.enqueue("comment", {"post": 1, "n": 1})
    start = sim.clock.now()
    die_midway(sim, 50, "sync", linger=150)
    assert sim.disk.meta["schedule"]["wake_at"] == sim.waker.wake_at == pytest.approx(start + 100, abs=1)


def test_a_linger_ends_with_its_run(sim: Simulation) -> None:
    sim.wake("sync", linger=150)
    sim.server.answers.append(Response(503, {"retry-after": "100"}))
    sim.enqueue("comment", {"post": 1, "n": 1})
    start = sim.clock.now()
    assert sim.wake() == pytest.approx(start + 100, abs=1)
    assert sim.clock.now() < start + 5


def test_a_crash_while_sending_repeats_the_request_with_its_key(sim: Simulation) -> None:
    sim.server.latency = 10
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.enqueue("comment", {"post": 1, "n": 2})
    die_midway(sim, 15)
    assert sim.job(job).status is Status.SENDING
    sim.command("pause")
    sim.wake()
    assert (sim.job(job).status, sim.job(job).certainty) == (Status.PENDING, Certainty.MAYBE_APPLIED)
    sim.command("resume")
    sim.run()
    assert sent(sim) == [1, 1, 2]
    assert [request.body["n"] for request in sim.server.effects] == [1, 2]


def test_at_most_max_in_flight_are_sent_at_once() -> None:
    queue = board(max_in_flight=3)
    with Simulation(queue) as sim:
        most = now = 0
        send = sim.server.send

        async def counting(request: Request) -> Response:
            nonlocal most, now
            now += 1
            most = max(most, now)
            try:
                return await send(request)
            finally:
                now -= 1

        sim.server.send = counting  # type: ignore[method-assign]
        for n in range(10):
            sim.enqueue("free", {"n": n})
        sim.wake()
        assert most == 3
        assert len(sim.server.effects) == 10
