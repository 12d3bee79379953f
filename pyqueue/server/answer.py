"""One answer of the application: collected as it comes, judged whole or not, and made fit to be kept."""

from __future__ import annotations

from collections.abc import Iterable

from . import codings
from .stores import StoredResponse

Header = tuple[bytes, bytes]

MAX_HEADERS = 64 * 1024
"""Bytes of headers that are kept. Of more, only those that say where and what the answer is."""

_FIRST_ONLY = frozenset(
    [
        # Hop-by-hop (RFC 9110 7.6.1): of one connection.
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        # A session may have ended, and been replaced, since.
        b"set-cookie",
        # Of one exchange.
        b"date",
        b"server",
    ]
)
"""Headers of the first answer that a replay does not have."""

_OF_THE_BODY = frozenset([b"etag", b"digest", b"content-digest", b"repr-digest"])
_ESSENTIAL = frozenset([b"content-type", b"content-encoding", b"content-length", b"location"])
_CODED_MAX = 64 * 1024 * 1024


class Answer:
    """Collects an answer. One over `limit` bytes is let through as it comes instead of being held.

    Args:
        method: of the request.
        limit: bytes of a body that are held, and kept.
    """

    def __init__(self, method: str, limit: int):
        self._has_body = method != "HEAD"
        self._limit = limit
        self._status = 0
        self._headers: tuple[Header, ...] = ()
        self._chunks: list[bytes] = []
        self._size = 0
        self.started = False
        self.passing = False
        """Whether it is let through."""

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Its status and headers have come; again only if nothing of it was let through."""
        self._status = status
        self._headers = tuple((bytes(name).lower(), bytes(value)) for name, value in headers)
        self._chunks.clear()
        self._size = 0
        self.started = True

    def add(self, chunk: bytes) -> None:
        """A part of its body has come."""
        self._size += len(chunk)
        self._chunks.append(chunk)
        self.passing = self.passing or self._size > self._limit

    def take(self) -> bytes:
        """What is held of the body, which is then no longer held: for an answer that is let through."""
        body = b"".join(self._chunks)
        self._chunks.clear()
        return body

    @property
    def head(self) -> StoredResponse:
        """Status and headers, as the application gave them."""
        return StoredResponse(self._status, self._headers)

    @property
    def whole(self) -> StoredResponse:
        """All of it, as the application gave it."""
        return StoredResponse(self._status, self._headers, b"".join(self._chunks))

    def is_cut_short(self) -> bool:
        """Whether an answer that has ended has another length than it announced."""
        if not self._has_body or self._status in (204, 304):
            return False
        size = str(self._size).encode().lstrip(b"0")  # Python refuses to convert thousands of digits.
        lengths = [value for name, value in self._headers if name == b"content-length"]
        return any(not value.isdigit() or value.lstrip(b"0") != size for value in lengths)

    def kept(self) -> StoredResponse:
        """What there is to keep: without what only its first reader may have, and without a body that was
        let through."""
        kept = StoredResponse(self._status, replayable(self._headers), b"".join(self._chunks))
        return without_body(kept) if self.passing else kept


def replayable(headers: Iterable[Header]) -> tuple[Header, ...]:
    """The headers of an answer that anyone may have who repeats its request, at most `MAX_HEADERS` bytes."""
    kept = tuple((name, value) for name, value in headers if name not in _FIRST_ONLY)
    if sum(len(name) + len(value) for name, value in kept) > MAX_HEADERS:
        kept = tuple((n, v) for n, v in kept if n in _ESSENTIAL and len(v) < MAX_HEADERS // 8)
    return kept


def without_body(response: StoredResponse) -> StoredResponse:
    """An answer of which only status and headers are left."""
    headers = tuple(
        (n, v) for n, v in response.headers if n not in _OF_THE_BODY and not n.startswith(b"content-")
    )
    return StoredResponse(response.status, (*headers, (b"content-length", b"0")))


def readable(response: StoredResponse, accept_encoding: str) -> StoredResponse:
    """An answer in a coding that the client takes: as it is, decoded, or else without its body.

    Args:
        response: the answer that was kept for another request, or an earlier one.
        accept_encoding: of the request. Who names no coding takes none.
    """
    coding = b",".join(v for n, v in response.headers if n == b"content-encoding").decode("latin-1").lower()
    takes = codings.accepted(accept_encoding)
    if not coding or coding in takes or "*" in takes or not response.body:
        return response
    body = codings.decoded(coding, response.body, _CODED_MAX)
    if body is None:
        return without_body(response)
    headers = tuple(
        (n, v)
        for n, v in response.headers
        if n not in _OF_THE_BODY and n not in (b"content-encoding", b"content-length")
    )
    return StoredResponse(response.status, (*headers, (b"content-length", str(len(body)).encode())), body)
