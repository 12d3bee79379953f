"""The public key of a server, as a queue declares it and pages use it: `<id>:<key>`."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Any, Final

from ._errors import DeclarationError
from ._text import shown

POINT: Final = 65
"""Bytes of a public key of DHKEM(P-256, HKDF-SHA256) (RFC 9180 7.1): an uncompressed point."""

_KEY: Final = re.compile(r"([A-Za-z0-9_-]{1,64}):([A-Za-z0-9_-]{87})")


def check_server_key(given: Any) -> str:
    """The key as it was given.

    Raises:
        DeclarationError: it is no public key.
    """
    found = _KEY.fullmatch(given) if isinstance(given, str) else None
    if found is None or urlsafe_b64decode(found[2] + "=")[0] != 4:
        raise DeclarationError(
            f"Queue: server_key is {shown(given)}; give what pyqueue.server.sealed.SealKey.public returns"
        )
    return str(given)


def key_id(server_key: str) -> str:
    """The id by which the server finds the private key."""
    return server_key.partition(":")[0]
