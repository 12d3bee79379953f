"""Django's requests and responses as the rules know them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from typing import IO, Any

from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError

from ..._errors import DeclarationError
from .. import protocol
from .._environ import Unreadable, headers_of
from ..answer import Header
from ..decisions import Head
from ..stores import StoredResponse

_CHUNK = 64 * 1024


def head_of(request: HttpRequest) -> Head:
    """The request without its body. With a key its host is the one that Django allows, which behind a proxy
    may be told by another header."""
    headers = headers_of(request.META)
    if any(name == b"idempotency-key" for name, _ in headers):
        host = request.get_host().encode("latin-1", "replace")
        headers = (*((name, value) for name, value in headers if name != b"host"), (b"host", host))
    return Head(
        method=request.method or "",
        scheme=request.scheme or "",
        path=request.path,
        route=request.path_info,
        query=request.META.get("QUERY_STRING", "").encode("latin-1", "replace"),
        headers=headers,
    )


def read_body(request: Any, limit: int) -> bytes:
    """The whole body, which views can still read as if nobody had.

    Django parses a form with files from the stream, and then has no `request.body`. So the stream is read
    before, and another takes its place: `request.body` and `DATA_UPLOAD_MAX_MEMORY_SIZE` mean what they did.

    Raises:
        Unreadable: it is over `limit` bytes, or shorter than announced.
        DeclarationError: a middleware outside has read the stream.
    """
    announced = int(request.META.get("CONTENT_LENGTH") or 0)
    if announced > limit:
        raise Unreadable(protocol.too_large(limit))
    if request._read_started:
        try:
            return bytes(request.body)
        except RawPostDataException:
            raise DeclarationError(
                "a middleware has read the request's body before pyqueue could: in MIDDLEWARE put "
                "pyqueue.server.django.middleware.IdempotencyMiddleware before it"
            ) from None
    try:
        body = bytes(request.read(limit + 1))
    except UnreadablePostError:
        raise Unreadable(protocol.body_incomplete()) from None
    if len(body) > limit:
        raise Unreadable(protocol.too_large(limit))
    if len(body) < announced:
        raise Unreadable(protocol.body_incomplete())
    request._stream = BytesIO(body)
    request._read_started = False
    return body


def headers_of_response(response: Any) -> tuple[Header, ...]:
    """Without its cookies, which are of the first client."""
    return tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()
    )


def response_of(answer: StoredResponse) -> HttpResponse:
    """An answer as Django's middlewares outside take it."""
    response = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    add_headers(response, answer.headers)
    return response


def add_headers(response: Any, headers: tuple[Header, ...]) -> None:
    """Django's responses have each header once: of several with one name it is the list of all."""
    for name, value in headers:
        title, text = name.decode("latin-1").title(), value.decode("latin-1")
        response[title] = f"{response[title]}, {text}" if title in response else text


class _Drained:
    """A body that was streamed, from a file that is deleted when the response is closed."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        file.seek(0)

    def close(self) -> None:
        """Django calls it with the response's own."""
        self._file.close()


class Drained(_Drained):
    """For a server without an event loop."""

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            yield chunk


class AsyncDrained(_Drained):
    """For an event loop: Django warns of streams of the other kind."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := self._file.read(_CHUNK):
            yield chunk
