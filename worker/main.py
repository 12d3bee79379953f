"""The worker's composition root: joins the user's queue with the browser, for worker/boot.js."""

from __future__ import annotations

import importlib.util
import random
import traceback
from typing import Any

from pyodide.ffi import create_proxy

from pyqueue._drain import Drain
from pyqueue._errors import DeclarationError
from pyqueue._queue import Queue
from pyqueue.browser.channel import PageWaker
from pyqueue.browser.clock import SystemClock
from pyqueue.browser.convert import plain_to_js
from pyqueue.browser.fetch import FetchTransport
from pyqueue.browser.indexeddb import IndexedDBStore
from pyqueue.browser.locks import make_lock


def load_queue() -> Queue:
    """The queue of the user's module `tasks`; a queue without tasks where the site has none.

    Raises:
        DeclarationError: the module cannot be imported, or does not have exactly one queue.
    """
    if importlib.util.find_spec("tasks") is None:
        return Queue()
    try:
        import tasks
    except Exception as cause:
        last = traceback.format_exception(cause)[-1].strip()
        raise DeclarationError(f"tasks.py cannot be imported{_where(cause)}: {last}") from cause
    queues = {id(value): value for value in vars(tasks).values() if isinstance(value, Queue)}
    if len(queues) != 1:
        raise DeclarationError(
            f"tasks.py must have one Queue at its top level (`queue = Queue()`), it has {len(queues)}"
        )
    return next(iter(queues.values()))


def _where(cause: Exception) -> str:
    """The line of tasks.py that an error passed through last, or that is not Python."""
    if isinstance(cause, SyntaxError):
        return f" (line {cause.lineno})"
    frames = traceback.extract_tb(cause.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.endswith("/tasks.py")]
    return f" (line {lines[-1]})" if lines else ""


def start(bridge: Any) -> Any:
    """Makes the drain of this worker.

    Args:
        bridge: worker/bridge.js.

    Returns:
        An answer as worker/answer.js describes; its value is the dispatcher, whose `wake(reason, linger)`
        resolves with an answer too: when there is work next, if there is any.
    """
    # A restored interpreter would repeat the random numbers of all its brothers.
    random.seed()
    try:
        queue = load_queue()
    except DeclarationError as error:
        return _failure(error)
    clock = SystemClock()
    store = IndexedDBStore(bridge)
    drain = Drain(
        queue,
        store,
        FetchTransport(bridge),
        clock,
        make_lock(bridge, store, clock),
        PageWaker(bridge),
        random.Random(),
    )

    async def wake(reason: str, linger: float) -> Any:
        try:
            next_at = await drain.wake(reason, linger=linger)
        except Exception as error:
            traceback.print_exception(error)
            return _failure(error)
        return plain_to_js({"ok": True} if next_at is None else {"ok": True, "value": next_at})

    answer = plain_to_js({"ok": True, "value": {}})
    answer.value.wake = create_proxy(wake)
    return answer


def _failure(error: Exception) -> Any:
    return plain_to_js({"ok": False, "name": type(error).__name__, "message": str(error)})
