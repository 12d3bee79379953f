"""Reading a request's whole body, as ASGI and WSGI servers give it, up to a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from . import protocol
from .stores import StoredResponse

_READ_AT_ONCE = 64 * 1024


class Unreadable(Exception):
    """The body cannot be taken.

    Attributes:
        response: what the client is to be told.
    """

    def __init__(self, response: StoredResponse):
        self.response = response


async def read_asgi(receive: Callable[[], Awaitable[MutableMapping[str, Any]]], limit: int) -> bytes | None:
    """The whole body; `None` when the client went before it was complete.

    Args:
        receive: ASGI's.
        limit: bytes.

    Raises:
        Unreadable: it is over the limit.
    """
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise Unreadable(protocol.too_large(limit))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def read_wsgi(environ: MutableMapping[str, Any], limit: int) -> bytes:
    """The whole body: of the announced length, or to its end where the server says that it has one.

    Args:
        environ: WSGI's.
        limit: bytes.

    Raises:
        Unreadable: it is over the limit, or ends early.
    """
    announced = environ.get("CONTENT_LENGTH") or ""
    ends_by_itself = not announced and environ.get("wsgi.input_terminated", False)
    wanted = limit + 1 if ends_by_itself else int(announced) if announced.isdigit() else 0
    if not ends_by_itself and wanted > limit:
        raise Unreadable(protocol.too_large(limit))
    chunks: list[bytes] = []
    while wanted > 0 and (chunk := environ["wsgi.input"].read(min(wanted, _READ_AT_ONCE))):
        chunks.append(chunk)
        wanted -= len(chunk)
    if ends_by_itself and wanted == 0:
        raise Unreadable(protocol.too_large(limit))
    if not ends_by_itself and wanted > 0:
        raise Unreadable(protocol.body_incomplete())
    return b"".join(chunks)
