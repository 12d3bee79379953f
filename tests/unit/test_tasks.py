"""What a declaration and a job's options make of a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pyqueue import (
    Context,
    Queue,
    Reject,
    Response,
    Status,
    done,
)
from pyqueue.testing import FakeServer, Simulation
from pyqueue.testing.server import json_response
from tests.unit.board import sent


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


def test_a_jobs_own_policy_wins(sim: Simulation) -> None:
    sim.server.answers.extend([503, 503])
    job = sim.enqueue("comment", {"post": 1, "n": 1}, retry={"max_attempts": 2})
    sim.run()
    assert (sim.job(job).status, sim.job(job).attempts) == (Status.FAILED, 2)


def test_a_route_may_take_a_redirect_for_success_or_for_a_login_page() -> None:
    queue = Queue()
    queue.http("form", "POST", "/form", redirect="done")
    queue.http("api", "POST", "/api")
    server = FakeServer(handle=lambda request: Response(0, redirected=True))
    with Simulation(queue, server) as sim:
        form, api = sim.enqueue("form", {}), sim.enqueue("api", {})
        sim.wake()
        assert (sim.job(form).status, sim.job(api).status) == (Status.DONE, Status.PENDING)
        assert "unauthorized" in sim.waker.holds


def test_a_route_may_demand_that_the_answer_echoes_the_key() -> None:
    """A captive portal answers 200 to everything."""
    queue = Queue()
    queue.http("a", "POST", "/a", require_key_echo=True)
    server = FakeServer(
        handle=lambda request: Response(201, {"idempotency-key": request.headers["Idempotency-Key"]})
    )
    with Simulation(queue, server) as sim:
        server.answers.append(200)
        job = sim.enqueue("a", {})
        sim.run()
        assert (sim.job(job).status, sim.job(job).attempts) == (Status.DONE, 2)


def test_a_route_may_say_itself_what_an_answer_means() -> None:
    queue = Queue()
    queue.http("a", "POST", "/a", classify=lambda response: done("gone") if response.status == 410 else None)
    with Simulation(queue) as sim:
        sim.server.answers.extend([410, 404])
        gone, missing = sim.enqueue("a", {}), sim.enqueue("a", {})
        sim.wake()
        assert (sim.job(gone).status, sim.job(gone).result) == (Status.DONE, "gone")
        assert sim.job(missing).status is Status.FAILED
