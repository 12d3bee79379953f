"""The clock port."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """Implements `pyqueue._ports.Clock` with the wall clock: stored times outlive the worker."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)
