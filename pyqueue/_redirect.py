"""Redirects that the server half tells: browsers hide their status and target from a worker."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

from ._http import Request, Response
from ._ports import Transport
from ._problem import REDIRECT, json_of, type_of

FOLLOWED: Final = 5
"""Redirects that one request follows."""

SOURCE: Final = "Pyqueue-Redirected-From"
"""The header of a request that follows a redirect."""

MAX_SOURCE: Final = 4096
"""Characters of that header."""

_STATUSES: Final = frozenset({301, 302, 303, 307, 308})

_PLAIN: Final = re.compile(r"[!-\[\]-~]+")
"""Targets that Python and browsers read alike: browsers take `\\` for `/` and overlook tabs."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect as it was told.

    Attributes:
        status: of the application's answer.
        location: its target, without scheme and host if it is within the request's origin.
        login: whether it asks to sign in.
        source: what the server half calls the request that was redirected. The request to the target bears
            it, so that the server half knows both for the same.
    """

    status: int
    location: str
    login: bool
    source: str

    @property
    def repeats(self) -> bool:
        """Whether nothing was done, and the same request is to be sent to the target."""
        return self.status in (307, 308)


def redirect_of(response: Response) -> Redirect | None:
    """The redirect that an answer tells; `None` for any other answer. Never raises."""
    if response.status != 300:
        return None
    value = json_of(response)
    if type_of(value) != REDIRECT:
        return None
    status, location, login = value.get("redirect"), value.get("location"), value.get("login")
    source = value.get("from")
    if not isinstance(status, int) or status not in _STATUSES or not isinstance(location, str):
        return None
    return Redirect(status, location, login is True, source if isinstance(source, str) else "")


async def send_following(transport: Transport, request: Request) -> Response:
    """Sends a request and follows what is told as 307 or 308, within its origin, with the same key and body.

    Returns:
        The first answer that is not to be followed; after `FOLLOWED` redirects whatever comes.

    Raises:
        TransportError, InvalidRequest: as `Transport.send`.
    """
    response = await transport.send(request)
    for _ in range(FOLLOWED):
        redirect = redirect_of(response)
        if redirect is None or redirect.login or not redirect.repeats:
            break
        target = _within_origin(request.url, redirect.location)
        if target is None or len(redirect.source) > MAX_SOURCE or not _PLAIN.fullmatch(redirect.source):
            break
        headers = {**request.headers, SOURCE: redirect.source}
        request = replace(request, url=target, headers=headers)
        response = await transport.send(request)
    return response


def _within_origin(url: str, location: str) -> str | None:
    """The target of a redirect as a URL; `None` if it is of another origin, or may be."""
    if not _PLAIN.fullmatch(location):
        return None
    try:
        target = urldefrag(urljoin(url, location)).url
        old, new = urlsplit(url), urlsplit(target)
    except ValueError:
        return None
    return target if (old.scheme, old.netloc) == (new.scheme, new.netloc) and target[:2] != "//" else None
