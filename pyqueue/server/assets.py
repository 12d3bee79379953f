"""An ASGI application that serves the browser files, and the site's tasks module beside them."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .._errors import DeclarationError
from .codings import accepted
from .idempotency import App, Receive, Scope, Send
from .static import SUFFIXES, Tasks, static_folder

_log = logging.getLogger("pyqueue.server")

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

_ISOLATED = ((b"cross-origin-embedder-policy", b"require-corp"),)
"""Of the worker's script: a page that is isolated from other origins runs no worker that is not."""

_FOREVER = b"max-age=31536000, immutable"
_ASK_FIRST = b"no-cache"


def assets(tasks: str | Path | None = None, directory: str | Path | None = None) -> App:
    """Serves what a page and its worker load. Mount it at `/pyqueue`, or at any other path.

    What lies in `app-<hash>/` never changes and is cached for ever; everything else is asked for again,
    which a 304 answers. Answers are compressed where the build made a compressed copy.

    Args:
        tasks: the site's tasks module. It is run here too, so that a wrong declaration is told at once.
            Served as `tasks.py`; `sw.js` names it, so that browsers install a new worker when it changes,
            and `pyqueue.js` its limits and tasks, so that pages know them before any worker has started. It
            is read again when the file changes; while a change is wrong the last valid module stays, and
            the log says why.
        directory: another folder with the same layout as the package's own.

    Raises:
        DeclarationError: the browser files are not built, or the tasks module is missing or wrong.
    """
    folder = static_folder(directory)
    module = _TasksFile(Path(tasks)) if tasks is not None else None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"assets() answers HTTP only, not {scope['type']}")
        answer = await asyncio.to_thread(_answer, folder, module, scope)
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": body})

    return app


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


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""


def _answer(folder: Path, module: _TasksFile | None, scope: Scope) -> _Answer:
    if scope["method"] not in ("GET", "HEAD"):
        return _error(405, b"Method not allowed", (b"allow", b"GET, HEAD"))
    name = _path_inside(scope)
    headers = dict(scope["headers"])
    takes = accepted(headers.get(b"accept-encoding", b"").decode("latin-1"))
    if module is not None and (forms := module.current().forms(folder, name)) is not None:
        coding = next(coding for coding in forms if coding in takes)
        body = forms[coding]()
        return _file(name, body, hashlib.sha256(body).hexdigest(), headers, coding)
    if (path := _file_of(folder, name)) is None:
        return _error(404, b"Not found")
    copies = {coding: path.with_name(path.name + suffix) for coding, suffix in SUFFIXES.items()}
    coding = next(coding for coding, copy in copies.items() if coding in takes and copy.is_file())
    stat = copies[coding].stat()
    digest = _digest(copies[coding], stat.st_mtime_ns, stat.st_size)
    return _file(name, copies[coding], digest, headers, coding)


def _file_of(folder: Path, name: str) -> Path | None:
    """The file that a path names; `None` where there is none."""
    if any(segment in ("", ".", "..") for segment in name.split("/")):
        return None  # `/sw.js/` is not `/sw.js`: what a page loads relative to it would be elsewhere.
    try:
        path = (folder / name).resolve()
        return path if path.is_relative_to(folder) and path.is_file() else None
    except (OSError, ValueError):  # Too long for the file system, or with a NUL in it.
        return None


def _file(name: str, content: bytes | Path, digest: str, request: dict[bytes, bytes], coding: str) -> _Answer:
    etag = f'"{digest}"'.encode()
    headers = [
        (b"etag", etag),
        (b"cache-control", _FOREVER if name.startswith("app-") else _ASK_FIRST),
        (b"vary", b"accept-encoding"),
        *_ALWAYS,
        *(_ISOLATED if name == "sw.js" else ()),
    ]
    if _matches(request.get(b"if-none-match", b""), etag):
        return _Answer(304, headers)
    body = content.read_bytes() if isinstance(content, Path) else content
    headers.append((b"content-type", _TYPES.get(Path(name).suffix, "application/octet-stream").encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    if coding != "identity":
        headers.append((b"content-encoding", coding.encode()))
    return _Answer(200, headers, body)


def _error(status: int, text: bytes, *headers: tuple[bytes, bytes]) -> _Answer:
    length = str(len(text)).encode()
    fixed = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", length)]
    return _Answer(status, [*fixed, *_ALWAYS, *headers], text)


def _path_inside(scope: Scope) -> str:
    """The path below the mount point. Frameworks differ in whether `path` still holds `root_path`."""
    path: str = scope["path"]
    root = scope.get("root_path", "").rstrip("/")
    return (path.removeprefix(root) if path.startswith(root + "/") else path).removeprefix("/")


def _matches(if_none_match: bytes, etag: bytes) -> bool:
    candidates = [candidate.strip().removeprefix(b"W/") for candidate in if_none_match.split(b",")]
    return etag in candidates or candidates == [b"*"]


@lru_cache(maxsize=4096)
def _digest(path: Path, modified: int, size: int) -> str:
    """Of the bytes that are sent, so every encoding has its own ETag, and every server the same."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
