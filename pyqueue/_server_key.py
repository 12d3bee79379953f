"""The public key of a server, as a queue declares it and pages use it: `<id>:<key>`."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from typing import Any, Final

from ._errors import DeclarationError
from ._text import shown

_KEY: Final = re.compile(r"([A-Za-z0-9_-]{1,64}):([A-Za-z0-9_-]{87})")
"""The key is 65 bytes in base64url: an uncompressed point of P-256 (RFC 9180 7.1.1)."""


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
