"""The browser files, and the site's tasks module beside them, free of any server interface."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from typing import Final

from .._errors import DeclarationError
from .codings import accepted
from .static import SUFFIXES, Tasks, static_folder
from .stores import StoredResponse

_log: Final = logging.getLogger("pyqueue.server")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".py": "text/x-python; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".whl": "application/octet-stream",
    ".zip": "application/zip",
}
"""Given here, not by `mimetypes`: that reads the machine's tables, and a module script with a wrong type is
refused by the browser."""

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin"))
"""Of every answer: it is nothing but what its type says, and no other site's."""

_FOREVER = b"max-age=31536000, immutable"
_ASK_FIRST = b"no-cache"


class BrowserFiles:
    """What a page and its worker load.

    Args:
        tasks: the site's tasks module, see `assets`.
        directory: another folder with the same layout as the package's own.

    Raises:
        DeclarationError: the browser files are not built, or the tasks module is missing or wrong.
    """

    def __init__(self, tasks: str | Path | None = None, directory: str | Path | None = None):
        self._folder = static_folder(directory)
        self._module = _TasksFile(Path(tasks)) if tasks is not None else None

    def answer(
        self, method: str, name: str, *, accept_encoding: str = "", if_none_match: str = ""
    ) -> StoredResponse:
        """The whole answer to a request. It reads files, so an event loop asks in a thread.

        Args:
            method: of the request; 405 unless it is GET, or HEAD, whose answer has no body.
            name: the decoded path below the mount point, without a slash at its beginning. 404 if it names
                no file.
            accept_encoding: the header of the request: the answer is a compressed copy if the build made one
                that the client takes.
            if_none_match: the header of the request: 304 if it has the `ETag` of the file as it is.
        """
        if method not in ("GET", "HEAD"):
            return _error(405, b"Method not allowed", (b"allow", b"GET, HEAD"))
        answer = self._found(name, accepted(accept_encoding), if_none_match.encode("latin-1", "replace"))
        return answer if method == "GET" else StoredResponse(answer.status, answer.headers)

    def _found(self, name: str, takes: Container[str], if_none_match: bytes) -> StoredResponse:
        if self._module is not None:
            forms = self._module.current().forms(self._folder, name)
            if forms is not None:
                coding = next(coding for coding in forms if coding in takes)
                body = forms[coding]()
                return _file(name, body, hashlib.sha256(body).hexdigest(), if_none_match, coding)
        if (path := _file_of(self._folder, name)) is None:
            return _error(404, b"Not found")
        copies = {coding: path.with_name(path.name + suffix) for coding, suffix in SUFFIXES.items()}
        coding = next(coding for coding, copy in copies.items() if coding in takes and copy.is_file())
        stat = copies[coding].stat()
        digest = _digest(copies[coding], stat.st_mtime_ns, stat.st_size)
        return _file(name, copies[coding], digest, if_none_match, coding)


class _TasksFile:
    """The tasks module, read again when its file has changed."""

    def __init__(self, path: Path):
        self._path = path.resolve()
        self._reading = threading.Lock()
        self._modified = self._modified_at()
        self._tasks = Tasks.read(self._path)

    def current(self) -> Tasks:
        """The module as it is now, or as it was when it last was valid."""
        # One at a time: whoever asks while it is read waits for it, and is not given the one before.
        with self._reading:
            modified = self._modified_at()
            if modified != self._modified:
                self._modified = modified
                try:
                    self._tasks = Tasks.read(self._path)
                except DeclarationError as error:
                    _log.error("%s; the last valid version is served", error)
            return self._tasks

    def _modified_at(self) -> int | None:
        try:
            return self._path.stat().st_mtime_ns
        except FileNotFoundError:  # an editor that replaces the file; reading it says so if it stays away
            return None


def _file_of(folder: Path, name: str) -> Path | None:
    """The file that a path names; `None` where there is none."""
    if any(segment in ("", ".", "..") for segment in name.split("/")):
        return None  # `/sw.js/` is not `/sw.js`: what a page loads relative to it would be elsewhere.
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # Too long for the file system, or with a NUL in it.
        return None


def _file(name: str, content: bytes | Path, digest: str, if_none_match: bytes, coding: str) -> StoredResponse:
    etag = f'"{digest}"'.encode()
    headers: list[tuple[bytes, bytes]] = [
        (b"etag", etag),
        (b"cache-control", _FOREVER if name.startswith("app-") else _ASK_FIRST),
        (b"vary", b"accept-encoding"),
        *_ALWAYS,
    ]
    if _matches(if_none_match, etag):
        return StoredResponse(304, tuple(headers))
    body = content.read_bytes() if isinstance(content, Path) else content
    headers.append((b"content-type", _TYPES.get(Path(name).suffix, "application/octet-stream").encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    if coding != "identity":
        headers.append((b"content-encoding", coding.encode()))
    return StoredResponse(200, tuple(headers), body)


def _error(status: int, text: bytes, *headers: tuple[bytes, bytes]) -> StoredResponse:
    fixed = ((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(text)).encode()))
    return StoredResponse(status, (*fixed, *_ALWAYS, *headers), text)


def _matches(if_none_match: bytes, etag: bytes) -> bool:
    candidates = [candidate.strip().removeprefix(b"W/") for candidate in if_none_match.split(b",")]
    return etag in candidates or candidates == [b"*"]


@lru_cache(maxsize=4096)
def _digest(path: Path, modified: int, size: int) -> str:
    """Of the bytes that are sent, so every encoding has its own ETag, and every server the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
