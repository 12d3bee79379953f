"""What belongs to one event loop: a connection can be used only on the loop that opened it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerLoop(Generic[T]):
    """Holds one value for each running event loop. Safe in several threads, each with a loop of its own.

    Args:
        make: makes the value, on the loop that it is for.
    """

    def __init__(self, make: Callable[[], T]):
        self._make = make
        self._guard = threading.Lock()
        self._made: dict[asyncio.AbstractEventLoop, T] = {}

    def get(self) -> T:
        """The running loop's value, made at its first use."""
        loop = asyncio.get_running_loop()
        made = self._made.get(loop)
        if made is None:
            with self._guard:
                self._made = {known: value for known, value in self._made.items() if not known.is_closed()}
                made = self._made[loop] = self._make()
        return made

    def take(self) -> T | None:
        """The running loop's value, which is forgotten."""
        with self._guard:
            return self._made.pop(asyncio.get_running_loop(), None)
