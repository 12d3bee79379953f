"""Joining a line to a built script, in each of the forms in which it is sent."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

Forms: TypeAlias = dict[str, Callable[[], bytes]]
"""What makes each form of a file, by their content codings, the best first; the last one is `identity`."""

_COMMENT = b"\n//# sourceMappingURL="
_BLOCK = 1 << 16
"""Bytes: the longest uncompressed block whose header has 3 bytes."""


def split(script: bytes) -> tuple[bytes, bytes]:
    """A script's code, and the comment at its end that names its source map, if there is one: a browser
    overlooks the comment if code follows it."""
    code, comment, name = script.rpartition(_COMMENT)
    return (code, comment + name) if comment else (script, b"")


def brotli_end(text: bytes) -> bytes:
    """The end of a brotli stream that was flushed: text as it is, then the empty last block.

    It needs no compressor, so a server can change the end of a script that the build has compressed. The
    layout of the blocks is that of RFC 7932, section 9.2.
    """
    blocks = []
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        header = (len(block) - 1) << 3 | 1 << 19  # Not the last one; 16 bits of length; not compressed.
        blocks.append(header.to_bytes(3, "little") + block)
    return b"".join(blocks) + b"\x03"


def join(path: Path, line: bytes) -> Forms:
    """The forms of a script with one more line.

    Args:
        path: of the script as built. A brotli copy beside it is used if it was made to have its end changed.
        line: ends with a newline.
    """
    code, comment = split(path.read_bytes())
    joined = code + b"\n" + line + comment
    forms: Forms = {"gzip": lambda: _gzip(joined), "identity": lambda: joined}
    copy = path.with_name(path.name + ".br")
    compressed = copy.read_bytes() if copy.is_file() else b""
    if not compressed.endswith(brotli_end(comment)):
        return forms
    start = compressed.removesuffix(brotli_end(comment))
    return {"br": lambda: start + brotli_end(b"\n" + line + comment), **forms}


@lru_cache(maxsize=8)
def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
