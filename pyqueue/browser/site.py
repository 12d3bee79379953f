"""The site port: cookies by `cookieStore`, and what open pages tell over the channel."""

from __future__ import annotations

from typing import Any

PATIENCE = 2.0
"""Seconds within which an open page answers; one that does not is frozen."""


class BrowserSite:
    """Implements `pyqueue._ports.Site`.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge
        self.origin = str(bridge.origin)

    async def cookie(self, name: str, refused: str | None = None) -> str | None:
        """See `Site.cookie`."""
        return str(await self._bridge.readCookie(name, refused or "", PATIENCE)) or None

    async def meta(self, name: str, refused: str | None = None) -> str | None:
        """See `Site.meta`."""
        return str(await self._bridge.askPages("meta", name, refused or "", PATIENCE)) or None
