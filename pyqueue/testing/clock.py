"""Virtual time: waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from typing import Any

EPOCH = 1_800_000_000.0
"""Unix time at which a virtual clock starts."""


class _JumpingSelector(selectors.DefaultSelector):
    """Where the loop would block until its next timer, the time jumps there instead."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everything waits for something that never comes")
        self.elapsed += timeout
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock advances only when nothing else is left to do, and then at once."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class ManualClock:
    """The Clock port over a `VirtualTimeLoop`.

    Args:
        loop: the loop whose time this is.
    """

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self._offset = EPOCH

    def now(self) -> float:
        return self._offset + self._loop.time()

    def shift(self, seconds: float) -> None:
        """Sets the wall clock ahead, or back. What sleeps is not woken by it."""
        self._offset += seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
