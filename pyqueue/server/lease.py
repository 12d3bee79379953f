"""Holding a claim while the application runs, and settling it: failures are retried, losses logged."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from .rules import log
from .stores import Claimed, IdempotencyStore, StoredResponse

RENEWALS: Final = 3
"""Renewals in one lease: one may fail, and there is time for another."""

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Seconds between two tries at a store that fails."""


class Lease:
    """The lease of one claim.

    Args:
        store: where the claim was made, just now.
        claim: the claim.
    """

    def __init__(self, store: IdempotencyStore, claim: Claimed):
        self._store = store
        self._claim = claim
        self._ends_at = time.monotonic() + claim.lease

    async def renew(self) -> None:
        """Renews the lease until it is cancelled, or the claim is lost. A failure is tried again sooner."""
        while True:
            await asyncio.sleep(self._claim.lease / RENEWALS)
            pause = FIRST_PAUSE
            while not await self._renewed():
                await asyncio.sleep(min(pause, self._claim.lease / RENEWALS))
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _renewed(self) -> bool:
        ends_at = time.monotonic() + self._claim.lease
        try:
            held = await self._store.renew(self._claim)
        except Exception as error:
            log.warning("the lease of key %r could not be renewed, trying again: %r", self._claim.key, error)
            return False
        if held:
            self._ends_at = ends_at
        else:
            log.warning(
                "the claim of key %r has ended: unless the application kept its answer itself, it was lost",
                self._claim.key,
            )
            await asyncio.get_running_loop().create_future()  # Nothing more to do until it is cancelled.
        return True

    async def complete(self, response: StoredResponse) -> None:
        """Keeps an answer, trying again until the lease ends. The answer is the client's in any case: the
        effect has happened, and a client that is told so does not ask again."""
        pause = FIRST_PAUSE
        while True:
            try:
                if not await self._store.complete(self._claim, response):
                    lost(self._claim)
                return
            except Exception as error:
                left = self._ends_at - time.monotonic()
                if left <= 0:
                    unkept(self._claim, error)
                    return
                log.warning("an answer to key %r could not be kept, trying again: %r", self._claim.key, error)
                await asyncio.sleep(min(pause, left))
                pause = min(pause * 2, LONGEST_PAUSE)

    async def release(self) -> None:
        """Frees the key. If that fails it is free when the lease ends."""
        try:
            await self._store.release(self._claim)
        except Exception as error:
            log.warning("key %r could not be released before its lease ends: %r", self._claim.key, error)


def lost(claim: Claimed) -> None:
    """Another attempt has taken the key, or may."""
    log.error("the claim of key %r was lost: its effect may happen twice", claim.key)


def unkept(claim: Claimed, error: Exception) -> None:
    """The lease ended before the store could be reached."""
    log.error("the answer to key %r was not kept: its effect may happen twice: %r", claim.key, error)
