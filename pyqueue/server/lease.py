"""Holding a claim while the application runs, and settling it: failures are retried, losses logged."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Final

from .rules import log
from .stores import Claimed, IdempotencyStore, StoredResponse, SyncIdempotencyStore

RENEWALS: Final = 3
"""Renewals in one lease: one may fail, and there is time for another."""

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Seconds between two tries at a store that fails."""


class _Terms:
    """How long a claim is surely held, and what there is to say of it."""

    def __init__(self, claim: Claimed):
        self.claim = claim
        self.every = claim.lease / RENEWALS
        self._ends_at = time.monotonic() + claim.lease

    def left(self) -> float:
        """Seconds."""
        return self._ends_at - time.monotonic()

    def renewed(self, asked_at: float, held: bool) -> None:
        if held:
            self._ends_at = asked_at + self.claim.lease
        else:
            log.warning(
                "the claim of key %r has ended: unless the application kept its answer itself, it was lost",
                self.claim.key,
            )

    def not_renewed(self, error: Exception) -> None:
        log.warning("the lease of key %r could not be renewed, trying again: %r", self.claim.key, error)

    def completed(self, held: bool) -> None:
        if not held:
            log.error("the claim of key %r was lost: its effect may happen twice", self.claim.key)

    def not_completed(self, error: Exception) -> bool:
        """Whether there is time to try again."""
        if self.left() > 0:
            log.warning("an answer to key %r could not be kept, trying again: %r", self.claim.key, error)
            return True
        log.error("the answer to key %r was not kept: its effect may happen twice: %r", self.claim.key, error)
        return False

    def not_released(self, error: Exception) -> None:
        log.warning("key %r could not be released before its lease ends: %r", self.claim.key, error)


class Lease:
    """The lease of one claim.

    Args:
        store: where the claim was made, just now.
        claim: the claim.
    """

    def __init__(self, store: IdempotencyStore, claim: Claimed):
        self._store = store
        self._claim = claim
        self._terms = _Terms(claim)

    async def renew(self) -> None:
        """Renews the lease until it is cancelled, or the claim has ended. A failure is tried again sooner."""
        held, wait, pause = True, self._terms.every, FIRST_PAUSE
        while held:
            await asyncio.sleep(wait)
            asked_at = time.monotonic()
            try:
                held = await self._store.renew(self._claim)
            except Exception as error:
                self._terms.not_renewed(error)
                wait, pause = min(pause, self._terms.every), min(pause * 2, LONGEST_PAUSE)
            else:
                self._terms.renewed(asked_at, held)
                wait, pause = self._terms.every, FIRST_PAUSE

    async def complete(self, response: StoredResponse) -> None:
        """Keeps an answer, trying again until the lease ends. The answer is the client's in any case: the
        effect has happened, and a client that is told so does not ask again."""
        pause = FIRST_PAUSE
        while True:
            try:
                return self._terms.completed(await self._store.complete(self._claim, response))
            except Exception as error:
                if not self._terms.not_completed(error):
                    return None
            await asyncio.sleep(min(pause, max(0.0, self._terms.left())))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def release(self) -> None:
        """Frees the key. If that fails it is free when the lease ends."""
        try:
            await self._store.release(self._claim)
        except Exception as error:
            self._terms.not_released(error)


class SyncLease:
    """`Lease` for code without an event loop: a thread renews it from `start` to the end."""

    def __init__(self, store: SyncIdempotencyStore, claim: Claimed):
        self._store = store
        self._claim = claim
        self._terms = _Terms(claim)
        self._ended = threading.Event()

    def start(self) -> None:
        """Begins to renew."""
        threading.Thread(target=self._renew, name="pyqueue-lease", daemon=True).start()

    def complete(self, response: StoredResponse) -> None:
        """See `Lease.complete`. Ends the renewals."""
        self._ended.set()
        pause = FIRST_PAUSE
        while True:
            try:
                return self._terms.completed(self._store.complete(self._claim, response))
            except Exception as error:
                if not self._terms.not_completed(error):
                    return None
            time.sleep(min(pause, max(0.0, self._terms.left())))
            pause = min(pause * 2, LONGEST_PAUSE)

    def release(self) -> None:
        """See `Lease.release`. Ends the renewals."""
        self._ended.set()
        try:
            self._store.release(self._claim)
        except Exception as error:
            self._terms.not_released(error)

    def _renew(self) -> None:
        held, wait, pause = True, self._terms.every, FIRST_PAUSE
        while held and not self._ended.wait(wait):
            asked_at = time.monotonic()
            try:
                held = self._store.renew(self._claim)
            except Exception as error:
                self._terms.not_renewed(error)
                wait, pause = min(pause, self._terms.every), min(pause * 2, LONGEST_PAUSE)
            else:
                if not self._ended.is_set():  # Else it may have been settled meanwhile.
                    self._terms.renewed(asked_at, held)
                wait, pause = self._terms.every, FIRST_PAUSE
