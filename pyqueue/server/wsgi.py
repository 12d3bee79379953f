"""WSGI middleware: a request with an `Idempotency-Key` takes effect once, however often it is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from http.client import responses
from io import BytesIO
from typing import Any, Unpack

from .._errors import DeclarationError
from .bodies import Unreadable, read_wsgi
from .events import Kind
from .lease import SyncLease
from .rules import CLAIM, Head, Keyed, Options, Passes, Refused, Release, Rules, Unreachable
from .stores import Claimed, IdempotencyStore, InFlight, Outcome, StoredResponse

Environ = MutableMapping[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
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
        head = _head(environ)
        match self._rules.judge(head):
            case Passes():
                return self.app(environ, start_response)
            case Refused(response):
                return send_response(start_response, self._rules.refused(response, head))
            case Keyed() as keyed:
                try:
                    body = read_wsgi(environ, self._rules.max_body)
                except Unreadable as refused:
                    return send_response(
                        start_response, self._rules.refused(refused.response, head, keyed.key)
                    )
                return self._answer(environ, start_response, keyed, body)

    def _answer(
        self, environ: Environ, start_response: StartResponse, keyed: Keyed, body: bytes
    ) -> Iterable[bytes]:
        key = self._rules.store_key(keyed, self._principal(environ) if self._principal else None)
        outcome = self._claim(key, self._rules.fingerprint(keyed, body), self._rules.pauses(keyed))
        if isinstance(outcome, Claimed):
            environ[CLAIM] = outcome
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
            lease = SyncLease(self._store, outcome, keyed.report)
            return _Attempt(self._rules, keyed, lease, start_response).run(self.app, environ)
        return send_response(start_response, self._rules.instead(outcome, keyed))

    def _claim(self, key: str, digest: bytes, pauses: Iterator[float]) -> Outcome | Unreachable:
        """Claims the key, waiting a while for another attempt."""
        while True:
            try:
                outcome = self._store.claim(key, digest, lease=self._rules.lease, ttl=self._rules.ttl)
            except Exception as error:
                return Unreachable(error)
            pause = next(pauses, None) if isinstance(outcome, InFlight) else None
            if pause is None:
                return outcome
            time.sleep(pause)


class _Attempt:
    """One run of the application: its answer is collected, kept, and then sent on."""

    def __init__(self, rules: Rules, keyed: Keyed, lease: SyncLease, start_response: StartResponse):
        self._rules = rules
        self._keyed = keyed
        self._lease = lease
        self._start_response = start_response
        self._answer = rules.answer(keyed)
        self._line = ""
        self._passed_head = False
        self._settled = False

    def run(self, app: App, environ: Environ) -> Iterable[bytes]:
        """The answer to send: all of it, or for a large one what comes."""
        self._lease.start()
        chunks: Iterable[bytes] = ()
        try:
            chunks = app(environ, self._receive_start)
            parts = iter(chunks)
            for chunk in parts:
                self._answer.add(chunk)
                if self._answer.passing:
                    return _Passing(self, self._pass_on(parts), parts, chunks)
            if not self._answer.started:
                raise RuntimeError("the application returned without calling start_response")
            self._settle()
        except BaseException as error:
            self._break_off(error)
            _close(chunks)
            raise
        if self._answer.passing:
            return _Passing(self, self._pass_on(iter(())), iter(()), chunks)
        whole = self._rules.shown(self._answer.whole, self._keyed)
        line = self._line if whole.status == self._answer.head.status else _line(whole.status)
        self._start_response(line, _texts(whole))
        return _Passing(self, iter([whole.body]), iter(()), chunks)

    def _receive_start(self, status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
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
        self._start_response(self._line, _texts(self._rules.let_through(self._answer.head, self._keyed)))
        try:
            for chunk in parts:
                yield self._answer.take()
                self._answer.add(chunk)
        except Exception as error:  # Of the application: what it made so far is not the whole.
            self._break_off(error)
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
            self._break_off(error)
            raise

    def _break_off(self, error: BaseException) -> None:
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
        self, attempt: _Attempt, body: Iterator[bytes], parts: Iterator[bytes], chunks: Iterable[bytes]
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


def _head(environ: Mapping[str, Any]) -> Head:
    route = _decoded(environ.get("PATH_INFO", "")) or "/"
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    if environ.get("CONTENT_TYPE"):
        headers.append((b"content-type", environ["CONTENT_TYPE"].encode("latin-1")))
    return Head(
        method=environ["REQUEST_METHOD"],
        scheme=environ.get("wsgi.url_scheme", "http"),
        path=_decoded(environ.get("SCRIPT_NAME", "")) + route,
        route=route,
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=tuple(headers),
    )


def _decoded(text: str) -> str:
    """A path, whose bytes WSGI gives as if they were latin-1 (PEP 3333)."""
    return text.encode("latin-1").decode("utf-8", "replace")


def _line(status: int) -> str:
    return f"{status} {responses.get(status, 'Unknown')}"


def _texts(response: StoredResponse) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]


def send_response(start_response: StartResponse, response: StoredResponse) -> Iterable[bytes]:
    """Answers with a response of our own."""
    start_response(_line(response.status), _texts(response))
    return [response.body]
