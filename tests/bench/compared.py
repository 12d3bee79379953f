"""The cases in which peers take part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from tests.bench.contenders import PLAIN, WORKBOX, Contender
from tests.bench.report import PYQUEUE, Row

ROUND_TRIP = "round-trip"
"""Not a queue: bare requests, one after the other."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A case.

    Attributes:
        unit: of what is measured.
        reach: see `Row`.
        measure: takes a contender, and returns what it took.
    """

    unit: str
    reach: dict[str, float]
    measure: Callable[[Contender], float]
    peers: tuple[str, ...] = field(default=(WORKBOX, PLAIN))

    def row(self, name: str) -> Row:
        """An empty row of the report."""
        return Row(name, self.unit, self.reach)


def round_trip(contender: Contender, delay: float) -> float:
    """Milliseconds of a bare request."""
    contender.begin(delay)
    times: list[float] = contender.call("roundTrips", 20)
    return median(times)


def _enqueue(pause: int) -> Callable[[Contender], float]:
    """One at a time by the page, while the worker is awake and delivers; only Workbox's does not deliver.

    Args:
        pause: milliseconds between two calls.
    """

    def measure(contender: Contender) -> float:
        contender.begin()
        contender.call("enqueue", [20, 4, pause])
        times: list[float] = contender.call("enqueue", [150, 4, pause])
        return median(times)

    return measure


def _burst(contender: Contender) -> float:
    contender.begin()
    return float(contender.call("burst", 1000))


def _drain(jobs: int, keys: int, delay: float = 0.0) -> Callable[[Contender], float]:
    return lambda contender: contender.drain(jobs, keys, delay).per_job


COMPARED = {
    "enqueue": Compared("ms", {PLAIN: 1.3, WORKBOX: 0.6}, _enqueue(25)),
    "enqueue_in_a_loop": Compared("ms", {}, _enqueue(0)),
    "enqueue_burst": Compared("ms a job", {WORKBOX: 0.1}, _burst),
    "drain_serial_0ms": Compared("ms a job", {WORKBOX: 1.0}, _drain(500, 1)),
    "drain_parallel_0ms": Compared("ms a job", {WORKBOX: 0.6, PLAIN: 0.6}, _drain(500, 16)),
    "drain_parallel_50ms": Compared("ms a job", {WORKBOX: 0.2, PLAIN: 0.2}, _drain(200, 16, 0.05)),
    "drain_serial_50ms": Compared("ms a job", {ROUND_TRIP: 1.1}, _drain(100, 1, 0.05)),
}


def order(case: Compared, round: int) -> list[str]:
    """Who comes first changes from round to round."""
    names = [PYQUEUE, *case.peers]
    return names[round % len(names) :] + names[: round % len(names)]
