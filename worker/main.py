"""The worker's composition root: joins the user's queue with the browser, for worker/boot.js."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import random
import traceback
from typing import Any

from pyodide.ffi import create_proxy

from pyqueue._driver import Driver
from pyqueue._errors import DeclarationError
from pyqueue._queue import Queue
from pyqueue._tasks import declaration_error, find_queue
from pyqueue.browser.channel import PageWaker
from pyqueue.browser.clock import SystemClock
from pyqueue.browser.convert import plain_to_js
from pyqueue.browser.fetch import FetchTransport
from pyqueue.browser.indexeddb import IndexedDBStore
from pyqueue.browser.locks import make_lock
from pyqueue.browser.loop import MicrotaskLoop
from pyqueue.browser.site import BrowserSite
from pyqueue.browser.vault import BrowserVault


def load_queue() -> Queue:
    """The queue of the user's module `tasks`; a queue without tasks where the site has none.

    Raises:
        DeclarationError: the module cannot be imported, or does not have exactly one queue.
    """
    spec = importlib.util.find_spec("tasks")
    if spec is None:
        return Queue()
    try:
        module = importlib.import_module("tasks")
    except BaseException as cause:  # A module may also call `sys.exit`.
        raise declaration_error(cause, spec.origin or "", "tasks.py") from cause
    return find_queue(module, "tasks.py")


_queue: Queue | None = None


def prepare() -> bool:
    """Imports all that the worker will need, so that it is in the snapshot of this interpreter's memory.

    Returns:
        Whether the user's module could be imported; if not, `start` says why.
    """
    global _queue
    try:
        _queue = load_queue()
    except DeclarationError:
        return False
    return True


def start(bridge: Any) -> Any:
    """Makes the driver of this worker.

    Args:
        bridge: worker/bridge.js.

    Returns:
        An answer as worker/answer.js describes; its value is the dispatcher, whose `wake(reason, linger)`
        resolves with an answer too: when there is work next, if there is any.
    """
    # A restored interpreter would repeat the random numbers of all its brothers.
    random.seed()
    try:
        queue = _queue or load_queue()
    except DeclarationError as error:
        return _failure(error)
    asyncio.set_event_loop(MicrotaskLoop())
    clock = SystemClock()
    store = IndexedDBStore(bridge)
    driver = Driver(
        queue,
        store,
        FetchTransport(bridge),
        clock,
        make_lock(bridge, store, clock),
        PageWaker(bridge),
        BrowserSite(bridge),
        random.Random(),
        BrowserVault(bridge),
    )

    async def wake(reason: str, linger: float) -> Any:
        try:
            next_at = await driver.wake(reason, linger=linger)
        except Exception as error:
            traceback.print_exception(error)
            return _failure(error)
        return plain_to_js({"ok": True} if next_at is None else {"ok": True, "value": next_at})

    answer = plain_to_js({"ok": True, "value": {}})
    answer.value.wake = create_proxy(wake)
    return answer


def _failure(error: Exception) -> Any:
    return plain_to_js({"ok": False, "name": type(error).__name__, "message": str(error)})
