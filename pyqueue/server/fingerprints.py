"""What makes two requests with one key the same request."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from .._json import parse_json

Content: TypeAlias = Callable[[str, bytes], Iterable[bytes]]
"""What counts of a body: from its `Content-Type` (as sent, empty if there is none) and the body itself to the
parts that must be equal, in order."""

MAX_BY_VALUE: Final = 1 << 20
"""Bytes of a JSON body that is compared by its value: as Python's objects it may take thirty times them."""

MAX_PARTS: Final = 1000
"""Parts of a multipart body that are compared one by one: as many as frameworks take."""

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)


def fingerprint(method: str, target: str, content: Iterable[bytes]) -> bytes:
    """A digest that two requests share only if they ask for the same.

    Args:
        method: as sent.
        target: see `rules.Keyed`.
        content: what a `Content` says of the body.
    """
    digest = hashlib.sha256()
    for part in (method.encode(), target.encode(), *content):
        digest.update(len(part).to_bytes(8))
        digest.update(part)
    return digest.digest()


def raw(content_type: str, body: bytes) -> Iterable[bytes]:
    """Every byte counts, and the whole `Content-Type`. For clients that repeat a request as it was."""
    return (content_type.strip().encode("latin-1"), body)


def json_by_value(content_type: str, body: bytes) -> Iterable[bytes]:
    """Of JSON the value counts: neither the order of members nor white space. Anything else as `raw`.

    So is JSON that is longer than `MAX_BY_VALUE`, nested over 100 deep, or has numbers that Python has not.
    """
    media_type = _media_type(content_type)
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json or len(body) > MAX_BY_VALUE:
        return raw(content_type, body)
    try:
        # The bound on its depth is the same wherever the layer is called; the interpreter's own is not.
        value = json.dumps(parse_json(body), sort_keys=True, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return raw(content_type, body)
    return (b"json", media_type.encode("latin-1"), value.encode())


def multipart_by_parts(content_type: str, body: bytes) -> Iterable[bytes]:
    """Of `multipart/*` the parts count, in order: not the boundary, which many clients draw anew for each
    request. Anything else as `raw`, and so are more than `MAX_PARTS` parts."""
    media_type, boundary = _media_type(content_type), _BOUNDARY.search(content_type)
    if not media_type.startswith("multipart/") or boundary is None:
        return raw(content_type, body)
    delimiter = b"\r\n--" + (boundary[1] or boundary[2]).encode("latin-1")
    preamble_and_parts = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    parts, end = preamble_and_parts[1:-1], preamble_and_parts[-1]
    if not parts or not end.startswith(b"--") or delimiter in end:
        return raw(content_type, body)
    return (b"multipart", media_type.encode("latin-1"), *parts)


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
