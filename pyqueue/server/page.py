"""What a server-rendered page of the site needs: the one script tag, which says who is signed in."""

from __future__ import annotations

from html import escape
from typing import Final

from .principals import hashed

LONGEST: Final = 255
"""Characters of a name that pages store as it is."""


def script_tag(
    principal: str | None,
    src: str = "/pyqueue/pyqueue.js",
    *,
    nonce: str | None = None,
    hash: bool = False,
) -> str:
    """The script tag of a page, with who is signed in: what others wrote on this device is not sent or shown.

    Args:
        principal: what the layer's own `principal` returns for the request; `None`: nobody is signed in.
        src: the address of the script.
        nonce: of the page's Content-Security-Policy.
        hash: only a digest of the name is stored on the device. So it is of a name over 255 characters.

    Returns:
        HTML. A page with it must not be cached for others.
    """
    name = principal or ""
    if name and (hash or len(name) > LONGEST):
        name = hashed(name)
    attributes = {"src": src, "data-user": name, **({"nonce": nonce} if nonce else {})}
    written = " ".join(f'{attribute}="{escape(value)}"' for attribute, value in attributes.items())
    return f'<script type="module" {written}></script>'
