"""Options of one route instead of the site's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyqueue.server import SQLiteIdempotencyStore
from pyqueue.server.decisions import Head, Keyed, Refused
from pyqueue.server.rules import Rules
from tests.server.site import Site, respond

ROUTES: Any = {"/api/": {"ttl": 60.0}, "/api/orders": {"ttl": 90.0, "required": False}, "/api/o": {}}


def head(path: str, **headers: str) -> Head:
    fields = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    return Head("POST", "http", path, path, b"", fields)


@pytest.mark.parametrize(
    ("path", "ttl"), [("/", 30.0), ("/api/x", 60.0), ("/api/orders/7", 90.0), ("/api/old", 30.0)]
)
def test_the_longest_beginning_counts_and_the_rest_is_the_sites(
    tmp_path: Path, path: str, ttl: float
) -> None:
    rules = Rules(SQLiteIdempotencyStore(tmp_path / "keys.sqlite3"), None, {"ttl": 30.0, "routes": ROUTES})
    keyed = rules.judge(head(path, idempotency_key="k"))
    assert isinstance(keyed, Keyed)
    assert keyed.rules.ttl == ttl
    assert keyed.rules.max_body == rules.max_body


def test_a_route_may_leave_the_key_out(tmp_path: Path) -> None:
    rules = Rules(SQLiteIdempotencyStore(tmp_path / "keys.sqlite3"), None, {"routes": ROUTES})
    assert not isinstance(rules.judge(head("/api/orders")), Refused)
    assert isinstance(rules.judge(head("/api/x")), Refused)


def test_a_route_keeps_what_it_says_as_long_as_it_says(host: Callable[..., Site]) -> None:
    """Over a socket: an answer of 404 that is kept for a second, beside routes on which it never is."""
    effects: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        effects.append(scope["path"])
        for message in respond(404):
            await send(message)

    site = host(app, routes={"/orders": {"keep": lambda response: True, "ttl": 1.0}})
    for path in ("/orders", "/orders", "/other", "/other"):
        site.post(path, key=f'"{path}"')
    assert effects == ["/orders", "/other", "/other"]

    async def until_forgotten() -> None:
        while len(effects) == 3:
            await asyncio.to_thread(site.post, "/orders", key='"/orders"')

    asyncio.run(asyncio.wait_for(until_forgotten(), 30))
