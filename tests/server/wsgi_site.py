"""A WSGI server in a thread of this process."""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx


class _Threaded(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Without a log."""

    def log_message(self, *args: Any) -> None:
        pass


class WSGISite:
    """Serves a WSGI application until it is stopped."""

    def __init__(self, app: Any):
        self._server = make_server("127.0.0.1", 0, app, _Threaded, _Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def post(self, path: str = "/", key: str | None = '"k"', **options: Any) -> httpx.Response:
        """A request with a key, by default a POST."""
        headers = {**({} if key is None else {"Idempotency-Key": key}), **options.pop("headers", {})}
        url = f"http://127.0.0.1:{self._server.server_port}{path}"
        method, content = options.pop("method", "POST"), options.pop("content", b"hi")
        return httpx.request(method, url, headers=headers, content=content)

    def stop(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
