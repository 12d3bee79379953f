"""What `fetch` refuses to send, or leaves out without a word (the Fetch standard, "forbidden" names)."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A method or a header's name (RFC 9110 5.6.2)."""

_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

_METHODS = frozenset({"CONNECT", "TRACE", "TRACK"})
_OVERRIDES = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
_HEADERS = frozenset(
    [
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    ]
)


def wrong_method(method: Any) -> str | None:
    """Why this method cannot be sent; `None` if it can."""
    if not isinstance(method, str) or not _TOKEN.fullmatch(method):
        return "it is not an HTTP method"
    if method.upper() in _METHODS:
        return "browsers refuse it"
    return None


def wrong_header(name: Any, value: Any) -> str | None:
    """Why this request header cannot be sent; `None` if it can."""
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "the name is not that of a header"
    if not isinstance(value, str):
        return "the value must be text"
    if not _VALUE.fullmatch(value):
        return "the value must have no line break or control character, and no character beyond U+00FF"
    lower = name.lower()
    if lower == "idempotency-key":
        return "pyqueue sets it; a job's own key is the option `idempotency_key` of `enqueue`"
    if lower.startswith("pyqueue-"):
        return "pyqueue sets it"
    if lower in _HEADERS or lower.startswith(("proxy-", "sec-")):
        return "browsers do not let a script set it"
    if lower in _OVERRIDES and any(part.strip().upper() in _METHODS for part in value.split(",")):
        return "browsers do not let a script set this method"
    return None
