"""Text from anywhere, made fit to be stored: valid Unicode, and not too long."""

from __future__ import annotations

import re
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def is_valid(text: str) -> bool:
    """Whether a text is valid Unicode, that is, has no lone surrogate."""
    return _LONE_SURROGATE.search(text) is None


def clean(text: str, limit: int) -> str:
    """The first `limit` characters; a lone surrogate becomes U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", str.__str__(text)[:limit])


def text_of(value: Any, limit: int) -> str:
    """What `str` says of any value, cleaned. Never raises.

    Where the value's own `__str__` raises, or does not return text, its type is named instead.
    """
    try:
        return clean(str(value), limit)
    except BaseException:  # User code: it may also call `sys.exit`.
        return clean(f"<{type(value).__name__} that cannot be shown>", limit)


def shown(value: Any) -> str:
    """A value as a message names it, however odd or long it is. Never raises."""
    try:
        return clean(repr(value), 80)
    except BaseException:  # User code, or an integer with more digits than Python converts.
        return clean(f"<{type(value).__name__} that cannot be shown>", 80)
