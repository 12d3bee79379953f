"""The promises hold in worlds in which everything goes wrong: `pyqueue.testing.simulate` on a queue that uses
every rule at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from pyqueue import Context, Queue, Reject, Retry, RetryLater
from pyqueue.testing.choices import Choices
from pyqueue.testing.simulate import simulate

Made = tuple[str | None, Mapping[str, Any], Mapping[str, Any]]


def declared(*, whole: bool = True) -> Queue:
    queue = Queue(retry=Retry(max_attempts=5, base=1.0, cap=60.0), max_in_flight=3)
    queue.http("ordered", "POST", "/ordered", ordering_key="{key}")
    queue.http("strict", "POST", "/strict", ordering_key="{key}", on_failure="block")
    queue.http("free", "POST", "/free", ordering_key=None)
    queue.http("brief", "POST", "/brief", ordering_key="{key}", expires=120)
    queue.http("later", "POST", "/later", ordering_key="{key}", delay=30)
    if not whole:
        return queue
    queue.http("draft", "PUT", "/draft/{n}", unique_key="draft:{n}", on_conflict="replace", ordering_key=None)
    queue.http(
        "saved", "PUT", "/saved/{n}", unique_key="saved:{n}", on_conflict="replace", ordering_key="{key}"
    )
    queue.http("once", "PUT", "/once/{n}", unique_key="once:{n}", ordering_key="{key}")

    @queue.task("odd", ordering_key="{key}")
    async def odd(ctx: Context, *, key: str, n: int, provoke: str = "", edited: int = 0) -> Any:
        if n == 0:
            sys.exit(1)
        if n == 1:
            raise RetryLater("busy", after="60")  # type: ignore[arg-type]
        response = await ctx.http.post("/odd", body={"n": n})
        if n == 2:
            raise Reject("no")
        return {response: object()}

    return queue


TASKS = ("ordered", "free", "strict", "brief", "later", "draft", "saved", "once", "odd")
PROVOKE = (*[None] * 14, "refusal", "poison", "depth", "date", "digits", "bytes")


def write(choices: Choices) -> Made:
    payload: dict[str, Any] = {"key": choices.pick("abc"), "n": choices.below(4)}
    if (provoked := choices.pick(PROVOKE)) is not None:
        payload["provoke"] = provoked
    if choices.happens(30):
        payload.pop("key")
    options: dict[str, Any] = {"retry": {"max_attempts": 2}} if choices.happens(20) else {}
    return choices.pick(TASKS), payload, options


@pytest.mark.parametrize("part", range(8))
def test_the_promises_hold_whatever_goes_wrong(part: int) -> None:
    report = simulate(
        declared(), range(part * 100, part * 100 + 100), write=write, older=declared(whole=False)
    )
    assert report.effects > 100


def test_a_queue_is_simulated_with_writes_made_from_its_templates() -> None:
    queue = Queue()
    queue.http("comment", "POST", "/posts/{post}/comments", ordering_key="post:{post}")
    report = simulate(queue, range(3))
    assert report.worlds == 3
