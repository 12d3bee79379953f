"""Outgoing: where requests may go, and what those to the site's own origin bear besides: whose they are, a
CSRF token, the figures of the queue.

None of it goes to another origin: it is none of its business, and each further header would have to be
allowed there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import unquote

from ._core.events import Send
from ._csrf import Csrf, NoToken, is_token, token_in, without_tokens
from ._destinations import Destinations
from ._http import Request, Response, TransportError, bearing
from ._ports import Clock, Site, Transport
from ._principal import HEADER, to_header
from ._problem import is_csrf_refusal

KEEP: Final = 10.0
"""Seconds for which a token that cost a request, or a page's answer, is used again. One that has become stale
meanwhile is refused, and read anew."""

TRIES: Final = 4
"""Tokens with which a request is sent at most: each page that was loaded before a login has a stale one of
its own."""

URL_TIMEOUT: Final = 10.0
"""Seconds that the URL of a token may take to answer."""

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that need no token (RFC 9110 9.2.1)."""


class Tokens:
    """The CSRF tokens of a queue.

    Args:
        csrf: where they come from.
        transport, site, clock: the ports.
    """

    def __init__(self, csrf: Csrf, transport: Transport, site: Site, clock: Clock) -> None:
        self.csrf = csrf
        self._transport = transport
        self._site = site
        self._clock = clock
        self._kept: tuple[str, float] | None = None

    async def read(self, refused: Collection[str] = ()) -> str:
        """The present token.

        Args:
            refused: tokens that the server has just refused; none of them is returned again.

        Raises:
            NoToken: no source has one, or none but refused ones.
        """
        csrf, missing = self.csrf, []
        if csrf.cookie is not None:
            token = unquote(await self._site.cookie(csrf.cookie, refused) or "")
            if is_token(token) and token not in refused:
                return token
            missing.append(f"the cookie {csrf.cookie} cannot be read")
        if self._kept is not None:
            token, at = self._kept
            if token not in refused and at <= self._clock.now() < at + KEEP:
                return token
            self._kept = None
        if csrf.meta is not None:
            token = await self._site.meta(csrf.meta, refused) or ""
            if is_token(token) and token not in refused:
                return self._keep(token)
            missing.append(f"no open page has it in a meta {csrf.meta}")
        code: dict[str, str] = {}
        if csrf.url is not None:
            try:
                response = await self._transport.send(Request("GET", csrf.url, timeout=URL_TIMEOUT))
                if (found := token_in(response)) is not None and found not in refused:
                    return self._keep(found)
                missing.append(f"{csrf.url} answered {response.status} without it")
            except TransportError as error:
                missing.append(f"{csrf.url} did not answer: {error}")
                code = {"code": error.kind}
        raise NoToken(f"there is no CSRF token: {', '.join(missing)}", **code)

    def _keep(self, token: str) -> str:
        self._kept = (token, self._clock.now())
        return token


class Outgoing:
    """The transport of one attempt. Implements `pyqueue._ports.Transport`.

    Args:
        transport: that sends.
        destinations: where it may send.
        headers: that each request to the site has.
        tokens: for requests that change something; `None`: the site asks for none.
    """

    def __init__(
        self,
        transport: Transport,
        destinations: Destinations,
        headers: Mapping[str, str],
        tokens: Tokens | None,
    ) -> None:
        self._transport = transport
        self._destinations = destinations
        self._headers = headers
        self._tokens = tokens

    async def send(self, request: Request) -> Response:
        """See `Transport.send`. A request whose token is refused is sent with another, if there is one.

        Raises:
            InvalidRequest: it may not go there; nothing was sent.
            NoToken: there is no token; nothing was sent.
        """
        request = self._destinations.addressed(request)
        if request.origin is not None:
            return await self._transport.send(request)
        request = bearing(request, self._headers)
        tokens = self._tokens
        if tokens is None:
            return await self._transport.send(request)
        if request.method in SAFE:
            return without_tokens(await self._transport.send(request), tokens.csrf)
        token = await tokens.read()
        response = await self._transport.send(bearing(request, {tokens.csrf.header: token}))
        sent = [token]
        while is_csrf_refusal(response) and len(sent) < TRIES:
            try:
                sent.append(await tokens.read(refused=sent))
            except NoToken:
                break  # The refusal stands.
            response = await self._transport.send(bearing(request, {tokens.csrf.header: sent[-1]}))
        return without_tokens(response, tokens.csrf, *sent)


def own_headers(send: Send, now: float, *, fleet: bool = True) -> dict[str, str]:
    """What each request of an attempt tells the site.

    Args:
        send: the attempt.
        now: Unix time in seconds. However the clock was set meanwhile, no age is below 0.
        fleet: how this queue does, too, for the site to count.

    Returns:
        `Pyqueue-Principal`: whose it is, if the site says who is signed in. `Pyqueue-Depth`: jobs that are
        not settled; `Pyqueue-Oldest-Age`: whole seconds since the oldest of them was enqueued;
        `Pyqueue-Attempt`: 1 for a job's first attempt.
    """
    named = {} if send.principal is None else {HEADER: to_header(send.principal)}
    if not fleet:
        return named
    return {
        **named,
        "Pyqueue-Depth": str(send.depth),
        "Pyqueue-Oldest-Age": str(max(0, int(now - send.oldest_at))),
        "Pyqueue-Attempt": str(send.job.attempts),
    }
