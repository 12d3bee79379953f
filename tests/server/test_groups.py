"""Calls of one event loop that leave together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from pyqueue.server._groups import GROUP, Groups


class Way:
    """Carries groups out, and holds each until it is let go."""

    def __init__(self) -> None:
        self.groups: list[list[Any]] = []
        self.gate = asyncio.Event()

    async def carry(self, calls: Sequence[Any]) -> list[Any]:
        self.groups.append(list(calls))
        await self.gate.wait()
        return [ValueError(call) if call < 0 else call * 2 for call in calls]


async def settled() -> None:
    """Lets everything go on that can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_calls_made_in_one_turn_leave_together() -> None:
    async def scenario() -> None:
        way = Way()
        groups: Groups[int] = Groups(way.carry, 1)
        way.gate.set()
        assert await asyncio.gather(*(groups.run(n) for n in range(3))) == [0, 2, 4]
        assert way.groups == [[0, 1, 2]]

    asyncio.run(scenario())


def test_calls_that_find_every_way_taken_share_the_next_group_in_their_order() -> None:
    async def scenario() -> None:
        way = Way()
        groups: Groups[int] = Groups(way.carry, 2)
        calls = []
        for call in range(5):
            calls.append(asyncio.create_task(groups.run(call)))
            await settled()
        assert way.groups == [[0], [1]]
        way.gate.set()
        assert await asyncio.gather(*calls) == [0, 2, 4, 6, 8]
        assert way.groups == [[0], [1], [2, 3, 4]]

    asyncio.run(scenario())


def test_a_group_has_a_limit_and_what_is_over_it_goes_next() -> None:
    async def scenario() -> None:
        way = Way()
        groups: Groups[int] = Groups(way.carry, 1)
        way.gate.set()
        await asyncio.gather(*(groups.run(n) for n in range(GROUP + 1)))
        assert [len(group) for group in way.groups] == [GROUP, 1]

    asyncio.run(scenario())


def test_the_fault_of_one_call_is_its_own() -> None:
    async def scenario() -> None:
        way = Way()
        groups: Groups[int] = Groups(way.carry, 1)
        way.gate.set()
        results = await asyncio.gather(*(groups.run(n) for n in (1, -1, 2)), return_exceptions=True)
        assert [results[0], str(results[1]), results[2]] == [2, "-1", 4]

    asyncio.run(scenario())


def test_a_group_that_fails_fails_for_each_of_its_calls_and_for_no_later_one() -> None:
    async def scenario() -> None:
        faults = [ConnectionError("gone")]

        async def carry(calls: Sequence[int]) -> Sequence[Any]:
            if faults:
                raise faults.pop()
            return calls

        groups: Groups[int] = Groups(carry, 1)
        results = await asyncio.gather(groups.run(1), groups.run(2), return_exceptions=True)
        assert [str(result) for result in results] == ["gone", "gone"]
        assert await groups.run(3) == 3

    asyncio.run(scenario())


def test_a_caller_that_is_cancelled_takes_nothing_from_the_others() -> None:
    async def scenario() -> None:
        way = Way()
        groups: Groups[int] = Groups(way.carry, 1)
        first, second = (asyncio.create_task(groups.run(n)) for n in (1, 2))
        await settled()
        first.cancel()
        way.gate.set()
        assert await second == 4
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(scenario())
