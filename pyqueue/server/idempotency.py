"""ASGI middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Unpack

from . import protocol
from ._asgi import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    TooLarge,
    head_of,
    offered,
    read_body,
    send_whole,
    start_message,
)
from ._shield import Shield
from .decisions import Keyed, Passes, Refused, Release, Unreachable
from .events import Kind
from .lease import Lease
from .options import Options
from .rules import Rules
from .stores import Claimed, IdempotencyStore, InFlight, StoredResponse

Principal = Callable[[Scope], str | Awaitable[str | None] | None]


class IdempotencyMiddleware:
    """Wraps an ASGI application.

    The answers it makes itself are `application/problem+json`: 400 (the key is missing or malformed), 409
    with `Retry-After` (an attempt with this key is running), 413, 422 (the key was used for another
    request), and 503 with `Retry-After` (the store cannot be reached: nothing ran). Any other answer is the
    application's, or the replay of one, which says `Idempotency-Replayed: true`. Every answer echoes the
    request's `Idempotency-Key`.

    The operation is settled by the last message of its answer: that is sent once the answer was kept. What
    the application does afterwards, as a background task, neither delays nor repeats it. An application that
    raises before, or ends without a whole answer, releases the key. It runs to its end and its answer is kept
    even if the client has gone: it sees `http.disconnect` only after its answer.

    It gets the same scope, with `pyqueue.claim` in it, and runs in a copy of the caller's context, whose
    changes are copied back.

    Args:
        app: the application.
        store: where keys and answers are kept.
        principal: the name of whose request it is, from the scope; it may be async. `None`: nobody is signed
            in. Keys of different principals never meet, so nobody is answered with another's answer. The
            scope must already hold what it reads: put this middleware inside the one that authenticates.
        options: see `Options`.

    Raises:
        DeclarationError: an argument is wrong, so that nothing would be protected. Also by a request whose
            `principal` returns what is no name.
    """

    def __init__(
        self,
        app: App,
        store: IdempotencyStore,
        *,
        principal: Principal | None = None,
        **options: Unpack[Options],
    ):
        self.app = app
        self._store = store
        self._principal = principal
        self._rules = Rules(store, principal, options)
        self._shield = Shield()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        head = head_of(scope)
        match self._rules.judge(head):
            case Passes():
                return await self.app(scope, receive, send)
            case Refused(response):
                return await send_whole(send, self._rules.refused(response, head))
            case Keyed() as keyed:
                try:
                    body = await read_body(receive, keyed.rules.max_body)
                except TooLarge:
                    too_large = protocol.too_large(keyed.rules.max_body)
                    return await send_whole(send, self._rules.refused(too_large, head, keyed.key))
                if body is not None:
                    await self._shield.run(self._answer(scope, keyed, body, send))

    async def _answer(self, scope: Scope, keyed: Keyed, body: bytes, send: Send) -> None:
        admitted = await admit(self._store, keyed, await self._principal_of(scope), body)
        if isinstance(admitted, Claimed):
            await Attempt(self._store, keyed, admitted, send).run(self.app, scope, body)
        else:
            await send_whole(send, admitted)

    async def _principal_of(self, scope: Scope) -> object:
        if self._principal is None:
            return None
        name = self._principal(scope)
        return await name if inspect.isawaitable(name) else name


async def admit(
    store: IdempotencyStore, keyed: Keyed, principal: object, body: bytes
) -> Claimed | StoredResponse:
    """Claims the key of a request, waiting for another attempt as long as its route says.

    Returns:
        the claim, with which the application is to run, or what is sent instead.

    Raises:
        DeclarationError: the principal is no name.
    """
    rules = keyed.rules
    key = rules.store_key(keyed, principal)
    if (refusal := rules.stranger(keyed, principal)) is not None:
        return refusal
    digest, pauses = rules.fingerprint(keyed, body), rules.pauses()
    while True:
        try:
            outcome = await store.claim(key, digest, lease=rules.lease, ttl=rules.ttl)
        except Exception as error:
            return rules.instead(Unreachable(error), keyed)
        if isinstance(outcome, Claimed):
            return outcome
        pause = next(pauses, None) if isinstance(outcome, InFlight) else None
        if pause is None:
            return rules.instead(outcome, keyed)
        await asyncio.sleep(pause)


class Attempt:
    """One run of the application: what it sends is collected, kept, and then sent on."""

    def __init__(self, store: IdempotencyStore, keyed: Keyed, claim: Claimed, send: Send):
        self._rules = keyed.rules
        self._keyed = keyed
        self._claim = claim
        self._lease = Lease(store, claim, keyed.report)
        self._send = send
        self._answer = keyed.rules.answer(keyed)
        self._passed_head = False
        self._over = asyncio.Event()

    async def run(self, app: App, scope: Scope, body: bytes) -> None:
        with offered(scope, self._claim):
            self.begin()
            try:
                await app(scope, self._receiver(body), self.send)
            except BaseException as error:
                await self.end(error)
                raise
            await self.end()

    def begin(self) -> None:
        """The application runs from here on: the lease is renewed."""
        self._lease.start()

    async def end(self, error: BaseException | None = None) -> None:
        """The application has ended, or raised. Without a whole answer the key is released."""
        self._lease.end()
        if not self._over.is_set():
            status = self._answer.head.status if self._answer.started else None
            await self._lease.settle(Release(Kind.CUT_SHORT, status, error))

    async def settled(self) -> None:
        """Waits for the end of the answer."""
        await self._over.wait()

    async def send(self, message: Message) -> None:
        """The application's `send`."""
        if message["type"] == "http.response.start":
            if self._over.is_set() or self._passed_head:
                raise RuntimeError("the application has answered already")
            self._answer.start(message["status"], message.get("headers", ()))
        elif message["type"] == "http.response.body":
            if self._over.is_set() or not self._answer.started:
                raise RuntimeError("http.response.body was sent before http.response.start, or after the end")
            self._answer.add(bytes(message.get("body", b"")))
            more = bool(message.get("more_body", False))
            if not more:
                await self._settle()
            if self._answer.passing:
                await self._pass_on(more)
            elif not more:
                await send_whole(self._send, self._rules.shown(self._answer.whole, self._keyed))
        else:
            await self._send(message)

    async def _settle(self) -> None:
        """The answer has ended: it is kept, or the key released, before the client sees the end of it."""
        self._lease.end()
        await self._lease.settle(self._rules.ending(self._answer, self._keyed))
        self._over.set()

    async def _pass_on(self, more: bool) -> None:
        messages: list[Message] = []
        if not self._passed_head:
            self._passed_head = True
            head = self._rules.let_through(self._answer.head, self._keyed)
            messages.append(start_message(head))
        messages.append({"type": "http.response.body", "body": self._answer.take(), "more_body": more})
        with suppress(OSError):  # The client has gone; the application still runs to its end.
            for message in messages:
                await self._send(message)

    def _receiver(self, body: bytes) -> Receive:
        """A `receive` that gives the body, and the client's end once the answer has ended."""
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            for message in messages:
                return message
            await self.settled()
            return {"type": "http.disconnect"}

        return receive
