"""A request as ASGI gives it, and an answer as it takes one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

from .decisions import Head
from .rules import CLAIM
from .stores import Claimed, StoredResponse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_NOT_KEPT = frozenset(["http.response.pathsend", "http.response.trailers", "http.response.zerocopysend"])
"""Extensions by which an answer could not be kept: the application is not offered them."""


class TooLarge(Exception):
    """The body is over its limit."""


@contextmanager
def offered(scope: Scope, claim: Claimed) -> Iterator[None]:
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


def head_of(scope: Scope) -> Head:
    """The request without its body.

    Servers differ in whether `path` holds `root_path`; routes never do. A root that ends with a slash is
    taken off without it, as Starlette does.
    """
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


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; `None` when the client went before it was complete.

    Raises:
        TooLarge: it has more than `limit` bytes.
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
            raise TooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def start_message(response: StoredResponse) -> Message:
    """The first message of an answer."""
    return {"type": "http.response.start", "status": response.status, "headers": list(response.headers)}


async def send_whole(send: Send, response: StoredResponse) -> None:
    """Sends an answer."""
    with suppress(OSError):  # The client has gone: it will ask again, and the answer is kept.
        await send(start_message(response))
        await send({"type": "http.response.body", "body": response.body, "more_body": False})
