"""Secrets: the names under which they are sent. None is stored or declared."""

from __future__ import annotations

from typing import Final

from ._vocabulary import AUTH_HEADERS, COOKIE_HEADERS, TOKEN_FIELDS, TOKEN_HEADERS

TOKEN: Final = "it is a CSRF token, which is not stored: declare Queue(csrf=...), which adds a fresh one"
"""Why a CSRF token is refused, and what to do."""

_AUTH: Final = "it is a secret, which is not stored: declare Queue(auth=...), which adds it when it is sent"
_COOKIE: Final = "cookies are not stored: the browser adds its own when the request is sent"

_REASONS: Final = {
    **dict.fromkeys(AUTH_HEADERS, _AUTH),
    **dict.fromkeys(COOKIE_HEADERS, _COOKIE),
    **dict.fromkeys(TOKEN_HEADERS, TOKEN),
}


def secret_header(name: str) -> str | None:
    """Why a request header is not stored or declared, with the remedy; `None`: it may be."""
    return _REASONS.get(name.lower())


def is_token_field(name: str) -> bool:
    """Whether forms hold a CSRF token in a field of this name."""
    return name.lower() in TOKEN_FIELDS
