"""What happens while a worker is at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pyqueue.testing import Simulation


def midway(
    sim: Simulation, after: float, act: Callable[[], object], reason: str = "append", linger: float = 0.0
) -> None:
    """Wakes the worker, does something after so many seconds, tells the worker, and waits until it ends."""

    async def run() -> None:
        working = asyncio.ensure_future(sim._driver.wake(reason, linger=linger))
        await asyncio.sleep(after)
        act()
        await sim._driver.wake("append")
        await working

    sim.loop.run_until_complete(run())


def die_midway(sim: Simulation, after: float, reason: str = "append", linger: float = 0.0) -> None:
    """Wakes the worker, which dies after so many seconds: what was on its way leaves no answer behind."""

    async def run() -> None:
        working = asyncio.ensure_future(sim._driver.wake(reason, linger=linger))
        await asyncio.sleep(after)
        working.cancel()

    sim.loop.run_until_complete(run())
    sim.restart()
