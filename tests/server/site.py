"""Applications of a test's own, behind the layer, on a real socket in a thread of this process."""

from __future__ import annotations

import socket
import threading
from typing import Any

import httpx
import uvicorn

from pyqueue.server import SQLiteIdempotencyStore

PROBLEM = "urn:pyqueue:idempotency:"


class Site:
    """Serves an ASGI application until it is stopped."""

    def __init__(self, app: Any, store: SQLiteIdempotencyStore, **settings: Any):
        self.store = store
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", **settings)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def post(self, path: str = "/", key: str | None = '"k"', **options: Any) -> httpx.Response:
        """A request with a key, by default a POST."""
        method = options.pop("method", "POST")
        headers = httpx.Headers([] if key is None else [("Idempotency-Key", key)])
        headers.update(options.pop("headers", {}))
        content = options.pop("content", b"hi")
        return httpx.request(method, self.url + path, headers=headers, content=content, **options)

    def stop(self) -> None:
        """Ends the server and its store."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.store.close()


def respond(status: int = 201, body: bytes = b"done", *headers: tuple[bytes, bytes]) -> list[dict[str, Any]]:
    """The messages of an answer."""
    start = {"type": "http.response.start", "status": status, "headers": list(headers)}
    return [start, {"type": "http.response.body", "body": body}]
