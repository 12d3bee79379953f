"""WSGI middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Unpack

from .._errors import DeclarationError
from ._environ import (
    App,
    Environ,
    StartResponse,
    Unreadable,
    decoded,
    head_of,
    read_body,
    send_whole,
    status_line,
    texts,
)
from .decisions import Keyed, Passes, Refused, Release, Unreachable
from .events import Kind
from .files import BrowserFiles
from .lease import SyncLease
from .options import Options
from .rules import CLAIM, Rules
from .stores import Claimed, IdempotencyStore, InFlight, StoredResponse, SyncIdempotencyStore

Principal = Callable[[Environ], str | None]


class IdempotencyMiddleware:
    """Wraps a WSGI application, by the same rules as `pyqueue.server.IdempotencyMiddleware`.

    The operation is settled when the application's answer has ended: that is sent once the answer was kept.
    What a framework does when the answer is closed comes afterwards. The application finds its claim as
    `environ["pyqueue.claim"]`. It runs to its end even if the client has gone.

    Args:
        app: the application, like Flask's `app.wsgi_app`.
        store: where keys and answers are kept; its blocking face is used.
        principal: the name of whose request it is, from the environment. `None`: nobody is signed in. Keys of
            different principals never meet.
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
        self._principal = principal
        self._rules = Rules(store, principal, options)
        if not hasattr(store, "sync"):
            raise DeclarationError("store has no `sync`: give one that can be used without an event loop")
        self._store = store.sync

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        head = head_of(environ)
        match self._rules.judge(head):
            case Passes():
                return self.app(environ, start_response)
            case Refused(response):
                return send_whole(start_response, self._rules.refused(response, head))
            case Keyed() as keyed:
                try:
                    body = read_body(environ, keyed.rules.max_body)
                except Unreadable as refused:
                    return send_whole(start_response, self._rules.refused(refused.response, head, keyed.key))
                return self._answer(environ, start_response, keyed, body)

    def _answer(
        self, environ: Environ, start_response: StartResponse, keyed: Keyed, body: bytes
    ) -> Iterable[bytes]:
        principal = self._principal(environ) if self._principal else None
        admitted = admit(self._store, keyed, principal, body)
        if not isinstance(admitted, Claimed):
            return send_whole(start_response, admitted)
        environ[CLAIM] = admitted
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        lease = SyncLease(self._store, admitted, keyed.report)
        return Attempt(keyed, lease, start_response).run(self.app, environ)


def assets(tasks: str | Path | None = None, directory: str | Path | None = None) -> App:
    """`pyqueue.server.assets` for WSGI: mount it at `/pyqueue` with `SCRIPT_NAME`, as Werkzeug's
    `DispatcherMiddleware` does."""
    files = BrowserFiles(tasks, directory)

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = files.answer(
            environ["REQUEST_METHOD"],
            decoded(environ.get("PATH_INFO", "")).removeprefix("/"),
            accept_encoding=environ.get("HTTP_ACCEPT_ENCODING", ""),
            if_none_match=environ.get("HTTP_IF_NONE_MATCH", ""),
        )
        return send_whole(start_response, answer)

    return app


def admit(
    store: SyncIdempotencyStore, keyed: Keyed, principal: object, body: bytes
) -> Claimed | StoredResponse:
    """See `idempotency.admit`."""
    rules = keyed.rules
    key = rules.store_key(keyed, principal)
    if (refusal := rules.stranger(keyed, principal)) is not None:
        return refusal
    digest, pauses = rules.fingerprint(keyed, body), rules.pauses()
    while True:
        try:
            outcome = store.claim(key, digest, lease=rules.lease, ttl=rules.ttl)
        except Exception as error:
            return rules.instead(Unreachable(error), keyed)
        if isinstance(outcome, Claimed):
            return outcome
        pause = next(pauses, None) if isinstance(outcome, InFlight) else None
        if pause is None:
            return rules.instead(outcome, keyed)
        time.sleep(pause)


