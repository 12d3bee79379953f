"""Requests and responses as the core knows them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ._errors import PyqueueError


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to send.

    Attributes:
        method: upper case.
        url: absolute, or relative to the site's root.
        headers: as they go out, the idempotency key among them.
        body: what to send: `None`, a `str`, `bytes`, or a value of the place (a `Blob`, a payload to encode).
        encoding: how a mapping becomes a body: `json`, `form`, `multipart`, or `auto` (`multipart` when it
            holds a file, else `json`). The same body is encoded to the same bytes at every attempt.
        timeout: seconds for the whole exchange.
        redirect: `follow`, or `manual`: a redirect is not followed but answered as `Response.redirected`.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    encoding: str = "auto"
    timeout: float = 30.0
    redirect: str = "manual"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer.

    Attributes:
        status: the HTTP status; 0 where a redirect was not followed.
        headers: names in lower case.
        body: the whole body.
        redirected: the server answered with a redirect that was not followed.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    redirected: bool = False

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


class TransportError(PyqueueError):
    """No answer: nothing is known about what the server did.

    Args:
        kind: `network`, `offline` (the browser says that there is no network) or `timeout`.
        message: the engine's own words.
    """

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind
