"""Precompression: a .br and a .gz beside every file that gains by it."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import brotli

from pyqueue.server.joined import brotli_end, split

from .paths import CACHE

_SMALLEST = 1024
"""Bytes. Below it the saving is less than a packet."""

_TEXT = {".css", ".html", ".js", ".json", ".mjs", ".py", ".svg", ".ts", ".wasm"}
"""Wheels and zips are compressed already."""


def _brotli(content: bytes) -> bytes:
    """Ended so that `pyqueue.server.joined` can put a line before a script's last comment."""
    code, comment = split(content)
    compressor = brotli.Compressor(quality=11)
    return bytes(compressor.process(code) + compressor.flush() + brotli_end(comment))


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, compresslevel=9, mtime=0)  # no time: the same file, the same bytes


_CODINGS: dict[str, Callable[[bytes], bytes]] = {".br": _brotli, ".gz": _gzip}


def compress_folder(folder: Path) -> None:
    """Writes the compressed files. Pyodide's take half a minute, so results are kept by content."""
    kept = CACHE / "compressed"
    kept.mkdir(parents=True, exist_ok=True)
    for file in [file for file in folder.rglob("*") if file.suffix in _TEXT and file.is_file()]:
        content = file.read_bytes()
        if len(content) <= _SMALLEST:
            continue
        for suffix, compress in _CODINGS.items():
            result = kept / (hashlib.sha256(content).hexdigest() + suffix)
            if not result.exists():
                unfinished = result.with_suffix(".part")
                unfinished.write_bytes(compress(content))
                unfinished.replace(result)
            file.with_name(file.name + suffix).write_bytes(result.read_bytes())
