"""ASGI middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, Unpack

from .bodies import Unreadable, read_asgi
from .event_log import log
from .events import Kind
from .lease import Lease
from .rules import CLAIM, Head, Keyed, Options, Passes, Refused, Release, Rules, Unreachable
from .stores import Claimed, IdempotencyStore, InFlight, Outcome, StoredResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Principal = Callable[[Scope], str | Awaitable[str | None] | None]

_NOT_KEPT = frozenset(["http.response.pathsend", "http.response.trailers", "http.response.zerocopysend"])
"""Extensions by which an answer could not be kept: the application is not offered them."""


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
        self._attempts: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        head = _head(scope)
        match self._rules.judge(head):
            case Passes():
                return await self.app(scope, receive, send)
            case Refused(response):
                return await _send(send, self._rules.refused(response, head))
            case Keyed() as keyed:
                try:
                    body = await read_asgi(receive, self._rules.max_body)
                except Unreadable as refused:
                    return await _send(send, self._rules.refused(refused.response, head, keyed.key))
                if body is not None:
                    await self._shielded(self._answer(scope, keyed, body, send))

    async def _shielded(self, attempt: Coroutine[Any, Any, None]) -> None:
        """Runs in a task of its own: servers and frameworks cancel a request whose client has gone, and an
        effect that was cut in the middle can be neither kept nor released."""
        context = copy_context()
        task = asyncio.create_task(attempt, context=context)
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            raise
        finally:
            if task.done():
                for variable, value in context.items():
                    if variable.get(_UNSET) is not value:
                        variable.set(value)

    async def _answer(self, scope: Scope, keyed: Keyed, body: bytes, send: Send) -> None:
        key = self._rules.store_key(keyed, await self._principal_of(scope))
        outcome = await self._claim(key, self._rules.fingerprint(keyed, body), self._rules.pauses(keyed))
        if isinstance(outcome, Claimed):
            await _Attempt(self._rules, self._store, keyed, outcome, send).run(self.app, scope, body)
        else:
            await _send(send, self._rules.instead(outcome, keyed))

    async def _principal_of(self, scope: Scope) -> object:
        if self._principal is None:
            return None
        name = self._principal(scope)
        return await name if inspect.isawaitable(name) else name

    async def _claim(self, key: str, digest: bytes, pauses: Iterator[float]) -> Outcome | Unreachable:
        """Claims the key, waiting a while for another attempt."""
        while True:
            try:
                outcome = await self._store.claim(key, digest, lease=self._rules.lease, ttl=self._rules.ttl)
            except Exception as error:
                return Unreachable(error)
            pause = next(pauses, None) if isinstance(outcome, InFlight) else None
            if pause is None:
                return outcome
            await asyncio.sleep(pause)


class _Attempt:
    """One run of the application: what it sends is collected, kept, and then sent on."""

    def __init__(self, rules: Rules, store: IdempotencyStore, keyed: Keyed, claim: Claimed, send: Send):
        self._rules = rules
        self._keyed = keyed
        self._claim = claim
        self._lease = Lease(store, claim, keyed.report)
        self._send = send
        self._answer = rules.answer(keyed)
        self._passed_head = False
        self._over = asyncio.Event()

    async def run(self, app: App, scope: Scope, body: bytes) -> None:
        with _offered(scope, self._claim):
            self._renewal = asyncio.create_task(self._lease.renew())
            try:
                await app(scope, self._receiver(body), self._receive)
            except BaseException as error:
                await self._break_off(error)
                raise
            await self._break_off()

    async def _break_off(self, error: BaseException | None = None) -> None:
        """The application has ended. Without a whole answer the key is released."""
        self._renewal.cancel()
        if not self._over.is_set():
            status = self._answer.head.status if self._answer.started else None
            await self._lease.settle(Release(Kind.CUT_SHORT, status, error))

    async def _receive(self, message: Message) -> None:
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
                await _send(self._send, self._rules.shown(self._answer.whole, self._keyed))
        else:
            await self._send(message)

    async def _settle(self) -> None:
        """The answer has ended: it is kept, or the key released, before the client sees the end of it."""
        self._renewal.cancel()
        await self._lease.settle(self._rules.ending(self._answer, self._keyed))
        self._over.set()

    async def _pass_on(self, more: bool) -> None:
        messages: list[Message] = []
        if not self._passed_head:
            self._passed_head = True
            head = self._rules.let_through(self._answer.head, self._keyed)
            messages.append(_start(head))
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
            await self._over.wait()
            return {"type": "http.disconnect"}

        return receive


_UNSET = object()


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the application failed after its client had gone", exc_info=error)


@contextmanager
def _offered(scope: Scope, claim: Claimed) -> Iterator[None]:
    """The same scope, for as long as the application runs with the claim and without some extensions."""
    extensions = scope.get("extensions")
    scope[CLAIM] = claim
    if extensions:
        scope["extensions"] = {name: value for name, value in extensions.items() if name not in _NOT_KEPT}
    try:
        yield
    finally:
        if extensions:
            scope["extensions"] = extensions


def _head(scope: Scope) -> Head:
    """Servers differ in whether `path` holds `root_path`; routes never do. A root that ends with a slash is
    taken off without it, as Starlette does."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not path.startswith(root + "/"):
        root = root.rstrip("/")
    inside = path == root or path.startswith(root + "/")
    headers = tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"])
    return Head(
        method=scope["method"],
        scheme=scope.get("scheme", "http"),
        path=path if inside else root + path,
        route=(path[len(root) :] if inside else path) or "/",
        query=scope.get("query_string", b""),
        headers=headers,
    )


def _start(response: StoredResponse) -> Message:
    return {"type": "http.response.start", "status": response.status, "headers": list(response.headers)}


async def _send(send: Send, response: StoredResponse) -> None:
    with suppress(OSError):  # The client has gone: it will ask again, and the answer is kept.
        await send(_start(response))
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
