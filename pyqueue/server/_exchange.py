"""One request whose key is claimed while the application runs, by a dependency of its route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Final

from ._asgi import App, Message, Receive, Scope, Send, offered, send_whole
from ._shield import Shield
from .decisions import Keyed
from .idempotency import Attempt
from .stores import Claimed, IdempotencyStore, StoredResponse

EXCHANGE: Final = "pyqueue.exchange"
"""Where a dependency finds the `Exchange` of its request: in the ASGI scope."""


class Instead(Exception):
    """The application does not run on: the client gets something else. No handler of the application's is
    for it, so it ends the run wherever it was raised."""


class Collector:
    """ASGI middleware that gives each request an `Exchange`. As long as no dependency claims a key, nothing
    is changed.

    Args:
        app: the application, inside of all other middleware.
        longest_body: bytes of a body that is remembered as it is read.
    """

    def __init__(self, app: App, longest_body: int):
        self._app = app
        self._longest_body = longest_body
        self._shield = Shield()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        exchange = Exchange(receive, send, self._longest_body)
        outside = scope.get(EXCHANGE)  # Of an application in which this one is mounted.
        scope[EXCHANGE] = exchange
        try:
            if any(bytes(name).lower() == b"idempotency-key" for name, _ in scope["headers"]):
                run = exchange.run(self._app, scope)
                await self._shield.run(run, may_be_cut=lambda: not exchange.is_claimed)
            else:
                await exchange.run(self._app, scope)
        finally:
            scope[EXCHANGE] = outside


class Exchange:
    """Stands between the server and the application, and remembers the body that passes.

    Attributes:
        is_claimed: a key is being claimed, or was: the application is run to its end from then on.
    """

    def __init__(self, receive: Receive, send: Send, longest_body: int):
        self._receive_outside = receive
        self._send_outside = send
        self._longest_body = longest_body
        self._chunks: list[bytes] = []
        self._size = 0
        self._whole = False
        self._instead: StoredResponse | None = None
        self._attempt: Attempt | None = None
        self._offers = ExitStack()
        self.is_claimed = False

    async def run(self, app: App, scope: Scope) -> None:
        """Runs the application; whatever began meanwhile has ended when it returns."""
        try:
            await app(scope, self._receive, self._send)
        except Instead:
            if self._instead is None:
                raise
        except BaseException as error:
            await self._end(error)
            raise
        await self._end()
        if self._instead is not None:
            await send_whole(self._send_outside, self._instead)

    async def body(self, rest: Callable[[], Awaitable[bytes]]) -> bytes | None:
        """The whole body of the request; `None` if it is over its limit.

        Args:
            rest: reads it where nobody has: the request's own way, so that it can be read again.
        """
        if not self._whole:
            await rest()
        return b"".join(self._chunks) if self._size <= self._longest_body else None

    def ended(self, response: StoredResponse) -> Instead:
        """What to raise, for the client to get `response` instead of what the application says."""
        self._instead = response
        return Instead()

    def begin(self, scope: Scope, store: IdempotencyStore, keyed: Keyed, claim: Claimed) -> None:
        """The key is claimed: what the application answers from here on is collected, kept and sent on.

        Args:
            scope: as the route has it.
            store: where the claim was made.
            keyed: the request.
            claim: the claim.
        """
        self._offers.enter_context(offered(scope, claim))
        self._attempt = Attempt(store, keyed, claim, self._send_outside)
        self._attempt.begin()

    async def _end(self, error: BaseException | None = None) -> None:
        self._offers.close()
        if self._attempt is not None:
            await self._attempt.end(error)

    async def _receive(self) -> Message:
        if self._attempt is not None and self._whole:
            await self._attempt.settled()
            return {"type": "http.disconnect"}
        message = await self._receive_outside()
        if message["type"] == "http.request":
            chunk = bytes(message.get("body", b""))
            self._size += len(chunk)
            if self._size <= self._longest_body:
                self._chunks.append(chunk)
            else:
                self._chunks.clear()
            self._whole = not message.get("more_body", False)
        return message

    async def _send(self, message: Message) -> None:
        if self._instead is not None:
            return  # What became of `Instead` on its way, as in the error page of a mounted application.
        await (self._attempt.send if self._attempt is not None else self._send_outside)(message)
