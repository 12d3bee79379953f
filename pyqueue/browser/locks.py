"""The lock port: Web Locks, and a lease in the database where there are none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any

from .._errors import PyqueueError
from .._ports import Changes, Clock, Lock
from .._watch import PATIENCE, SILENCE, Watch
from .indexeddb import IndexedDBStore


def make_lock(bridge: Any, store: IndexedDBStore, clock: Clock) -> Lock:
    """The best lock that this place has."""
    return WebLock(bridge, store, clock) if bridge.hasLocks else LeaseLock(store, clock)


class WebLock:
    """The Web Lock of the queue. The engine frees it when its holder dies; only a frozen holder keeps it, and
    one that is silent for `SILENCE` loses it.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any, store: IndexedDBStore, clock: Clock):
        self._bridge = bridge
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """See `Lock.hold`."""
        release = await self._acquire()
        try:
            # The last owner's sign may be days old: until this one's is written, it must not count.
            await self._store.claim(self._clock.now(), silent_since=inf)
            yield
        finally:
            release()

    async def _acquire(self) -> Any:
        """The function that frees the lock."""
        watch = Watch()
        while True:
            answer = await self._bridge.acquire(PATIENCE, False)
            if not answer.ok and watch.is_silent(await self._store.beat_at(), self._clock.now()):
                answer = await self._bridge.acquire(0, True)
            if answer.ok:
                return answer.value


class LeaseLock:
    """A lease in `meta.owner`, for insecure contexts and old engines. One that dies without giving its lease
    back blocks the others for `SILENCE`."""

    def __init__(self, store: IndexedDBStore, clock: Clock):
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[None]:
        """See `Lock.hold`."""
        watch = Watch()
        while True:
            now = self._clock.now()
            is_silent = watch.is_silent(await self._store.beat_at(), now)
            if await self._store.claim(now, silent_since=inf if is_silent else now - SILENCE):
                break
            await self._clock.sleep(PATIENCE)
        try:
            yield
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        # Where this is refused, another has it already, or takes it once this one's signs are old.
        with suppress(PyqueueError):
            await self._store.commit(Changes(), 0.0)
