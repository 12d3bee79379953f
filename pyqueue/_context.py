"""What a task function is given besides its payload: its job, and an HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack, get_args

from ._csrf import NoToken
from ._errors import InvalidRequest
from ._fetch_rules import wrong_header, wrong_method
from ._http import Encoding, HTTPStatusError, Request, Response, bearing, quote_key
from ._ports import Transport
from ._record import JobRecord
from ._redirect import send_following
from ._text import shown


class RequestOptions(TypedDict, total=False):
    """The options of `HTTPClient.request`."""

    body: Any
    headers: Mapping[str, str] | None
    encoding: Encoding


@dataclass(slots=True)
class HTTPClient:
    """The HTTP client of a task. Every request carries an idempotency key.

    The first request of an attempt has the job's key, the n-th the key with `/n` behind it: a task that
    makes the same requests in the same order repeats the same keys. Requests of an auth provider have none:
    an answer that is replayed would be an old token.

    Attributes:
        sent: how many requests have left.
        answer: the last answer; `None` while there is none.
    """

    _transport: Transport
    _key: str | None
    _timeout: float
    _made: int = 0
    sent: int = 0
    answer: Response | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        encoding: Encoding = "auto",
    ) -> Response:
        """Sends one request and returns its 2xx answer.

        Args:
            method: as `POST`.
            url: absolute, or relative to the site's root.
            body: text, bytes, a `Blob`, or a mapping to be encoded.
            headers: further headers.
            encoding: of a mapping: `json`, `form`, `multipart`, or `auto`: `multipart` if it holds a file,
                else `json`.

        Raises:
            HTTPStatusError: the answer is not 2xx.
            TransportError: there was no answer.
            InvalidRequest: no such request can be made; nothing was sent.
            NoToken: the queue has `csrf=` or `auth=`, and there is no token; nothing was sent.
        """
        request = self._request(method, url, body, headers or {}, encoding)
        self.sent += 1
        try:
            response = await send_following(self._transport, request)
        except (InvalidRequest, NoToken):
            self.sent -= 1
            raise
        self.answer = response
        if not response.ok:
            raise HTTPStatusError(response)
        return response

    async def post(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with the method POST."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with the method PUT."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with the method PATCH."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with the method DELETE."""
        return await self.request("DELETE", url, **options)

    async def get(self, url: str, **options: Unpack[RequestOptions]) -> Response:
        """`request` with the method GET."""
        return await self.request("GET", url, **options)

    def _request(self, method: Any, url: Any, body: Any, headers: Any, encoding: Any) -> Request:
        """Checks what `fetch` would refuse, or leave out, so that a test on CPython sees it too."""
        if (reason := wrong_method(method)) is not None:
            raise InvalidRequest(f"the method {shown(method)} cannot be sent: {reason}")
        method = method.upper()
        if not isinstance(url, str):
            raise InvalidRequest(f"{shown(url)} is no URL")
        for name, value in headers.items():
            if (reason := wrong_header(name, value)) is not None:
                raise InvalidRequest(f"the header {shown(name)}: {shown(value)} cannot be sent: {reason}")
        if body is not None and method in ("GET", "HEAD"):
            raise InvalidRequest(f"browsers send no body with {method}")
        if encoding not in get_args(Encoding):
            raise InvalidRequest(
                f"encoding is {shown(encoding)}; give one of {', '.join(get_args(Encoding))}"
            )
        self._made += 1
        request = Request(method, url, headers, body, encoding, self._timeout)
        if self._key is None:
            return request
        key = quote_key(self._key if self._made == 1 else f"{self._key}/{self._made}")
        return bearing(request, {"Idempotency-Key": key})


@dataclass(frozen=True, slots=True)
class AuthContext:
    """What an auth provider is given.

    Attributes:
        principal: whose request is to leave, as `identify` named them; empty: nobody, or the site never says.
        refused: whether the server has just refused what the provider gave before.
        http: a client to ask for a token with, at the site itself or at a declared origin. Its requests bear
            no idempotency key, and nothing of the provider's.
    """

    principal: str
    refused: bool
    http: HTTPClient


@dataclass(frozen=True, slots=True)
class Context:
    """What a task function gets besides its payload.

    Attributes:
        job: the job, with `attempts` counting this one.
        http: the client to send requests with.
    """

    job: JobRecord
    http: HTTPClient

    @property
    def idempotency_key(self) -> str:
        """The job's key, the same at every attempt."""
        return self.job.idempotency_key
