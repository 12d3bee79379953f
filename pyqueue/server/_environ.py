"""A request as WSGI gives it (PEP 3333), and an answer as it takes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from http.client import responses
from typing import Any

from . import protocol
from .answer import Header
from .decisions import Head
from .stores import StoredResponse

Environ = MutableMapping[str, Any]
StartResponse = Callable[..., Callable[[bytes], object]]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_READ_AT_ONCE = 64 * 1024


class Unreadable(Exception):
    """The body cannot be taken; `response` says why."""

    def __init__(self, response: StoredResponse):
        self.response = response


def read_body(environ: Environ, limit: int) -> bytes:
    """The whole body: of the announced length, or to its end where the server says that it has one."""
    announced = environ.get("CONTENT_LENGTH") or ""
    ends_by_itself = not announced and environ.get("wsgi.input_terminated", False)
    wanted = limit + 1 if ends_by_itself else _length(announced, limit)
    chunks: list[bytes] = []
    while wanted > 0 and (chunk := environ["wsgi.input"].read(min(wanted, _READ_AT_ONCE))):
        chunks.append(chunk)
        wanted -= len(chunk)
    if ends_by_itself and wanted == 0:
        raise Unreadable(protocol.too_large(limit))
    if not ends_by_itself and wanted > 0:
        raise Unreadable(protocol.body_incomplete())
    return b"".join(chunks)


def _length(announced: str, limit: int) -> int:
    """Bytes, by a `Content-Length`; without one there are none."""
    if announced and not (announced.isascii() and announced.isdigit()):
        raise Unreadable(protocol.length_invalid())
    digits = announced.lstrip("0") or "0"
    # Python refuses to convert thousands of digits.
    if len(digits) > len(str(limit)) or int(digits) > limit:
        raise Unreadable(protocol.too_large(limit))
    return int(digits)


def head_of(environ: Mapping[str, Any]) -> Head:
    """The request without its body."""
    route = decoded(environ.get("PATH_INFO", "")) or "/"
    return Head(
        method=environ["REQUEST_METHOD"],
        scheme=environ.get("wsgi.url_scheme", "http"),
        path=decoded(environ.get("SCRIPT_NAME", "")) + route,
        route=route,
        query=environ.get("QUERY_STRING", "").encode("latin-1"),
        headers=headers_of(environ),
    )


def headers_of(environ: Mapping[str, Any]) -> tuple[Header, ...]:
    """The request's headers."""
    headers = [
        (name[5:].replace("_", "-").lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    if environ.get("CONTENT_TYPE"):
        headers.append((b"content-type", environ["CONTENT_TYPE"].encode("latin-1")))
    return tuple(headers)


def decoded(text: str) -> str:
    """A path, whose bytes WSGI gives as if they were latin-1 (PEP 3333)."""
    return text.encode("latin-1").decode("utf-8", "replace")


def status_line(status: int) -> str:
    """A status as `start_response` takes it."""
    return f"{status} {responses.get(status, 'Unknown')}"


def texts(response: StoredResponse) -> list[tuple[str, str]]:
    """Headers as `start_response` takes them."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]


def send_whole(start_response: StartResponse, response: StoredResponse) -> Iterable[bytes]:
    """Sends an answer: what the application returns to the server."""
    start_response(status_line(response.status), texts(response))
    return [response.body]
