"""MemoryStore keeps the Store contract."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyqueue.testing import MemoryStore
from pyqueue.testing.store import Disk
from tests.contract.store_contract import CONTRACT, NOW, Bench


@pytest.mark.parametrize("behaviour", CONTRACT, ids=lambda behaviour: behaviour.__name__[5:])
def test_memory_store(behaviour: Callable[[Bench], Awaitable[None]]) -> None:
    disk = Disk()

    async def append(type: str, **fields: Any) -> int:
        return disk.append(type, NOW, **fields)

    asyncio.run(behaviour(Bench(lambda: MemoryStore(disk), append)))  # type: ignore[arg-type]
