"""The site port: cookies by `cookieStore`, and what open pages tell over the channel."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pyodide.ffi import to_js

PATIENCE = 5.0
"""Seconds within which an open page answers, even one that is being loaded. One that does not is frozen."""


class BrowserSite:
    """Implements `pyqueue._ports.Site`.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge
        self.origin = str(bridge.origin)

    async def cookie(self, name: str, refused: Collection[str] = ()) -> str | None:
        """See `Site.cookie`."""
        return str(await self._bridge.readCookie(name, to_js(list(refused)), PATIENCE)) or None

    async def meta(self, name: str, refused: Collection[str] = ()) -> str | None:
        """See `Site.meta`."""
        return str(await self._bridge.askPages("meta", name, to_js(list(refused)), PATIENCE)) or None
