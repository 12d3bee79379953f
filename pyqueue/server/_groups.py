"""Calls on one event loop that leave together: those that come while others are out share the next way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

C = TypeVar("C")

GROUP = 128
"""Calls that leave together at most."""

Carry = Callable[[Sequence[C]], Awaitable[Sequence[Any]]]
"""Carries out a group: returns for each call its result, or the exception that it ends with."""


class Groups(Generic[C]):
    """Carries out calls in groups, in the order in which they were made.

    Calls that are made in one turn of the loop leave together. So do those that find `ways` groups out: they
    wait until one of these is back. A caller that is cancelled takes nothing from the others; its call may
    still be carried out.

    Args:
        carry: carries out a group. What it raises is raised by each call of the group.
        ways: groups that are out at a time.
    """

    def __init__(self, carry: Carry[C], ways: int):
        self._carry = carry
        self._ways = ways
        self._waiting: list[tuple[C, asyncio.Future[Any]]] = []
        self._out: set[asyncio.Task[None]] = set()
        self._about_to_leave = False

    async def run(self, call: C) -> Any:
        """Carries out a call with its group, and returns its result."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        if not self._about_to_leave and len(self._out) < self._ways:
            self._about_to_leave = True
            task = asyncio.create_task(self._go())
            self._out.add(task)
            task.add_done_callback(self._out.discard)
        return await future

    async def _go(self) -> None:
        self._about_to_leave = False
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP], self._waiting[GROUP:]
            results: Sequence[Any]
            try:
                results = await self._carry([call for call, _ in group])
            except Exception as error:
                results = [error] * len(group)
            except BaseException:
                for _, future in group:
                    future.cancel()
                raise
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
