"""Auth: where the token comes from by which requests say who sends them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ._checks import check_headers, check_number
from ._context import AuthContext
from ._csrf import PATH
from ._errors import DeclarationError
from ._fetch_rules import wrong_header
from ._http import Response, said
from ._text import shown
from ._vocabulary import MAX_TIMEOUT

AuthProvider = Callable[[AuthContext], Awaitable[str | Mapping[str, str] | None]]

LONGEST_KEPT: Final = 86_400.0
"""Seconds for which a token is used again at most, whatever its answer says."""

_SCHEME: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")
_TOKEN: Final = re.compile(r"[!-~]{1,8192}")
_MEMBERS: Final = ("access_token", "token", "accessToken")


@dataclass(frozen=True, slots=True)
class Auth:
    """What says who sends a request, asked for when it leaves.

    It goes with every request of the queue to the site's own origin, and to each `Origin(auth=True)`. It is
    never stored. An answer 401 makes it asked for once more, and the request sent once more, with the same
    key. While there is none nothing is sent: the job waits, unspent.

    Args:
        provider: `async def provider(ctx)`, which returns the token, or a mapping of headers; `None`: nobody
            is signed in, so that the queue waits for a sign-in. It is called for each request: see
            `AuthContext`.
        url: instead of a provider, a path of the site; GET answers with the token as text, as a JSON text,
            or as JSON with `access_token` or `token`. It is used again for the `expires_in` seconds that the
            JSON names, else for ten seconds. 401 and 403 say that nobody is signed in.
        scheme: stands before the token in the header; empty: nothing does.
        header: the request header that bears the token.
        timeout: seconds that the provider or the URL may take; at most a day.

    Raises:
        DeclarationError: not exactly one of `provider` and `url` is given, or a value is wrong.
    """

    provider: AuthProvider | None = None
    url: str | None = None
    scheme: str = "Bearer"
    header: str = "Authorization"
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if (self.provider is None) == (self.url is None):
            raise DeclarationError("Auth has one source: give provider= or url=")
        if self.provider is not None and not inspect.iscoroutinefunction(self.provider):
            raise DeclarationError(
                f"Auth: provider is {shown(self.provider)}; give an async function: async def provider(ctx)"
            )
        if self.url is not None and not (isinstance(self.url, str) and PATH.fullmatch(self.url)):
            raise DeclarationError(
                f"Auth: url is {shown(self.url)}; give a path of the site with one '/' before it, as '/token'"
            )
        if not isinstance(self.scheme, str) or not _SCHEME.fullmatch(self.scheme):
            raise DeclarationError(f"Auth: scheme is {shown(self.scheme)}; give one word, as 'Bearer'")
        check_headers("Auth: header", {self.header: ""})
        check_number("Auth: timeout", self.timeout, 0.001, MAX_TIMEOUT)

    def headers_of(self, provided: Any) -> dict[str, str] | None:
        """The headers of what was provided; `None`: it cannot be sent.

        Args:
            provided: a token, or a mapping of headers.
        """
        if isinstance(provided, str):
            value = f"{self.scheme} {provided}".lstrip()
            return {self.header: value} if _TOKEN.fullmatch(provided) else None
        if not isinstance(provided, Mapping):
            return None
        if any(wrong_header(name, value) is not None for name, value in provided.items()):
            return None
        return dict(provided)


def token_and_life(response: Response) -> tuple[str, float | None] | None:
    """The token of an answer, and for how many seconds it is good, if the answer says so. Never raises.

    Returns:
        `None` if it holds no token, as a page of HTML.
    """
    value, life = said(response), None
    if isinstance(value, Mapping):
        given = value.get("expires_in")
        if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
            life = min(float(given), LONGEST_KEPT)
        value = next((value[name] for name in _MEMBERS if name in value), None)
    return (value, life) if isinstance(value, str) and _TOKEN.fullmatch(value) else None
