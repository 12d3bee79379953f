"""Reads JSON from the server, and while it cannot be reached what was read last."""

import json
import time

from pyodide.ffi import JsException
from pyscript import fetch, window


async def remembered(url):
    """Reads a list.

    Returns:
        The list, empty where nothing was ever read, and when the server was asked, Unix time in seconds.
    """
    read_at = time.time()
    try:
        response = await fetch(url)
        if response.ok:
            value = await response.json()
            window.localStorage.setItem(url, json.dumps({"value": value, "readAt": read_at}))
            return value, read_at
    except JsException:
        pass  # Offline.
    kept = json.loads(window.localStorage.getItem(url) or '{"value": [], "readAt": 0}')
    return kept["value"], kept["readAt"]
