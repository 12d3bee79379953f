"""MemorySite keeps the Site contract."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pyqueue.testing import MemorySite
from tests.contract.site_contract import CONTRACT, Bench


@pytest.mark.parametrize("behaviour", CONTRACT, ids=lambda behaviour: behaviour.__name__[5:])
def test_memory_site(behaviour: Callable[[Bench], Awaitable[None]]) -> None:
    page: dict[str, str] = {}
    site = MemorySite(pages=[page])

    async def set_cookie(name: str, value: str) -> None:
        site.cookies[name] = value

    async def set_meta(name: str, value: str) -> None:
        page[name] = value

    asyncio.run(behaviour(Bench(site, set_cookie, set_meta)))  # type: ignore[arg-type]
