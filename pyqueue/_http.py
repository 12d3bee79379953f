"""Requests and responses as the core knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from ._errors import InvalidPayload, PyqueueError
from ._json import parse_json
from ._vocabulary import MAX_BODY, MAX_KEY

Encoding = Literal["auto", "json", "form", "multipart"]
"""How a mapping becomes a body; `auto`: `multipart` if it holds a file, else `json`."""

SECRET: Final = 8
"""Characters from which on a token is one: a site may as well ask for a constant such as `1`."""

Credentials = Literal["omit", "include"]
"""Whether the browser's cookies for another origin than the site's own go with a request."""

WITHOUT_BODY: Final = frozenset({"DELETE", "GET", "HEAD"})
"""Methods whose requests a route sends without a body."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request to send.

    Attributes:
        method: upper case.
        url: absolute, or relative to the site's root.
        headers: as they go out, the idempotency key among them.
        body: what to send: `None`, a `str`, `bytes`, or a value of the place (a `Blob`, a payload to encode).
        encoding: how a mapping becomes a body. The same body is encoded to the same bytes at every attempt.
        timeout: seconds for the whole exchange.
        redirect: `follow`, or `manual`: a redirect is not followed but answered as `Response.redirected`.
        origin: the one to which the URL must lead; `None`: the site's own. Elsewhere nothing is sent.
        credentials: for another origin than the site's own, to which cookies always go.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    encoding: Encoding = "auto"
    timeout: float = 30.0
    redirect: Literal["follow", "manual"] = "manual"
    origin: str | None = None
    credentials: Credentials = "omit"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Attributes:
        status: the HTTP status; 0 where a redirect was not followed.
        headers: names in lower case.
        body: the body, or its first `MAX_BODY` bytes.
        redirected: the server answered with a redirect that was not followed.
        truncated: the body was longer than `body`.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    redirected: bool = False
    truncated: bool = False

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
            ValueError: it is not JSON, is nested more than 100 deep, or is longer than 1 MiB.
        """
        if self.truncated:
            raise ValueError(f"the answer is longer than the {MAX_BODY} bytes that are read")
        return parse_json(self.body)


class HTTPStatusError(PyqueueError):
    """A task's request was answered with a status that is not 2xx.

    Left uncaught it means what the answer means: 503 is retried, 404 fails the job.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(f"the server answered {response.status}")
        self.response = response


class TransportError(PyqueueError):
    """No answer: nothing is known about what the server did.

    Args:
        kind: `network`, `offline` (the browser says that there is no network) or `timeout`.
        message: the engine's own words.
    """

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


def said(response: Response) -> Any:
    """What a source of tokens answered: the JSON value of its 2xx answer, else the text. Never raises.

    Returns:
        `None` for an answer that is no 2xx, or that was not read to its end.
    """
    if not response.ok or response.truncated:
        return None
    try:
        return parse_json(response.body)
    except ValueError:
        return response.text().strip()


def without(response: Response, secrets: Iterable[str]) -> Response:
    """An answer in which none of these texts is left: what is kept of it is stored and shown.

    Args:
        secrets: that were sent, in Latin-1. One of less than `SECRET` characters stays.
    """
    body = response.body
    for secret in secrets:
        if len(secret) >= SECRET:
            body = body.replace(secret.encode("latin-1"), b"")
    return response if body == response.body else replace(response, body=body)


def bearing(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with these headers, instead of whatever it had in them under any spelling."""
    given = {name.lower() for name in headers}
    others = {name: value for name, value in request.headers.items() if name.lower() not in given}
    return replace(request, headers={**others, **headers})


def quote_key(key: str) -> str:
    """An idempotency key as a header value: a structured-field string (RFC 9651 3.3.3).

    Raises:
        InvalidPayload: the key is empty, over 255 characters or not printable ASCII.
    """
    if not 1 <= len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise InvalidPayload(f"idempotency key {key!r} must be 1 to {MAX_KEY} characters of printable ASCII")
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
