"""Simulate: many worlds in which everything goes wrong, and what must hold in all of them.

from pyqueue.testing import simulate
from tasks import queue

def test_no_crash_loses_or_repeats_a_write():
    simulate(queue, seeds=range(200))
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any
from uuid import UUID

from .._core.events import Send
from .._principal import NOBODY
from .._queue import Queue
from .._vocabulary import SILENCE
from .._watch import SILENCE as STOLEN_AFTER
from .choices import Choices, shrink
from .oracle import Oracle, Violation
from .world import Worker, World, Write

STEPS = 300
"""Moments of a world in which something may go wrong."""

CALM = 3 * 86_400.0
"""Seconds within which everything is delivered once all is well: a server may have asked for a day."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was simulated.

    Attributes:
        worlds: how many.
        moments: at which a worker might have died, or did.
        crashes: workers that died.
        effects: that the servers had.
    """

    worlds: int
    moments: int
    crashes: int
    effects: int


def simulate(
    queue: Queue,
    seeds: Iterable[int] = range(100),
    *,
    write: Write | None = None,
    older: Queue | None = None,
    steps: int = STEPS,
) -> Report:
    """Checks the promises of docs/guarantees.md in worlds of pages, workers, a network and a server.

    Workers are killed before and after every action, frozen and overtaken; commits are lost or not heard
    of; requests and answers are lost or doubled; clocks jump; pages write, cancel, edit and pause at any
    moment; servers refuse, break and sign people out. Then all is well, and everything has to be delivered.

    Args:
        queue: the declaration.
        seeds: of the worlds; the same seed makes the same world.
        write: makes a write by chance: `(task, payload, options)`. By default one of the declared routes,
            with small numbers for what its templates name.
        older: a declaration that knows fewer tasks, for workers of an older version.
        steps: of each world.

    Raises:
        Violation: a promise was broken. The message tells the seed and a short history that leads there.
    """
    write = write or _default_write(queue)
    worlds = moments = crashes = effects = 0
    for seed in seeds:
        choices = Choices(seed=seed)
        world, violation = _run(queue, choices, write, older, steps)
        if violation is not None:
            raise _explained(seed, choices.drawn, violation, queue, write, older, steps)
        worlds += 1
        moments += world.moments
        crashes += world.crashes
        effects += sum(arrival.had_effect for arrival in world.arrivals)
    return Report(worlds, moments, crashes, effects)


def _run(
    queue: Queue, choices: Choices, write: Write, older: Queue | None, steps: int
) -> tuple[World, Exception | None]:
    world = World(queue, choices, older)
    try:
        _Scenario(world, write).run(steps)
    except Exception as violation:
        return world, violation
    return world, None


def _explained(
    seed: int,
    drawn: Sequence[int],
    violation: Exception,
    queue: Queue,
    write: Write,
    older: Queue | None,
    steps: int,
) -> Violation:
    """The violation with the shortest history that leads to one of its kind."""

    def outcome(choices: Sequence[int]) -> tuple[World, Exception | None]:
        return _run(queue, Choices(choices), write, older, min(steps, len(choices)))

    short = shrink(drawn, lambda choices: _kind(outcome(choices)[1]) == _kind(violation))
    world, shrunk = outcome(short)
    if shrunk is None:  # It needs more steps than choices: the whole history.
        world, shrunk = _run(queue, Choices(drawn), write, older, steps)
    history = "\n".join(world.trace)
    found = Violation(f"seed {seed}: {type(shrunk).__name__}: {shrunk}\n{history}")
    found.__cause__ = shrunk
    return found


def _kind(violation: Exception | None) -> str:
    """What a violation says, whichever jobs it is about."""
    return re.sub(r"[0-9]+|'[^']*'", "", repr(violation))


class _Scenario:
    """What happens in one world."""

    def __init__(self, world: World, write: Write) -> None:
        self._world = world
        self._choices = world.choices
        self._write = write
        self._oracle = Oracle(world)
        self._ids: list[str] = []
        self._one_in = self._choices.pick([12, 6, 4, 3, 2])
        """Of so many moments of a worker, one is its last."""
        self._has_people = self._choices.happens(2)
        """Whether the site says who is signed in."""

    def run(self, steps: int) -> None:
        """A time of trouble, then a calm one."""
        if self._has_people:  # A site that identifies people does so on each page, from the first on.
            self._world.identify(self._world.session)
        for step in range(steps):
            self._step()
            self._oracle.watch()
            self._oracle.check_wakeups()
            if step % 16 == 0:
                self._oracle.check_disk()
        self._calm_down()

    def _step(self) -> None:
        world, choices = self._world, self._choices
        running = [worker for worker in world.workers if worker.frozen_at is None]
        if running and not choices.happens(6):
            self._work(running[-1])
            return
        for event, one_in in (
            (self._a_page_writes, 2),
            (self._a_page_asks, 3),
            (self._time_passes, 2),
            (self._something_wakes, 3),
            (self._the_server_changes, 4),
            (self._somebody_signs_in, 10),
            (self._the_network_changes, 6),
            (self._a_frozen_worker_goes_on, 3),
            (self._the_page_comes_and_goes, 8),
            (self._the_clock_jumps, 25),
            (self._rubbish_is_stored, 20),
            (self._a_record_is_damaged, 20),
        ):
            if choices.happens(one_in):
                event()
                return

    def _work(self, worker: Worker) -> None:
        """The next thing that a worker does, or its end."""
        world, choices = self._world, self._choices
        world.moments += 1
        if choices.happens(self._one_in):
            world.kill(worker)
        elif choices.happens(60) and not any(isinstance(action, Send) for action in worker.actions):
            world.freeze(worker)  # Not between a decision and what is done at once.
        elif worker.actions:
            world.perform(worker)
        elif worker.exchanges and choices.happens(2):
            world.deliver(worker, choices.pick(list(worker.exchanges.values())))
        elif worker.transaction is not None:
            world.answer_transaction(worker, choices.pick(["done"] * 12 + ["unheard", "refused"]))
        elif worker.exchanges:
            world.deliver(worker, choices.pick(list(worker.exchanges.values())))
        else:
            self._time_passes()

    def _a_page_writes(self) -> None:
        for _ in range(1 + self._choices.below(4)):
            task, payload, options = self._write(self._choices)
            number = len(self._ids)
            job_id = str(UUID(int=number + 1, version=4))
            self._ids.append(job_id)
            named = {} if task is None else {"task": task}
            fields = {"id": job_id, "payload": payload, "bytes": 8 * len(payload), "options": options}
            seq = self._world.append("enqueue", **fields, **named)
            self._oracle.enqueued(job_id, seq, self._world.identity or NOBODY)
            self._world.note(f"a page enqueues {seq}: {task} {dict(payload)} {dict(options)}")

    def _a_page_asks(self) -> None:
        kinds = ("retry", "cancel", "edit", "discard", "flush", "resume", "pause")
        kind = self._choices.pick(kinds)
        fields: dict[str, Any] = {}
        if kind in ("cancel", "edit", "discard") or (kind == "retry" and self._choices.happens(2)):
            if not self._ids:
                return
            fields["id"] = self._choices.pick(self._ids)
        if kind == "edit":
            _, payload, _ = self._write(self._choices)
            fields |= {"payload": {**payload, "edited": len(self._world.trace)}, "bytes": 8}
        seq = self._world.append(kind, **fields)
        self._world.note(f"a page asks to {kind} {fields.get('id', '')[-2:]} ({seq})")

    def _somebody_signs_in(self) -> None:
        """Or out. A page says so at once, or not before it is asked next."""
        world, choices = self._world, self._choices
        if not self._has_people:
            return
        if choices.happens(4):
            world.session = choices.pick(PEOPLE)
            world.note(f"the session is of {world.session!r} now")
        else:
            before, world.session = world.session, choices.pick(PEOPLE)
            world.note(f"a page says that {world.session!r} is signed in ({world.identify(world.session)})")
            if choices.happens(6):
                world.append("clear", principal=before)
                self._oracle.cleared(before)
                world.note(f"a page clears the jobs of {before!r}")

    def _time_passes(self) -> None:
        """Up to whatever comes next, or a little."""
        world = self._world
        running = [worker for worker in world.workers if worker.frozen_at is None]
        times = [worker.rest_until for worker in running if worker.rest_until is not None]
        if world.page_is_open and world.timer is not None:
            times.append(world.timer)
        if world.is_calm and not times:
            world.now += 60.0
            return
        next_at = min(times, default=world.now + 1.0)
        step = 0.0 if world.is_calm else [0.0, 0.1, 5.0, 61.0, 400.0][self._choices.below(5)]
        world.now = max(world.now + 0.001, next_at if step == 0.0 else world.now + step)
        for worker in running:
            if worker.rest_until is not None and worker.rest_until <= world.now:
                world.rest(worker)
        if world.page_is_open and world.timer is not None and world.timer <= world.now:
            world.fire_timer()

    def _something_wakes(self) -> None:
        world = self._world
        reason = self._choices.pick(["online", "visible", "timer", "sync"])
        if reason != "sync" and not world.page_is_open:
            return
        if reason == "sync":
            if not world.sync_is_armed or world.is_offline:
                return
            world.sync_is_armed = False
        world.note(f"the browser says {reason}")
        world.wake(reason)

    def _the_server_changes(self) -> None:
        moods = ("fine", "flaky", "down", "strict", "signed out", "bare flaky")
        self._world.mood = self._choices.pick(moods)
        self._world.note(f"the server is {self._world.mood}")

    def _the_network_changes(self) -> None:
        self._world.is_offline = not self._world.is_offline
        self._world.note("the network is gone" if self._world.is_offline else "the network is back")

    def _a_frozen_worker_goes_on(self) -> None:
        for worker in self._world.workers:
            if worker.frozen_at is not None:
                self._world.now += self._choices.pick([0.0, 30.0, STOLEN_AFTER + 1, STOLEN_AFTER + 1])
                if self._world.now - worker.frozen_at > STOLEN_AFTER and self._choices.happens(2):
                    self._world.wake("append")  # Another one takes its lock.
                    return
                worker.frozen_at = None
                self._world.note(f"worker {worker.number} goes on")
                return

    def _the_page_comes_and_goes(self) -> None:
        world = self._world
        world.page_is_open = not world.page_is_open
        world.note("the page is opened" if world.page_is_open else "the page is closed")
        if world.page_is_open:
            self._open_page()
        else:
            world.timer = None

    def _open_page(self) -> None:
        world = self._world
        world.page_is_open = True
        if world.has_work():
            world.timer = world.now + SILENCE
            world.wake("load")

    def _the_clock_jumps(self) -> None:
        jump = self._choices.pick([-3600.0, 86_400.0, -30 * 86_400.0, 365 * 86_400.0, -365 * 86_400.0])
        self._world.now += jump
        self._world.note(f"the clock jumps by {jump:.0f} s")

    def _rubbish_is_stored(self) -> None:
        world, choices = self._world, self._choices
        rubbish = choices.pick(RUBBISH)
        world.disk.last_seq += 1
        seq = world.disk.last_seq
        world.note(f"rubbish is stored as {seq}")
        world.disk.inbox[seq] = {**rubbish, "seq": seq}
        world.wake("append")
        world.timer = world.now + SILENCE

    def _a_record_is_damaged(self) -> None:
        """A job's payload is gone. It cannot be delivered, and must not keep another from being."""
        world = self._world
        waiting = [record for record in world.disk.jobs.values() if record["status"] == "pending"]
        if waiting and not world.workers:
            record = self._choices.pick(waiting)
            world.note(f"the record of {record['seq']} is damaged")
            world.disk.put({name: value for name, value in record.items() if name != "payload"})
            self._oracle.damaged(record["id"])

    def _calm_down(self) -> None:
        """From here on all is well. Nothing but the page's own wake-ups may be needed."""
        world = self._world
        world.is_calm, world.is_offline, world.mood = True, False, "fine"
        for worker in [worker for worker in world.workers if worker.frozen_at is not None]:
            world.kill(worker)
        world.note("all is well")
        self._open_page()
        # A person signs in again once the last answers are there, then tries again what failed for good.
        # So does everybody else whose jobs wait here.
        for principal in PEOPLE if self._has_people else (NOBODY,):
            if self._has_people:
                world.session = principal
                world.identify(principal)
            for asked in ("resume", "resume", "retry"):
                world.append(asked)
                self._run_until_idle(world.now + CALM)
            while blocking := self._blocking():
                world.append("discard", id=blocking[0])  # The server will not take it.
                self._run_until_idle(world.now + CALM)
        self._oracle.check_end()

    def _blocking(self) -> list[str]:
        """The ids of failed jobs that hold their key, of whoever is signed in."""
        jobs = filter(self._world.is_mine, self._world.disk.jobs.values())
        return [record["id"] for record in jobs if record["status"] == "failed" and "open_key" in record]

    def _run_until_idle(self, end: float) -> None:
        world, oracle = self._world, self._oracle
        idle = 0
        while world.now < end and idle < 3:
            worker = world.workers[-1] if world.workers else None
            if worker is None:
                oracle.check_wakeups()
                idle = 0 if world.timer is not None else idle + 1
                self._time_passes()
            elif worker.actions:
                world.perform(worker)
            elif worker.transaction is not None:
                world.answer_transaction(worker)
            elif worker.exchanges:
                world.deliver(worker, next(iter(worker.exchanges.values())))
            else:
                self._time_passes()
            oracle.watch()


