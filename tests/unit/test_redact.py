"""What is kept of an answer is bounded, and passes the site's own `redact`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pyqueue import DeclarationError, Queue, Response, Status
from pyqueue._vocabulary import MAX_BODY
from pyqueue.testing import Simulation
from pyqueue.testing.server import json_response

CARD = "4111-1111-1111-1111"


def without_cards(kept: Any) -> Any:
    return json.loads(re.sub(r"\d{4}(-\d{4}){3}", "…", json.dumps(kept)))


def board(redact: Any) -> Queue:
    queue = Queue(redact=redact)
    queue.http("pay", "POST", "/pay")

    @queue.task("call")
    async def call(ctx: Any) -> Any:
        return (await ctx.http.post("/pay")).json()

    return queue


def ended(sim: Simulation, task: str, answer: Response) -> Any:
    sim.server.answers.append(answer)
    job = sim.enqueue(task, {})
    sim.wake()
    return sim.job(job)


ANSWERS = [
    Response(200, {}, f"paid with {CARD}".encode()),
    json_response(200, {"card": CARD, "nested": [{"card": CARD}]}),
    Response(422, {}, f"{CARD} is refused".encode()),
    json_response(422, {"detail": f"{CARD} is refused"}),
    json_response(500, {"title": CARD}),
    Response(409, {"content-type": "application/problem+json"}, json.dumps({"detail": CARD}).encode()),
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("task", ["pay", "call"])
def test_what_is_kept_of_an_answer_is_what_redact_returns(task: str, answer: Response) -> None:
    """Of results, of error bodies, and of the server's own words in a message."""
    with Simulation(board(without_cards)) as sim:
        job = ended(sim, task, answer)
        assert CARD not in json.dumps(sim.disk.jobs, default=str)
        if job.status is Status.DONE:
            assert "…" in json.dumps(job.result, ensure_ascii=False)


@pytest.mark.parametrize("fault", [ValueError(CARD), SystemExit(1), KeyboardInterrupt(), "wrong kind"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_redact_that_fails_keeps_nothing_and_changes_no_outcome(
    answer: Response, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def redact(kept: Any) -> Any:
        if isinstance(fault, BaseException):
            raise fault
        return 7

    with Simulation(board(redact)) as sim:
        job = ended(sim, "pay", answer)
        assert CARD not in json.dumps(sim.disk.jobs, default=str) + caplog.text
        assert (job.status is Status.DONE) is answer.ok
        if not answer.ok:
            assert job.error.message == f"the server answered {answer.status}"
            assert job.error.body is None


def test_redact_is_not_asked_about_what_no_server_said() -> None:
    """A reason of the queue's own stays."""
    with Simulation(board(lambda kept: None)) as sim:
        sim.server.offline = True
        job = sim.enqueue("pay", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert sim.job(job).error.message == "there is no network"  # type: ignore[union-attr]


@pytest.mark.parametrize("task", ["pay", "call"])
def test_a_result_is_bounded_whoever_answers_it(task: str) -> None:
    with Simulation(board(None)) as sim:
        job = ended(sim, task, json_response(200, ["x" * 1000] * 1040))
        assert len(json.dumps(job.result)) <= MAX_BODY + 10_000
    with Simulation(board(lambda kept: [str(kept) * 1000] * 1000)) as sim:
        job = ended(sim, task, json_response(200, ["x" * 1000]))
        assert len(json.dumps(job.result)) <= MAX_BODY + 10_000


@pytest.mark.parametrize("redact", ["hook", 5])
def test_redact_is_a_function_that_is_not_async(redact: Any) -> None:
    async def later(kept: Any) -> Any:
        return kept

    for wrong in (redact, later):
        with pytest.raises(DeclarationError, match="redact"):
            Queue(redact=wrong)
