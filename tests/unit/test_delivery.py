"""The queue's promises, on the real engine and driver in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pyqueue import (
    Certainty,
    Context,
    Limits,
    Queue,
    Reject,
    Response,
    Retention,
    Status,
    TransportError,
)
from pyqueue.ports import Request
from pyqueue.testing import FakeServer, Simulation
from pyqueue.testing.server import json_response


def board(**options: Any) -> Queue:
    queue = Queue(**options)
    queue.http("comment", "POST", "/api/comments", ordering_key="post:{post}")
    queue.http("free", "POST", "/api/free", ordering_key=None)
    queue.http("brief", "POST", "/api/brief", expires=60)
    queue.http("strict", "POST", "/api/strict", on_failure="block")
    queue.http("draft", "PUT", "/api/drafts/{n}", unique_key="draft:{n}", on_conflict="replace")
    return queue


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation(board()) as simulation:
        yield simulation


def sent(sim: Simulation) -> list[Any]:
    return [request.body["n"] for request in sim.server.requests]


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


def test_retry_after_is_honoured_and_clamped_to_the_cap(sim: Simulation) -> None:
    sim.server.answers.extend([Response(503, {"retry-after": "40"}), Response(503, {"retry-after": "86400"})])
    sim.enqueue("comment", {"post": 1, "n": 1})
    start = sim.clock.now()
    wake_at = sim.wake()
    assert wake_at == pytest.approx(start + 40, abs=1)
    sim.loop.run_until_complete(sim.clock.sleep(41))
    wake_at = sim.wake("timer")
    assert wake_at == pytest.approx(sim.clock.now() + 300, abs=1)


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


def test_a_sync_event_ends_the_wait_of_what_was_offline_but_no_backoff(sim: Simulation) -> None:
    sim.server.answers.extend([TransportError("offline", "none"), TransportError("network", "refused")])
    sim.enqueue("comment", {"post": 1, "n": 1}, retry={"base": 300})
    sim.enqueue("comment", {"post": 2, "n": 2}, retry={"base": 300})
    sim.wake()
    sim.wake("sync")
    assert sent(sim) == [1, 2, 1]


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
    sim.wake()
    assert [sim.job(job).status for job in (first, second)] == ["cancelled", "done"]


def test_a_job_cancelled_while_sending_ends_as_its_attempt_does(sim: Simulation) -> None:
    sim.server.latency = 5
    sim.server.answers.append(503)
    job = sim.enqueue("comment", {"post": 1, "n": 1})

    async def cancel_midway() -> None:
        run = asyncio.ensure_future(sim._drain.wake("append"))
        await asyncio.sleep(1)
        sim.command("cancel", id=job)
        await sim._drain.wake("append")
        await run

    sim.loop.run_until_complete(cancel_midway())
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


def test_a_delay_holds_the_order_and_arms_the_wake_up(sim: Simulation) -> None:
    start = sim.clock.now()
    first = sim.enqueue("comment", {"post": 1, "n": 1}, delay=100)
    sim.enqueue("comment", {"post": 1, "n": 2})
    assert sim.wake() == start + 100
    assert sim.disk.meta["schedule"]["wake_at"] == sim.waker.wake_at == start + 100
    sim.run(seconds=101)
    assert sim.job(first).status is Status.DONE
    assert sent(sim) == [1, 2]


def test_what_expires_is_not_sent_and_says_so(sim: Simulation) -> None:
    sim.server.answers.append(Response(503, {"retry-after": "90"}))
    first = sim.enqueue("brief", {"n": 1})
    second = sim.enqueue("brief", {"n": 2}, expires=3600)
    sim.run()
    assert sim.job(first).status is Status.EXPIRED
    assert sim.job(second).status is Status.DONE
    assert sent(sim) == [1, 2]


def test_a_unique_key_replaces_the_waiting_job_or_keeps_it(sim: Simulation) -> None:
    sim.command("pause")
    old = sim.enqueue("draft", {"n": 1, "text": "a"})
    new = sim.enqueue("draft", {"n": 1, "text": "b"})
    kept = sim.enqueue("draft", {"n": 1, "text": "c"}, on_conflict="keep")
    sim.command("resume")
    sim.wake()
    assert [sim.job(job).status for job in (old, new, kept)] == ["cancelled", "done", "cancelled"]
    assert sim.job(old).superseded_by == sim.job(kept).superseded_by == new
    assert [request.body["text"] for request in sim.server.requests] == ["b"]


def test_an_unknown_task_fails_visibly_and_goes_on_once_declared(sim: Simulation) -> None:
    job = sim.enqueue("later.declared", {"n": 1})
    sim.wake()
    assert sim.job(job).status is Status.FAILED
    assert sim.job(job).error is not None
    assert "later.declared" in sim.job(job).error.message  # type: ignore[union-attr]
    sim.queue.http("later.declared", "POST", "/api/later")
    sim.restart()
    sim.wake()
    assert sim.job(job).status is Status.DONE


def test_a_payload_that_the_template_cannot_fill_fails_with_the_reason(sim: Simulation) -> None:
    job = sim.enqueue("comment", {"n": 1})
    sim.wake()
    assert sim.job(job).error is not None
    assert sim.job(job).error.code == "template"  # type: ignore[union-attr]


def test_a_job_may_carry_its_own_request(sim: Simulation) -> None:
    payload = {"url": "/api/x", "method": "put", "headers": {"X-A": "1"}, "body": {"n": 1}}
    sim.enqueue(None, payload)
    sim.wake()
    (request,) = sim.server.requests
    assert (request.method, request.url, request.headers["X-A"]) == ("PUT", "/api/x", "1")


def test_a_function_sends_with_keys_of_its_own_and_returns_the_result() -> None:
    queue = Queue()

    @queue.task("upload", ordering_key=None)
    async def upload(ctx: Context, *, name: str) -> Any:
        await ctx.http.post("/api/a", body={"name": name})
        response = await ctx.http.post("/api/b", body={"name": name})
        return response.json()

    server = FakeServer(handle=lambda request: json_response(201, {"id": 5}))
    with Simulation(queue, server) as sim:
        server.answers.append(503)
        job = sim.enqueue("upload", {"name": "x"})
        sim.run()
        assert sim.job(job).result == {"id": 5}
        keys = [request.headers["Idempotency-Key"] for request in server.requests]
        assert keys == [f'"{job}"', f'"{job}"', f'"{job}/2"']


def test_a_result_that_cannot_be_stored_is_kept_as_its_text() -> None:
    queue = Queue()

    @queue.task("odd")
    async def odd(ctx: Context) -> Any:
        return {"when": datetime(2027, 1, 15, tzinfo=UTC), "ratio": float("nan")}

    with Simulation(queue) as sim:
        job = sim.enqueue("odd", {})
        sim.wake()
        assert sim.job(job).result == {"when": "2027-01-15 00:00:00+00:00", "ratio": None}


def test_a_function_may_reject_and_a_mistake_in_it_fails_the_job() -> None:
    queue = Queue()

    @queue.task("no")
    async def no(ctx: Context) -> None:
        raise Reject("not today")

    @queue.task("oops")
    async def oops(ctx: Context, *, missing: int) -> None: ...

    with Simulation(queue) as sim:
        rejected, mistaken = sim.enqueue("no", {}), sim.enqueue("oops", {})
        sim.run()
        assert [sim.job(job).error.code for job in (rejected, mistaken)] == ["rejected", "exception"]  # type: ignore[union-attr]


def test_a_crash_while_sending_repeats_the_request_with_its_key(sim: Simulation) -> None:
    sim.server.latency = 10
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.enqueue("comment", {"post": 1, "n": 2})

    async def until_sending() -> None:
        run = asyncio.ensure_future(sim._drain.wake("append"))
        await asyncio.sleep(15)
        run.cancel()

    sim.loop.run_until_complete(until_sending())
    sim.restart()
    assert sim.job(job).status is Status.SENDING
    sim.command("pause")
    sim.wake()
    assert (sim.job(job).status, sim.job(job).certainty) == (Status.PENDING, Certainty.MAYBE_APPLIED)
    sim.command("resume")
    sim.run()
    assert sent(sim) == [1, 1, 2]
    assert [request.body["n"] for request in sim.server.effects] == [1, 2]


def test_a_retried_job_waits_for_a_later_one_of_its_key_that_is_on_its_way(sim: Simulation) -> None:
    sim.server.answers.append(400)
    first = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    sim.server.latency = 5
    second = sim.enqueue("comment", {"post": 1, "n": 2})

    async def retry_midway() -> None:
        run = asyncio.ensure_future(sim._drain.wake("append"))
        await asyncio.sleep(1)
        sim.command("retry", id=first)
        await sim._drain.wake("append")
        await run

    sim.loop.run_until_complete(retry_midway())
    jobs = sim.job(second), sim.job(first)
    assert jobs[0].settled_at is not None
    assert jobs[1].sent_at is not None
    assert jobs[0].settled_at <= jobs[1].sent_at
    assert sent(sim) == [1, 2, 1]


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


def test_the_control_flag_holds_the_queue_and_its_last_answer_outlives_it() -> None:
    flag = {"paused": True, "reason": "deploying"}

    def answer(request: Request) -> Response:
        return json_response(200, flag) if request.url == "/control.json" else Response(201)

    server = FakeServer(handle=answer)
    with Simulation(board(control="/control.json"), server) as sim:
        job = sim.enqueue("comment", {"post": 1, "n": 1})
        sim.wake()
        assert sim.waker.holds["control"]["reason"] == "deploying"
        server.answers.append(TransportError("network", "down"))
        sim.wake()
        assert sim.job(job).status is Status.PENDING
        flag["paused"] = False
        sim.run()
        assert sim.job(job).status is Status.DONE


def test_the_control_flag_is_asked_again_at_every_wake_up_while_it_holds_a_lingering_run() -> None:
    flag = {"paused": True}
    server = FakeServer(
        handle=lambda request: json_response(200, flag) if request.url == "/control.json" else Response(201)
    )
    with Simulation(board(control="/control.json"), server) as sim:
        job = sim.enqueue("comment", {"post": 1, "n": 1})

        async def release_midway() -> None:
            run = asyncio.ensure_future(sim._drain.wake("sync", linger=150))
            await asyncio.sleep(10)
            flag["paused"] = False
            await sim._drain.wake("append")
            await run

        start = sim.clock.now()
        sim.loop.run_until_complete(release_midway())
        assert sim.job(job).status is Status.DONE
        assert sim.clock.now() < start + 15


def test_tombstones_go_by_age_and_by_count_and_are_counted() -> None:
    with Simulation(board(retention=Retention(settled=100, failed=1000, count=3))) as sim:
        sim.server.answers.append(400)
        failed = sim.enqueue("free", {"n": 0})
        for n in range(5):
            sim.enqueue("free", {"n": n})
        sim.wake()
        assert len(sim.jobs()) == 4
        assert sim.disk.meta["counters"]["pruned"] == 2
        sim.run(200)
        sim.wake()
        assert [job.id for job in sim.jobs()] == [failed]
        sim.run(2000)
        sim.wake()
        assert sim.jobs() == []
        assert sim.disk.meta["counters"]["pruned_failed"] == 1
        assert sim.disk.meta["kept"] == {"done": 0, "failed": 0}


def test_the_tallies_follow_what_is_open(sim: Simulation) -> None:
    sim.server.offline = True
    for n in range(3):
        sim.enqueue("comment", {"post": 1, "n": n})
    sim.wake()
    meta = sim.disk.meta
    assert meta["open"]["count"] == 3
    assert meta["open"]["bytes"] == meta["appended"]["bytes"] == meta["admitted"]["bytes"]
    sim.server.offline = False
    sim.wake("online")
    assert sim.disk.meta["open"] == {"count": 0, "bytes": 0}


def test_limits_are_published_for_the_pages() -> None:
    with Simulation(board(limits=Limits(jobs=5))) as sim:
        sim.wake()
        assert sim.disk.meta["limits"] == {"payload_bytes": 1 << 20, "jobs": 5, "bytes": 100 << 20}


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
    ],
)
def test_a_damaged_command_stops_nothing(sim: Simulation, damaged: dict[str, Any]) -> None:
    for _ in range(150):
        sim.command(**damaged)
    job = sim.enqueue("comment", {"post": 1, "n": 1})
    sim.wake()
    assert sim.job(job).status is Status.DONE
    assert len(sim.disk.inbox) == 150


def test_a_jobs_own_policy_wins(sim: Simulation) -> None:
    sim.server.answers.extend([503, 503])
    job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 2})
    sim.run()
    assert (sim.job(job).status, sim.job(job).attempts) == (Status.FAILED, 2)
