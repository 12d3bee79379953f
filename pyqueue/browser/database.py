"""One connection to the queue's IndexedDB database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from js import Object
from pyodide.ffi import JsException, create_proxy, to_js

from .._errors import StoreError

Fire = Callable[[Any], Sequence[Any]]
"""Fires all requests of a transaction, synchronously, and returns those whose results are wanted."""

LOST = ("InvalidStateError", "UnknownError")
"""What a dead connection answers: Chromium and Firefox the first, WebKit ("Connection to Indexed Database
server lost") the second, for ever on the same handle."""


class Database:
    """Runs transactions, and opens the database again when its connection was lost.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge
        self._connection: Any = None
        self._on_close = create_proxy(self._forget)

    def _forget(self) -> None:
        self._connection = None

    async def run(self, stores: Sequence[str], mode: str, fire: Fire) -> Sequence[Any]:
        """Runs one transaction: when this returns all of it is written, when it raises nothing is.

        Nothing can be awaited within a transaction: Pyodide resumes in a macrotask, after the engine has
        committed it. Writes are relaxed: what a power cut takes back is a keyed request sent again.

        Args:
            stores: names of the object stores.
            mode: `readonly` or `readwrite`.
            fire: called with the transaction; called again when the connection turns out to be dead.

        Returns:
            The results, as JavaScript values, of the requests that `fire` returned.

        Raises:
            StoreError: the engine refused.
        """
        answer = await self._attempt(stores, mode, fire)
        if not answer.ok and answer.name in LOST:
            self._forget()
            answer = await self._attempt(stores, mode, fire)
        if not answer.ok:
            raise StoreError(f"IndexedDB refused ({answer.name}): {answer.message}")
        return list(answer.value)

    async def _attempt(self, stores: Sequence[str], mode: str, fire: Fire) -> Any:
        """The answer of one transaction, as worker/answer.js describes it."""
        if self._connection is None:
            opened = await self._bridge.open(self._on_close)
            if not opened.ok:
                return opened
            self._connection = opened.value
        options = to_js({"durability": "relaxed"}, dict_converter=Object.fromEntries)
        try:
            transaction = self._connection.transaction(to_js(stores), mode, options)
        except JsException as refused:
            return _Refused(refused)
        try:
            requests = fire(transaction)
        except BaseException as cause:
            transaction.abort()
            if isinstance(cause, JsException):
                return _Refused(cause)
            raise
        return await self._bridge.finished(transaction, to_js(requests))


class _Refused:
    """What an engine threw, in the shape of an answer."""

    ok = False

    def __init__(self, error: JsException):
        self.name = error.name
        self.message = error.message
