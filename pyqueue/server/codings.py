"""Content codings: which ones a client takes, and undoing one that it does not."""

from __future__ import annotations

import zlib

_REFUSED = frozenset({"0", "0.0", "0.00", "0.000"})
_WINDOW = {"gzip": 47, "x-gzip": 47, "deflate": 47}
"""`zlib`'s `wbits` that finds out by itself whether a stream is gzip or zlib."""


def accepted(header: str) -> set[str]:
    """The content codings that the client takes; a body as it is can always be sent."""
    takes = {"identity"}
    for item in header.split(","):
        name, _, weight = item.partition(";")
        if weight.replace(" ", "").removeprefix("q=") not in _REFUSED:
            takes.add(name.strip().lower())
    return takes


def decoded(coding: str, body: bytes, limit: int) -> bytes | None:
    """A body without its coding; `None` if that cannot be undone here, gives more than `limit` bytes, or is
    not all of the body."""
    if coding not in _WINDOW:
        return None
    decompressor = zlib.decompressobj(_WINDOW[coding])
    try:
        plain = decompressor.decompress(body, limit)
    except zlib.error:
        return None
    return plain if decompressor.eof and not decompressor.unused_data else None
