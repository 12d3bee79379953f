"""ASGI middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from . import protocol
from .stores import Claimed, IdempotencyStore, InFlight, Mismatch, Replay, StoredResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLAIM = "pyqueue.claim"
"""Where the application finds its `Claimed` in the ASGI scope."""


def is_over(response: StoredResponse) -> bool:
    """Whether an answer says that the operation is over: any status below 400.

    Every other answer says that nothing was done. Its key is released, so that the same job can be sent
    again with the same key once a person has logged in, made room, or the server has recovered.
    """
    return response.status < 400


class IdempotencyMiddleware:
    """Wraps an ASGI application.

    The answers it makes itself are `application/problem+json`: 400 (the key is missing or malformed), 409
    with `Retry-After` (an attempt with this key is running), 413, and 422 (the key was used for another
    request). Any other answer is the application's, or the replay of one, which says
    `Idempotency-Replayed: true`. Every answer echoes the request's `Idempotency-Key`.

    The application runs to its end and its answer is kept also when the client has gone: it never sees
    `http.disconnect`. An answer is sent only after it was kept.

    Args:
        app: the application.
        store: where keys and answers are kept.
        methods: the methods that take a key; others pass through.
        paths: which paths do: a predicate, or prefixes. `None`: all.
        required: refuse a request without a key with 400, instead of passing it through.
        principal: the name of whose request it is, from the scope. Keys of different principals never meet,
            so nobody is answered with another's answer. The scope must already hold what it reads: put
            this middleware inside the one that authenticates.
        keep: whether an answer ends the operation and is replayed from then on.
        ttl: seconds that an answer is kept. It should outlast the longest time a browser may be off between
            losing an answer and asking again.
        lease: seconds after which a key is free again when the process that claimed it died. While the
            application runs the lease is renewed.
        max_body: bytes of a request's body, which is held in memory as a whole; a larger one is a 413.
        max_response: bytes of an answer's body that are kept. A larger answer is passed on as it comes; its
            replay has its status and no body.
    """

    def __init__(
        self,
        app: App,
        store: IdempotencyStore,
        *,
        methods: Collection[str] = ("POST", "PATCH"),
        paths: Callable[[str], bool] | Iterable[str] | None = None,
        required: bool = True,
        principal: Callable[[Scope], str | None] | None = None,
        keep: Callable[[StoredResponse], bool] = is_over,
        ttl: float = 14 * 86400.0,
        lease: float = 60.0,
        max_body: int = 32 * 1024 * 1024,
        max_response: int = 1024 * 1024,
    ):
        self.app = app
        self._store = store
        self._methods = frozenset(methods)
        self._guards = _path_predicate(paths)
        self._required = required
        self._principal = principal
        self._keep = keep
        self._ttl = ttl
        self._lease = lease
        self._max_body = max_body
        self._max_response = max_response
        self._attempts: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in self._methods or not self._guards(scope["path"]):
            return await self.app(scope, receive, send)
        values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
        if not values and not self._required:
            return await self.app(scope, receive, send)
        echo = values[0] if len(values) == 1 else None
        try:
            if not values:
                return await _send(send, protocol.key_missing())
            if echo is None:
                raise protocol.InvalidKey("Idempotency-Key must be sent once")
            key = protocol.parse_key(echo)
        except protocol.InvalidKey as reason:
            return await _send(send, protocol.key_invalid(str(reason)), echo)
        try:
            body = await _read(receive, self._max_body)
        except _TooLarge:
            return await _send(send, protocol.too_large(self._max_body), echo)
        if body is None:
            return None
        # A task of its own: servers and frameworks cancel a request whose client has gone, and an effect
        # that was cut in the middle can be neither kept nor released.
        attempt = asyncio.create_task(self._answer(scope, body, send, key, echo))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        return await asyncio.shield(attempt)

    async def _answer(self, scope: Scope, body: bytes, send: Send, key: str, echo: bytes | None) -> None:
        principal = self._principal(scope) if self._principal else None
        digest = protocol.fingerprint(scope["method"], scope["path"], scope["query_string"], body)
        outcome = await self._store.claim(
            protocol.scoped(principal, key), digest, lease=self._lease, ttl=self._ttl
        )
        match outcome:
            case Claimed():
                await self._run(scope, body, send, outcome, echo)
            case InFlight(age):
                await _send(send, protocol.in_flight(age), echo)
            case Mismatch():
                await _send(send, protocol.key_reused(), echo)
            case Replay(response):
                await _send(send, response, echo, replayed=True)

    async def _run(self, scope: Scope, body: bytes, send: Send, claim: Claimed, echo: bytes | None) -> None:
        # No extensions: an answer by file descriptor or with trailers could not be kept.
        inner = {**scope, "extensions": {}, CLAIM: claim}
        answer = _Answer(send, self._max_response, echo)
        renewal = asyncio.create_task(self._renew(claim))
        try:
            await self.app(inner, _body_once(body), answer.receive)
        except BaseException:
            await self._store.release(claim)
            raise
        finally:
            renewal.cancel()
        if answer.response is not None and self._keep(answer.response):
            await self._store.complete(claim, answer.response)
        else:
            await self._store.release(claim)
        await answer.finish()

    async def _renew(self, claim: Claimed) -> None:
        while True:
            await asyncio.sleep(self._lease / 3)
            if not await self._store.renew(claim):
                return


class _TooLarge(Exception):
    pass


class _Answer:
    """Collects the application's answer; one over `limit` bytes is passed on as it comes instead."""

    def __init__(self, send: Send, limit: int, echo: bytes | None):
        self._send = send
        self._limit = limit
        self._echo = echo
        self._start: Message | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._passing = False

    async def receive(self, message: Message) -> None:
        """The application's `send`."""
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            chunk = message.get("body", b"")
            self._size += len(chunk)
            self._chunks.append(chunk)
            if self._size > self._limit:
                await self._pass_on(message.get("more_body", False))

    @property
    def response(self) -> StoredResponse | None:
        """What there is to keep: the whole answer, or for a larger one its status without a body."""
        if self._start is None:
            return None
        headers = tuple((bytes(name).lower(), bytes(value)) for name, value in self._start.get("headers", ()))
        if self._passing:
            about_body = (b"content-length", b"etag", b"digest", b"content-digest")
            headers = tuple(h for h in headers if h[0] not in about_body and not h[0].startswith(b"content-"))
            return StoredResponse(self._start["status"], (*headers, (b"content-length", b"0")))
        return StoredResponse(self._start["status"], headers, b"".join(self._chunks))

    async def finish(self) -> None:
        """Sends what was collected. An application that did not answer is the server's to report."""
        if not self._passing and self.response is not None:
            await _send(self._send, self.response, self._echo)

    async def _pass_on(self, more_body: bool) -> None:
        assert self._start is not None
        messages: list[Message] = []
        if not self._passing:
            self._passing = True
            headers = [*self._start.get("headers", ()), *_extra_headers(self._echo)]
            messages.append({**self._start, "headers": headers})
        body = b"".join(self._chunks)
        self._chunks.clear()
        messages.append({"type": "http.response.body", "body": body, "more_body": more_body})
        with suppress(OSError):  # The client has gone; the application still runs to its end.
            for message in messages:
                await self._send(message)


def _path_predicate(paths: Callable[[str], bool] | Iterable[str] | None) -> Callable[[str], bool]:
    if paths is None:
        return lambda path: True
    if callable(paths):
        return paths
    prefixes = (paths,) if isinstance(paths, str) else tuple(paths)
    return lambda path: path.startswith(prefixes)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body; `None` when the client went before it was complete."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _TooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _body_once(body: bytes) -> Receive:
    """A `receive` that gives the body and then never anything: to the application the client stays."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    return receive


def _extra_headers(echo: bytes | None, replayed: bool = False) -> list[tuple[bytes, bytes]]:
    headers = [(b"idempotency-key", echo)] if echo is not None else []
    return [*headers, (b"idempotency-replayed", b"true")] if replayed else headers


async def _send(
    send: Send, response: StoredResponse, echo: bytes | None = None, replayed: bool = False
) -> None:
    headers = [*response.headers, *_extra_headers(echo, replayed)]
    with suppress(OSError):  # The client has gone: it will ask again, and the answer is kept.
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
