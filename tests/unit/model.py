"""The queue that is simulated: it uses every rule at once, with mistakes in its tasks and odd answers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pyqueue import Context, Queue, Reject, Retry, RetryLater
from pyqueue.testing.choices import Choices

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


def older() -> Queue:
    """The declaration of an older worker, which knows fewer tasks."""
    return declared(whole=False)