class Attempt:
    """One run of the application: its answer is collected, kept, and then sent on."""

    def __init__(self, keyed: Keyed, lease: SyncLease, start_response: StartResponse):
        self._rules = keyed.rules
        self._keyed = keyed
        self._lease = lease
        self._start_response = start_response
        self._answer = keyed.rules.answer(keyed)
        self._line = ""
        self._passed_head = False
        self._settled = False

    def run(self, app: App, environ: Environ) -> Iterable[bytes]:
        """What the server gets of the application."""
        self.begin()
        try:
            chunks = app(environ, self.receive_start)
        except BaseException as error:
            self.break_off(error)
            raise
        return self.collect(chunks)

    def begin(self) -> None:
        """The application runs from here on: the lease is renewed."""
        self._lease.start()

    def collect(self, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """The answer to send, of what the application returned: all of it, or for a large one what comes."""
        try:
            parts = iter(chunks)
            for chunk in parts:
                self._answer.add(chunk)
                if self._answer.passing:
                    return _Passing(self, self._pass_on(parts), parts, chunks)
            if not self._answer.started:
                raise RuntimeError("the application returned without calling start_response")
            self._settle()
        except BaseException as error:
            self.break_off(error)
            _close(chunks)
            raise
        if self._answer.passing:
            return _Passing(self, self._pass_on(iter(())), iter(()), chunks)
        whole = self._rules.shown(self._answer.whole, self._keyed)
        line = self._line if whole.status == self._answer.head.status else status_line(whole.status)
        self._start_response(line, texts(whole))
        return _Passing(self, iter([whole.body]), iter(()), chunks)

    def receive_start(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
        """The application's `start_response`."""
        if exc_info is not None and self._passed_head:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._answer.started:
            raise RuntimeError("start_response was called twice")
        self._line = status
        pairs = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        self._answer.start(int(status[:3]), pairs)
        return self._answer.add

    def _pass_on(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """A large answer as it comes. Its last part is sent once the rest is settled."""
        self._passed_head = True
        self._start_response(self._line, texts(self._rules.let_through(self._answer.head, self._keyed)))
        try:
            for chunk in parts:
                yield self._answer.take()
                self._answer.add(chunk)
        except Exception as error:  # Of the application: what it made so far is not the whole.
            self.break_off(error)
            raise
        self._settle()
        yield self._answer.take()

    def finish(self, parts: Iterator[bytes]) -> None:
        """Settles an answer that the server does not want to its end: its client has gone, or it broke off.
        The application still runs to its end."""
        try:
            for chunk in () if self._settled else parts:
                self._answer.add(chunk)
                self._answer.take()
            self._settle()
        except BaseException as error:
            self.break_off(error)
            raise

    def break_off(self, error: BaseException) -> None:
        """The application raised. Without a whole answer the key is released."""
        if not self._settled:
            self._settled = True
            status = self._answer.head.status if self._answer.started else None
            self._lease.settle(Release(Kind.CUT_SHORT, status, error))

    def _settle(self) -> None:
        if not self._settled:
            ending = self._rules.ending(self._answer, self._keyed)
            self._settled = True
            self._lease.settle(ending)


class _Passing:
    """A body for the server, whose end settles the attempt and closes the application's.

    Args:
        attempt: whose it is.
        body: what the server sends.
        parts: what the application has not made yet.
        chunks: the application's own body.
    """

    def __init__(
        self, attempt: Attempt, body: Iterator[bytes], parts: Iterator[bytes], chunks: Iterable[bytes]
    ):
        self._attempt = attempt
        self._body = body
        self._parts = parts
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return self._body

    def close(self) -> None:
        """Called by the server when all was sent, or nothing more can be."""
        try:
            self._attempt.finish(self._parts)
        finally:
            _close(self._chunks)


def _close(chunks: Iterable[bytes]) -> None:
    if (close := getattr(chunks, "close", None)) is not None:
        close()
