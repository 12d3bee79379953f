"""Csrf: where a site's CSRF token comes from, and how its requests bear it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from ._checks import check_headers, check_text
from ._errors import DeclarationError, PyqueueError
from ._http import Response, said, without
from ._text import shown
from ._vocabulary import ErrorCode

MAX_TOKEN: Final = 4096
"""Characters of a token."""

_TOKEN: Final = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}")
"""What a header can carry, and no page of HTML is."""

_TAG: Final = re.compile(rb"<(?:input|meta)\b[^<>]{1,2000}>", re.IGNORECASE)
_NAME: Final = re.compile(rb"\bname\s*=\s*[\"']?([^\s\"'>]+)", re.IGNORECASE)
_VALUE: Final = re.compile(rb"\b(value|content)\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+)", re.IGNORECASE)

_COOKIE: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A cookie's name (RFC 6265 4.1.1)."""

PATH: Final = re.compile(r"/(?!/)[!-\[\]-~]*")
"""A path from the site's root. Browsers take `\\` for `/`."""

_MEMBERS: Final = ("token", "csrf_token", "csrfToken")
"""Members of a JSON answer that hold a token. The first one counts."""


@dataclass(frozen=True, slots=True)
class Csrf:
    """Where the site's CSRF token is read when a request leaves, and which header bears it.

    The sources that are given are asked in this order; the first that has a token counts. The token goes
    with every request of the queue to the site's own origin that is not GET, HEAD, OPTIONS or TRACE. It is
    never stored. Without one nothing is sent: the job waits, unspent, until a page is opened or a minute has
    passed.

    Args:
        cookie: the name of a cookie that scripts may read.
        meta: the name of a `<meta>` whose `content` is the token, in any page of the site that is open.
        url: a path of the site; GET answers with the token as text, as a JSON text, or as JSON with `token`,
            `csrf_token` or `csrfToken`. It needs no open page.
        header: the request header that bears the token.
        field: the field in which the site's forms hold a token; left out of every payload at `enqueue`.

    Raises:
        DeclarationError: no source is given, or a name is none.
    """

    cookie: str | None = None
    meta: str | None = None
    url: str | None = None
    header: str = "X-CSRF-Token"
    field: str | None = None

    def __post_init__(self) -> None:
        if self.cookie is None and self.meta is None and self.url is None:
            raise DeclarationError("Csrf has no source: give cookie=, meta= or url=")
        if self.cookie is not None and not _matches(_COOKIE, self.cookie):
            raise DeclarationError(f"Csrf: cookie is {shown(self.cookie)}; give the name of a cookie")
        if self.meta is not None:
            check_text("Csrf: meta", self.meta)
        if self.url is not None and not _matches(PATH, self.url):
            raise DeclarationError(
                f"Csrf: url is {shown(self.url)}; give a path of the site with one '/' before it, as '/csrf'"
            )
        check_headers("Csrf: header", {self.header: ""})
        if self.field is not None:
            check_text("Csrf: field", self.field)

    @classmethod
    def django(cls, *, url: str | None = None) -> Self:
        """Django's names: cookie `csrftoken`, header `X-CSRFToken`, field `csrfmiddlewaretoken`."""
        return cls(cookie="csrftoken", url=url, header="X-CSRFToken", field="csrfmiddlewaretoken")

    @classmethod
    def flask_wtf(cls, *, url: str | None = None) -> Self:
        """Flask-WTF's names: `<meta name="csrf-token">`, header `X-CSRFToken`, field `csrf_token`."""
        return cls(meta="csrf-token", url=url, header="X-CSRFToken", field="csrf_token")

    @classmethod
    def rails(cls, *, url: str | None = None) -> Self:
        """Rails' names: `<meta name="csrf-token">`, header `X-CSRF-Token`, field `authenticity_token`."""
        return cls(meta="csrf-token", url=url, header="X-CSRF-Token", field="authenticity_token")


class NoToken(PyqueueError):
    """There is no token, of `csrf=` or `auth=`, to send a request with. Nothing was sent.

    Args:
        message: which sources were asked, and what came of it.
        code: `no_token`, `unauthorized` (nobody is signed in), or the kind of the `TransportError` that kept
            the source from being read.
    """

    def __init__(self, message: str, code: str = ErrorCode.NO_TOKEN) -> None:
        super().__init__(message)
        self.code = code


def is_token(value: Any) -> bool:
    """Whether a value can be sent as a token: 1 to `MAX_TOKEN` visible characters of ASCII."""
    return _matches(_TOKEN, value)


def token_in(response: Response) -> str | None:
    """The token that an answer to GET holds; `None` if it holds none, as a page of HTML. Never raises."""
    value = said(response)
    if isinstance(value, Mapping):
        value = next((value[name] for name in _MEMBERS if name in value), None)
    return value if is_token(value) else None


def without_tokens(response: Response, csrf: Csrf, *sent: str) -> Response:
    """An answer in which no CSRF token is left: neither one that was sent, nor one in a form or a meta.

    What is kept of an answer (a job's result, an error's excerpt) is stored and shown.
    """
    response = without(response, sent)
    if "html" not in response.headers.get("content-type", "").lower():
        return response
    names = {name.encode() for name in (csrf.field, csrf.meta) if name is not None}
    body = _TAG.sub(lambda tag: _emptied(tag[0], names), response.body)
    return response if body == response.body else replace(response, body=body)


def _emptied(tag: bytes, names: Set[bytes]) -> bytes:
    name = _NAME.search(tag)
    return tag if name is None or name[1] not in names else _VALUE.sub(rb'\1=""', tag)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
