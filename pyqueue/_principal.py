"""Principal: whose write it is. A job is sent, listed and edited only as its own principal's."""

from __future__ import annotations

from typing import Any, Final, TypeGuard
from urllib.parse import quote

from ._vocabulary import MAX_KEY

NOBODY: Final = ""
"""The principal of what is written while nobody is signed in. A site that never says who is has no other."""

HEADER: Final = "Pyqueue-Principal"
"""The header by which a request tells the server whose it is."""

NOBODY_IN_HEADER: Final = "?0"
"""The header of what nobody wrote, on a site that does identify people."""

_BETWEEN: Final = "\n"


def is_principal(value: Any) -> TypeGuard[str]:
    """Whether a value is a principal: at most 255 characters, no control characters, valid Unicode."""
    return (
        isinstance(value, str)
        and len(value) <= MAX_KEY
        and not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in value)
        and not any(0xD800 <= ord(character) < 0xE000 for character in value)
    )


def scoped(principal: str, key: str | None) -> str | None:
    """An ordering key, or a unique key, as one principal's own: those of two principals are never equal.

    Args:
        principal: `NOBODY` leaves the key as it is, unless it could be taken for somebody's.
        key: `None` has no scope.
    """
    if key is None:
        return None
    return key if principal == NOBODY and _BETWEEN not in key else f"{principal}{_BETWEEN}{key}"


def to_header(principal: str) -> str:
    """A principal as a header's value: a structured-field string (RFC 9651 3.3.3), percent-encoded."""
    return NOBODY_IN_HEADER if principal == NOBODY else f'"{quote(principal, safe=_CLEAR)}"'


_CLEAR: Final = "!#$&'()*+,/:;<=>?@[]^`{|}~ "
"""What stands in the header as it is, besides letters, digits and `_.-~`."""
