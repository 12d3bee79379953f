"""An ASGI application that serves the browser files, and the site's tasks module beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ._asgi import App, Receive, Scope, Send, send_whole
from .files import BrowserFiles


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
    files = BrowserFiles(tasks, directory)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"assets() answers HTTP only, not {scope['type']}")
        headers = dict(scope["headers"])
        answer = await asyncio.to_thread(
            files.answer,
            scope["method"],
            _path_inside(scope),
            accept_encoding=headers.get(b"accept-encoding", b"").decode("latin-1"),
            if_none_match=headers.get(b"if-none-match", b"").decode("latin-1"),
        )
        await send_whole(send, answer)

    return app


def _path_inside(scope: Scope) -> str:
    """The path below the mount point. Frameworks differ in whether `path` still holds `root_path`, and
    Litestar ends the path of whatever is mounted with a slash, which the client did not send."""
    path: str = scope["path"]
    if path.endswith("/") and not (scope.get("raw_path") or b"/").endswith(b"/"):
        path = path.removesuffix("/")
    root = scope.get("root_path", "").rstrip("/")
    return (path.removeprefix(root) if path.startswith(root + "/") else path).removeprefix("/")
