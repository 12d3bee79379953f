"""Each request to the site's own origin says how its queue does."""

from __future__ import annotations

from pyqueue import Queue, Retry
from pyqueue.testing import Simulation

NAMES = ("Pyqueue-Depth", "Pyqueue-Oldest-Age", "Pyqueue-Attempt")


def figures(sim: Simulation) -> list[tuple[str | None, ...]]:
    """Of each request that arrived: depth, age of the oldest, attempt."""
    return [tuple(request.headers.get(name) for name in NAMES) for request in sim.server.requests]


def queue(**options: bool) -> Queue:
    declared = Queue(origins=["https://elsewhere.test"], retry=Retry(base=5.0), **options)
    declared.http("note", "POST", "/api/notes")
    declared.http("free", "POST", "/api/notes", ordering_key=None)
    declared.http("elsewhere", "POST", "https://elsewhere.test/api")
    return declared


def test_a_backlog_is_counted_down_as_it_is_delivered() -> None:
    """As each leaves: those before it that were answered and are not settled yet still count."""
    with Simulation(queue()) as sim:
        sim.server.offline = True
        sim.enqueue("note", {})
        sim.wake()
        sim.loop.run_until_complete(sim.clock.sleep(100))
        sim.enqueue("note", {})
        sim.enqueue("note", {})
        sim.server.offline = False
        sim.wake("online")
        assert figures(sim)[0] == ("3", "100", "1")
        depths = [int(depth or -1) for depth, _, _ in figures(sim)]
        assert depths == sorted(depths, reverse=True)
        assert min(depths) >= 1


def test_a_repeated_attempt_has_the_next_number() -> None:
    with Simulation(queue()) as sim:
        sim.server.answers.extend([503, 503])
        sim.enqueue("note", {})
        sim.run(seconds=120)
        assert [attempt for _, _, attempt in figures(sim)] == ["1", "2", "3"]
        assert [depth for depth, _, _ in figures(sim)] == ["1", "1", "1"]
        ages = [int(age or -1) for _, age, _ in figures(sim)]
        assert ages == sorted(ages)
        assert ages[0] == 0
        assert ages[-1] >= 7


def test_the_oldest_is_one_that_waits_behind_a_backoff() -> None:
    """Another job's request tells of the one that the server keeps refusing."""
    with Simulation(queue()) as sim:
        sim.server.answers.append(503)
        sim.enqueue("free", {"n": 1})
        sim.wake()
        sim.loop.run_until_complete(sim.clock.sleep(2))
        sim.enqueue("free", {"n": 2})
        sim.wake()
        assert figures(sim)[-1] == ("2", "2", "1")


def test_no_age_is_below_zero_when_the_clock_was_set_back() -> None:
    with Simulation(queue()) as sim:
        sim.enqueue("note", {})
        sim.clock.shift(-1000)
        sim.wake()
        assert figures(sim) == [("1", "0", "1")]


def test_another_origin_is_told_nothing() -> None:
    with Simulation(queue()) as sim:
        sim.enqueue("elsewhere", {})
        sim.wake()
        assert figures(sim) == [(None, None, None)]


def test_a_site_can_switch_it_off() -> None:
    with Simulation(queue(fleet_headers=False)) as sim:
        sim.enqueue("note", {})
        sim.wake()
        assert figures(sim) == [(None, None, None)]
