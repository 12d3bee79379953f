"""Processes that carry out keyed effects and are killed at it, until every key has its answer."""

from __future__ import annotations

import asyncio
import heapq
import multiprocessing
import random
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from pyqueue.server import Claimed, ClaimLost, InFlight, Replay, StoredResponse

from .sites import SITES, Site

PROCESSES = 4
KEYS_PER_KILL = 40
LEASE = 0.5
"""Seconds. An attempt takes a few milliseconds; a killed one's key is free after this."""

_PATIENCE = 120.0
"""Seconds without any answer after which something is stuck."""

# Copies of a process that has everything imported: quicker than the kills that follow each other.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([__name__])


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        keys: how many there were. Each was sent by two clients, which went on until they were answered.
        kills: how many processes were killed while they had a request.
        duplicated: keys with more than one effect.
        lost: keys that were answered and have no effect.
        seconds: how long it took.
    """

    keys: int
    kills: int
    duplicated: int
    lost: int
    seconds: float


def kill_processes(store: str, address: str, mode: str, rounds: int, seed: int) -> Report:
    """Kills a process in each round, in the middle of a request.

    Args:
        store: a name of `SITES`.
        address: an empty database.
        mode: `transaction` or `lease`, see `MODES`.
        rounds: kills; there are 40 keys for each.
        seed: of the moments, and of whom they hit.

    Raises:
        RuntimeError: no answer came for two minutes.
    """
    began = time.monotonic()
    kills = _Kills(store, address, mode, rounds, random.Random(seed))
    kills.run()
    effects = kills.effects()
    return Report(
        keys=len(kills.keys),
        kills=kills.killed,
        duplicated=sum(effects[key] > 1 for key in kills.keys),
        lost=sum(effects[key] == 0 for key in kills.keys),
        seconds=time.monotonic() - began,
    )


class _Kills:
    def __init__(self, store: str, address: str, mode: str, rounds: int, chance: random.Random):
        self._arguments = (store, address, mode)
        self._rounds = rounds
        self._chance = chance
        self.keys = [f"key-{number}" for number in range(rounds * KEYS_PER_KILL)]
        self._waiting = deque(key for key in self.keys for _client in range(2))
        self._later: list[tuple[float, str]] = []
        self._busy: dict[Connection, str] = {}
        self._workers: dict[Connection, Any] = {}
        self.killed = 0
        self._answered = 0
        self._heard_at = time.monotonic()

    def run(self) -> None:
        for _ in range(PROCESSES):
            self._start()
        kill_at = 0.0
        while self._waiting or self._later or self._busy:
            now = time.monotonic()
            if now - self._heard_at > _PATIENCE:
                raise RuntimeError(f"no answer for {_PATIENCE} s; {self._answered} requests were answered")
            while self._later and self._later[0][0] <= now:
                self._waiting.append(heapq.heappop(self._later)[1])
            self._hand_out()
            due = self.killed < min(self._rounds, 1 + self._answered // (2 * KEYS_PER_KILL))
            if due and not kill_at:
                kill_at = now + self._chance.uniform(0, 0.02)
            if due and now >= kill_at and self._busy:
                self._kill(self._chance.choice(list(self._busy)))
                kill_at = 0.0
            for pipe in wait(list(self._busy), timeout=0.001 if due else 0.02):
                assert isinstance(pipe, Connection)
                self._hear(pipe)
        for pipe, worker in self._workers.items():
            pipe.send(None)
            worker.join()
            pipe.close()

    def effects(self) -> Any:
        store, address, _ = self._arguments
        site = SITES[store](address)
        try:
            return site.effects()
        finally:
            site.close()

    def _start(self) -> None:
        here, there = _PROCESSES.Pipe()
        worker = _PROCESSES.Process(target=_work, args=(there, *self._arguments), daemon=True)
        worker.start()
        there.close()
        self._workers[here] = worker

    def _hand_out(self) -> None:
        for pipe in self._workers.keys() - self._busy.keys():
            if self._waiting:
                self._busy[pipe] = self._waiting.popleft()
                pipe.send(self._busy[pipe])

    def _hear(self, pipe: Connection) -> None:
        answered = pipe.recv()
        key = self._busy.pop(pipe)
        if answered:
            self._answered += 1
            self._heard_at = time.monotonic()
        else:
            heapq.heappush(self._later, (time.monotonic() + 0.05, key))

    def _kill(self, pipe: Connection) -> None:
        worker = self._workers.pop(pipe)
        worker.kill()
        worker.join()
        pipe.close()
        self.killed += 1
        self._waiting.appendleft(self._busy.pop(pipe))  # the client asks again
        self._start()


def _work(pipe: Connection, store: str, address: str, mode: str) -> None:
    """A process of the site: answers requests until there are no more. True: the client was answered."""
    site = SITES[store](address)
    with asyncio.Runner() as runner:
        while key := pipe.recv():
            pipe.send(runner.run(_answer(site, mode, key)))
        if hasattr(site.store, "aclose"):
            runner.run(site.store.aclose())
    site.close()


async def _answer(site: Site, mode: str, key: str) -> bool:
    outcome = await site.store.claim(key, b"f", lease=LEASE, ttl=86400.0)
    match outcome:
        case Replay(response):
            return bool(response.body == key.encode())
        case InFlight():
            return False
        case Claimed() if mode == "transaction":
            try:
                site.effect_with_answer(outcome, _answer_to(key))
            except ClaimLost:
                return False
            return bool(await site.store.complete(outcome, _answer_to(key)))
        case Claimed():
            site.effect(key)
            return bool(await site.store.complete(outcome, _answer_to(key)))
    raise AssertionError(f"{key} was answered {outcome!r}")


def _answer_to(key: str) -> StoredResponse:
    return StoredResponse(201, (), key.encode())