PEOPLE = (NOBODY, "ada", "bo")
"""Who may be signed in."""

RUBBISH: Sequence[Mapping[str, Any]] = (
    {},
    {"v": 1, "type": 5, "at": 0},
    {"v": 1, "type": "enqueue", "at": 0, "id": "x", "payload": {}, "bytes": None},
    {"v": 1, "type": "enqueue", "at": 0, "id": "x", "payload": {}, "options": [1]},
    {"v": 1, "type": "enqueue", "at": 0, "id": "x", "payload": {}, "options": {"retry": {"max_attempts": 0}}},
    {"v": 1, "type": "enqueue", "at": 0, "id": "x", "payload": {}, "options": {"delay": float("inf")}},
    {"v": 1, "type": "edit", "at": 0, "id": "x", "payload": None},
    {"v": 1, "type": "cancel", "at": "now", "id": "x"},
    {"v": 1, "type": "retry", "at": 0, "id": ["x"]},
    {"v": 1, "type": "identify", "at": 0, "principal": 7},
    {"v": 1, "type": "clear", "at": 0, "principal": "line\nbreak"},
)
"""Commands that are none."""


def _default_write(queue: Queue) -> Write:
    """Writes of the declared routes; functions need a payload that only their author knows."""
    names = sorted(name for name, task in queue.tasks.items() if task.route is not None)

    def write(choices: Choices) -> tuple[str | None, Mapping[str, Any], Mapping[str, Any]]:
        task = queue.tasks[choices.pick(names)]
        assert task.route is not None
        templates = [task.route.url, task.ordering_key, task.unique_key]
        parsed = [Formatter().parse(template.text) for template in templates if template is not None]
        fields = [name for parts in parsed for _, name, _, _ in parts if name]
        return task.name, {name: choices.below(3) for name in fields}, {}

    return write
