"""The cases of a deep queue: pyqueue beside itself with 1,000 jobs waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.bench import plain_loop
from tests.bench.contenders import Browser, Contender
from tests.bench.report import PYQUEUE, Row
from tests.bench.server import Server

SHALLOW, DEEP = 1_000, 100_000
KEYS = 16
DRAINED = 500
"""Writes of which a drain is measured."""
CHUNK = 5_000
"""Records that are handed to the page at a time."""
CALLS = 21
"""Calls of which the median is taken."""
SHALLOW_NAME = "pyqueue at 1,000"
MOST = 1.3


def backlog(browser: Browser, server: Server) -> Iterator[Row]:
    """100,000 waiting, beside 1,000; and 99,000 behind one key that fails, besides 1,000 of others."""
    shallow = _measure(browser, server, SHALLOW, 0)
    for suffix, waiting, behind in (("", DEEP, 0), ("_behind", SHALLOW, DEEP - SHALLOW)):
        deep = _measure(browser, server, waiting, behind)
        for name, value in deep.items():
            unit = "ms a job" if name == "drain" else "ms"
            values = {PYQUEUE: [value], SHALLOW_NAME: [shallow[name]]}
            yield Row(f"backlog_{name}{suffix}", unit, {SHALLOW_NAME: MOST}, values=values)


def _measure(browser: Browser, server: Server, waiting: int, behind: int) -> dict[str, float]:
    with browser() as chromium:
        contender = Contender(PYQUEUE, chromium.context, server)
        contender.begin(failing="stuck")
        if behind:
            contender.call("fillBehind", behind)
        contender.call("fill", [waiting, KEYS])
        reads = contender.call("reads", CALLS)
        enqueue: list[float] = contender.call("enqueue", [CALLS, KEYS, 25])
        contender.begin(failing="stuck")
        drained = contender.let_go(DRAINED)
        contender.close()
    return {
        "drain": drained.per_job,
        "first_request": drained.first,
        "stats": median(reads["stats"]),
        "jobs": median(reads["jobs"]),
        "enqueue": median(enqueue),
    }


def signs(browser: Browser, server: Server) -> Iterator[Row]:
    """A sign of a network, and `retry` of all, with 100,000 jobs: on CPython and in the browser."""
    yield from plain_loop.measure()
    for name, fields in (("online", plain_loop.waiting), ("retry", plain_loop.failed)):
        first, longest = _sign(browser, server, name, *plain_loop.stored(fields(time.time())))
        yield Row(f"{name}_first_request", "ms", limit=plain_loop.SOON, values={PYQUEUE: [first]})
        yield Row(f"{name}_longest_block", "ms", limit=plain_loop.LONGEST, values={PYQUEUE: [longest]})


def _sign(
    browser: Browser, server: Server, name: str, records: list[dict[str, Any]], tallies: dict[str, Any]
) -> tuple[float, float]:
    """Milliseconds to the first request, and for which the worker attended to nothing else."""
    with browser() as chromium:
        contender = Contender(PYQUEUE, chromium.context, server)
        contender.call("watch")
        for at in range(0, len(records), CHUNK):
            contender.call("store", [records[at : at + CHUNK], tallies])
        contender.begin()
        begin = time.time()
        contender.call("sign", name)
        log = server.log(DRAINED)
        longest = float(contender.call("longest"))
        contender.close()
    return (min(entry[0] for entry in log) - begin) * 1000, longest
