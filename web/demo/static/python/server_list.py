"""Lists that the server has."""

import asyncio
import json
import time

from pyodide.http import pyfetch
from pyscript import window

PATIENCE = 10
"""Seconds for one reading."""


class ServerList:
    """A list that the server has, as it was read last. Kept over reloads, for a page that opens offline.

    Args:
        url: where it is read.

    Attributes:
        latest: a dict of the list, `items`, and of when the server was asked, `readAt`: Unix time in seconds,
            or 0 if it never answered.
    """

    def __init__(self, url):
        self._url = url
        self.latest = json.loads(window.localStorage.getItem(url) or '{"items": [], "readAt": 0}')

    async def read(self, is_wanted=None):
        """Reads it anew; while the server cannot be reached, it stays as it was.

        Args:
            is_wanted: a coroutine function that says whether what was read takes the place of what there was.
        """
        if not window.navigator.onLine:
            return
        read_at = time.time()
        try:
            async with asyncio.timeout(PATIENCE):
                response = await pyfetch(self._url)
                if not response.ok:
                    return
                items = await response.json()
        except OSError:
            return  # It is read again after the next change.
        if is_wanted is None or await is_wanted():
            self.latest = {"items": items, "readAt": read_at}
            window.localStorage.setItem(self._url, json.dumps(self.latest))
