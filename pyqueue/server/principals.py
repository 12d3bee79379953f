"""Whose a request says that it is, held against who is signed in.

A queue's request tells by whom it was written (`Pyqueue-Principal`). The session may have changed since,
behind the page's back: then nothing runs, and the job waits until its author is back.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import unquote

from .._principal import HEADER, NOBODY, NOBODY_IN_HEADER
from .._problem import PRINCIPAL_MISMATCH
from . import protocol
from .stores import StoredResponse

NAME: Final = HEADER.lower().encode()
"""The header, as servers name it."""

MAX_HEADER: Final = 4096
"""Bytes of the header: a principal of 255 characters, percent-encoded."""


def hashed(user: str) -> str:
    """The principal of a user whose id pages are not to store or send: `identify(user, {hash: true})`.

    Args:
        user: the id, as `principal` returns it.

    Returns:
        `sha256:` and 64 hexadecimal digits. A short id can be guessed from it.
    """
    return f"sha256:{hashlib.sha256(f'pyqueue:{user}'.encode()).hexdigest()}"


def mismatch(stated: list[bytes], principal: Any) -> StoredResponse | None:
    """The refusal of a request that somebody else wrote than the one who is signed in; `None`: it may go on.

    Args:
        stated: the values of the request's header; none: it does not say whose it is.
        principal: who is signed in, as the site's own `principal` returned; `None`: nobody.
    """
    if not stated:
        return None
    author = _author(stated)
    if author is not None and author in (
        (NOBODY,) if principal is None else (principal, hashed(str(principal)))
    ):
        return None
    detail = "It was written by somebody else than whoever is signed in. Nothing was done."
    members = {
        "type": PRINCIPAL_MISMATCH,
        "title": "The request is somebody else's",
        "status": 403,
        "detail": detail if principal is not None else "Nobody is signed in. Nothing was done.",
        "signed_in": principal is not None,
    }
    return protocol.document(403, members)


def _author(stated: list[bytes]) -> str | None:
    """Whom the header names; `None` if it is malformed, and so names nobody that can be."""
    if len(stated) > 1 or len(stated[0]) > MAX_HEADER:
        return None
    text = stated[0].decode("latin-1").strip(" \t")
    if text == NOBODY_IN_HEADER:
        return NOBODY
    if len(text) < 3 or text[0] != '"' or text[-1] != '"':
        return None
    try:
        return unquote(text[1:-1], errors="strict")
    except UnicodeDecodeError:
        return None
