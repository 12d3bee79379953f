"""Holding a claim while the application runs, and settling it: failures are retried, losses told."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Final

from .decisions import Keep, Release
from .events import Kind
from .report import Report
from .stores import Claimed, IdempotencyStore, StoredResponse, SyncIdempotencyStore

RENEWALS: Final = 3
"""Renewals in one lease: one may fail, and there is time for another."""

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Seconds between two tries at a store that fails."""


class _Terms:
    """How long a claim is surely held, and what there is to tell of it."""

    def __init__(self, claim: Claimed, report: Report):
        self.claim = claim
        self.every = claim.lease / RENEWALS
        self._ends_at = time.monotonic() + claim.lease
        self._report = report
        report.decided(Kind.CLAIMED)

    def left(self) -> float:
        """Seconds."""
        return self._ends_at - time.monotonic()

    def renewed(self, asked_at: float, held: bool) -> None:
        if held:
            self._ends_at = asked_at + self.claim.lease
        else:
            self._report.happened(Kind.CLAIM_ENDED)

    def not_renewed(self, error: Exception) -> None:
        self._report.happened(Kind.RENEWAL_FAILED, error=error)

    def answered(self) -> None:
        self._report.answered()

    def completed(self, held: bool, response: StoredResponse) -> None:
        in_time = Kind.COMPLETED if self.left() > 0 else Kind.COMPLETED_LATE
        self._report.settled(in_time if held else Kind.CLAIM_LOST, status=response.status)

    def not_completed(self, error: Exception, response: StoredResponse) -> bool:
        """Whether there is time to try again."""
        if self.left() > 0:
            self._report.happened(Kind.KEEP_FAILED, error=error)
            return True
        self._report.settled(Kind.NOT_KEPT, status=response.status, error=error)
        return False

    def released(self, release: Release) -> None:
        self._report.settled(release.kind, status=release.status, error=release.error)

    def not_released(self, error: Exception) -> None:
        self._report.happened(Kind.RELEASE_FAILED, error=error)


class Lease:
    """The lease of one claim.

    Args:
        store: where the claim was made, just now.
        claim: the claim.
        report: what tells of the request.
    """

    def __init__(self, store: IdempotencyStore, claim: Claimed, report: Report):
        self._store = store
        self._claim = claim
        self._terms = _Terms(claim, report)
        self._renewals: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to renew. There is no task before the first renewal is due: most requests end sooner."""
        loop = asyncio.get_running_loop()
        self._first_due = loop.call_later(self._terms.every, self._begin)

    def end(self) -> None:
        """Ends the renewals."""
        self._first_due.cancel()
        if self._renewals is not None:
            self._renewals.cancel()

    async def settle(self, ending: Keep | Release) -> None:
        """Does what is to be done with the key. Called once, when the application's answer has ended.

        An answer is kept by trying again until the lease ends. It is the client's in any case: the effect has
        happened, and a client that is told so does not ask again. A key that cannot be released is free when
        the lease ends.
        """
        self._terms.answered()
        if isinstance(ending, Keep):
            await self._complete(ending.response)
        else:
            await self._release(ending)

    async def _complete(self, response: StoredResponse) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                held = await self._store.complete(self._claim, response)
            except Exception as error:
                if not self._terms.not_completed(error, response):
                    return
            else:
                return self._terms.completed(held, response)
            await asyncio.sleep(min(pause, max(0.0, self._terms.left())))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _release(self, release: Release) -> None:
        self._terms.released(release)
        try:
            await self._store.release(self._claim)
        except Exception as error:
            self._terms.not_released(error)

    def _begin(self) -> None:
        self._renewals = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Renews the lease until it is cancelled, or the claim has ended. A failure is tried again sooner."""
        held, wait, pause = True, 0.0, FIRST_PAUSE
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


class SyncLease:
    """`Lease` for code without an event loop: a thread renews it from `start` to the end."""

    def __init__(self, store: SyncIdempotencyStore, claim: Claimed, report: Report):
        self._store = store
        self._claim = claim
        self._terms = _Terms(claim, report)
        self._ended = threading.Event()

    def start(self) -> None:
        """Begins to renew."""
        threading.Thread(target=self._renew, name="pyqueue-lease", daemon=True).start()

    def settle(self, ending: Keep | Release) -> None:
        """See `Lease.settle`. Ends the renewals."""
        self._ended.set()
        self._terms.answered()
        if isinstance(ending, Keep):
            self._complete(ending.response)
        else:
            self._release(ending)

    def _complete(self, response: StoredResponse) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                held = self._store.complete(self._claim, response)
            except Exception as error:
                if not self._terms.not_completed(error, response):
                    return
            else:
                return self._terms.completed(held, response)
            time.sleep(min(pause, max(0.0, self._terms.left())))
            pause = min(pause * 2, LONGEST_PAUSE)

    def _release(self, release: Release) -> None:
        self._terms.released(release)
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
