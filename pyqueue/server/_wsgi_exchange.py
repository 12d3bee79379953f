"""One WSGI request whose key is claimed while the application runs, by the decorator of its view."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, Final

from ._environ import App, Environ, StartResponse
from .decisions import Keyed
from .lease import SyncLease
from .rules import CLAIM
from .stores import Claimed, SyncIdempotencyStore
from .wsgi import Attempt

EXCHANGE: Final = "pyqueue.exchange"
"""Where a decorator finds the `Exchange` of its request: in the environment."""


class Collector:
    """WSGI middleware that gives each request an `Exchange`. As long as no decorator claims a key, nothing is
    changed.

    Args:
        app: the application.
        longest_body: bytes of a body that is remembered as it is read.
    """

    def __init__(self, app: App, longest_body: int):
        self._app = app
        self._longest_body = longest_body

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        exchange = Exchange(start_response)
        environ[EXCHANGE] = exchange
        if "HTTP_IDEMPOTENCY_KEY" in environ:
            exchange.record(environ, self._longest_body)
        return exchange.run(self._app, environ)


class Exchange:
    """Stands between the server and the application, and remembers the body that passes."""

    def __init__(self, start_response: StartResponse):
        self._start_response = start_response
        self._body: _Recorded | None = None
        self._attempt: Attempt | None = None

    @property
    def is_claimed(self) -> bool:
        """Whether a key was claimed."""
        return self._attempt is not None

    def record(self, environ: Environ, longest_body: int) -> None:
        """Remembers the body as the application reads it."""
        self._body = environ["wsgi.input"] = _Recorded(environ["wsgi.input"], longest_body)

    def run(self, app: App, environ: Environ) -> Iterable[bytes]:
        """Runs the application, and returns what the server gets."""
        try:
            chunks = app(environ, self._receive_start)
        except BaseException as error:
            if self._attempt is not None:
                self._attempt.break_off(error)
            raise
        return chunks if self._attempt is None else self._attempt.collect(chunks)

    def body(self, rest: Callable[[], object]) -> bytes | None:
        """The whole body of the request; `None` if it is over its limit.

        Args:
            rest: reads what nobody has read: the request's own way, so that it can be read again.
        """
        assert self._body is not None, "a request that is keyed has a key"
        rest()
        return self._body.whole()

    def begin(self, environ: Environ, store: SyncIdempotencyStore, keyed: Keyed, claim: Claimed) -> None:
        """The key is claimed: what the application answers is collected, kept and sent on."""
        environ[CLAIM] = claim
        self._attempt = Attempt(keyed, SyncLease(store, claim, keyed.report), self._start_response)
        self._attempt.begin()

    def _receive_start(self, *arguments: Any) -> Callable[[bytes], object]:
        if self._attempt is not None:
            return self._attempt.receive_start(*arguments)
        return self._start_response(*arguments)


class _Recorded(io.RawIOBase):
    """An input that remembers what was read of it, up to a limit."""

    def __init__(self, source: Any, limit: int):
        self._source = source
        self._limit = limit
        self._read = bytearray()
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._source.read(len(buffer))
        buffer[: len(chunk)] = chunk
        self._size += len(chunk)
        if self._size <= self._limit:
            self._read += chunk
        else:
            self._read.clear()
        return len(chunk)

    def whole(self) -> bytes | None:
        """What was read; `None` if it is over the limit."""
        return bytes(self._read) if self._size <= self._limit else None
