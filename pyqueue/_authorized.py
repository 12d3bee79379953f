"""Authorized: requests bear what says who sends them, where the declaration lets it go."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from ._auth import Auth, token_and_life
from ._context import AuthContext, HTTPClient
from ._csrf import NoToken
from ._destinations import Destinations
from ._errors import RetryLater
from ._http import HTTPStatusError, Request, Response, TransportError, bearing, without
from ._ports import Clock, Transport
from ._redirect import redirect_of
from ._vocabulary import ErrorCode

KEEP: Final = 10.0
"""Seconds for which a token of a URL is used again, if its answer does not say."""

Headers = dict[str, str]


class Authorizations:
    """What a queue's `auth` provides, and in the worker's memory alone for as long as it is good.

    Args:
        auth: the declaration.
        clock: the port.
    """

    def __init__(self, auth: Auth, clock: Clock) -> None:
        self.auth = auth
        self._clock = clock
        self._kept: tuple[str, Headers, float, float] | None = None
        self._turn = asyncio.Lock()

    async def read(self, transport: Transport, principal: str, refused: Headers | None = None) -> Headers:
        """The headers to send.

        Args:
            transport: by which they are asked for.
            principal: whose request it is. What was kept for another is not used.
            refused: what the server has just refused; it is not returned again.

        Raises:
            NoToken: there are none.
        """
        if self.auth.provider is not None:
            return await self._ask(transport, principal, refused)
        async with self._turn:
            if self._kept is not None:
                whose, headers, at, until = self._kept
                if whose == principal and headers != refused and at <= self._clock.now() < until:
                    return headers
                self._kept = None
            headers, life = await self._fetch(transport)
            if headers == refused:
                raise NoToken("there is no other token than the one that was refused", ErrorCode.UNAUTHORIZED)
            now = self._clock.now()
            self._kept = (principal, headers, now, now + (KEEP if life is None else life))
            return headers

    async def _fetch(self, transport: Transport) -> tuple[Headers, float | None]:
        url, timeout = self.auth.url or "", self.auth.timeout
        try:
            response = await transport.send(Request("GET", url, timeout=timeout))
        except TransportError as error:
            raise NoToken(f"there is no token: {url} did not answer: {error}", error.kind) from None
        found = token_and_life(response)
        headers = None if found is None else self.auth.headers_of(found[0])
        if found is None or headers is None:
            raise _missing(url, response)
        return headers, found[1]

    async def _ask(self, transport: Transport, principal: str, refused: Headers | None) -> Headers:
        client = HTTPClient(transport, None, self.auth.timeout)
        provided = await _within(
            self.auth.timeout, self._provided(AuthContext(principal, refused is not None, client))
        )
        if isinstance(provided, NoToken):
            raise provided
        if provided == refused:
            raise NoToken("the auth provider has no other than what was refused", ErrorCode.UNAUTHORIZED)
        return provided

    async def _provided(self, context: AuthContext) -> Headers | NoToken:
        """What the provider gives. What it raises may hold a secret, so no more is told than its type."""
        assert self.auth.provider is not None
        try:
            provided = await self.auth.provider(context)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except NoToken as error:
            return error
        except HTTPStatusError as error:
            return _missing("the auth provider's request", error.response)
        except TransportError as error:
            return NoToken("there is no token: the auth provider's request had no answer", error.kind)
        except RetryLater:
            return NoToken("there is no token: the auth provider asks to try again later")
        except BaseException as error:  # User code: it may also call `sys.exit`.
            return NoToken(f"there is no token: the auth provider raised {type(error).__name__}")
        if provided is None:
            return NoToken("the auth provider says that nobody is signed in", ErrorCode.UNAUTHORIZED)
        headers = self.auth.headers_of(provided)
        return NoToken("the auth provider returned what no header can bear") if headers is None else headers


class Authorized:
    """The transport of one attempt, over another. Implements `pyqueue._ports.Transport`.

    Args:
        transport: that sends.
        destinations: where the headers may go.
        authorizations: what they are.
        principal: whose attempt it is.
    """

    def __init__(
        self, transport: Transport, destinations: Destinations, authorizations: Authorizations, principal: str
    ) -> None:
        self._transport = transport
        self._destinations = destinations
        self._authorizations = authorizations
        self._principal = principal

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. A request that is answered 401 is sent once more, if there is another token.

        Raises:
            NoToken: there is no token; nothing was sent.
        """
        other = self._destinations.find(request.url)
        if other is not None and not other.auth:
            return await self._transport.send(request)
        headers = await self._authorizations.read(self._transport, self._principal)
        response = await self._transport.send(bearing(request, headers))
        if response.status != 401:
            return without(response, _parts(headers))
        try:
            fresh = await self._authorizations.read(self._transport, self._principal, headers)
        except NoToken:
            return without(response, _parts(headers))  # The refusal stands.
        response = await self._transport.send(bearing(request, fresh))
        return without(response, _parts(headers, fresh))


def _parts(*headers: Headers) -> set[str]:
    """What is secret in headers: each word of their values."""
    return {part for one in headers for value in one.values() for part in value.split()}


def _missing(what: str, response: Response) -> NoToken:
    redirect = redirect_of(response)
    if response.status in (401, 403) or response.redirected or (redirect is not None and redirect.login):
        return NoToken(f"nobody is signed in: {what} was answered {response.status}", ErrorCode.UNAUTHORIZED)
    return NoToken(f"there is no token: {what} was answered {response.status} without one")


async def _within(seconds: float, work: Coroutine[Any, Any, Headers | NoToken]) -> Headers | NoToken:
    """What a provider gives within its time. One that does not end when it is cancelled is left behind."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        return NoToken(f"there is no token: the auth provider took more than {seconds:g} seconds")
    if task.cancelled():
        return NoToken("there is no token: the auth provider was cancelled")
    return task.result()
