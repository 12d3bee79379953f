"""The queue that most unit tests declare."""

from __future__ import annotations

from typing import Any

from pyqueue import (
    Queue,
)
from pyqueue.testing import Simulation


def board(**options: Any) -> Queue:
    queue = Queue(**options)
    queue.http("comment", "POST", "/api/comments", ordering_key="post:{post}")
    queue.http("free", "POST", "/api/free", ordering_key=None)
    queue.http("brief", "POST", "/api/brief", expires=60)
    queue.http("strict", "POST", "/api/strict", on_failure="block")
    queue.http("draft", "PUT", "/api/drafts/{n}", unique_key="draft:{n}", on_conflict="replace")
    return queue


def sent(sim: Simulation) -> list[Any]:
    return [request.body["n"] for request in sim.server.requests]
