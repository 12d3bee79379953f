"""The page's half as it lies in the source tree, with a worker that only listens."""

from __future__ import annotations

import contextlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

ROOT = Path(__file__).resolve().parents[3]

_PAGE = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>The page's half alone</title>
    <script type="module" src="/web/pyqueue.js"></script>
  </head>
  <body>
    <div data-testid="status"><pyqueue-status></pyqueue-status></div>
  </body>
</html>
"""
_WORKER = """
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", ({ data }) => new BroadcastChannel("wakes").postMessage(data.reason));
"""
_ENDLESS = 3 << 20


class Site:
    """A server of the modules in web/ and worker/, unbuilt. Nothing takes commands out of the inbox.

    Attributes:
        url: of a page with the queue and its status element.
        other: the same server as another origin.
        declaration: what the server declares in pyqueue.js, if anything.
        asked: the host of each request for `/asked`.
    """

    declaration: dict[str, Any] | None
    asked: list[str]

    def __init__(self) -> None:
        self.declaration = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self.url = f"http://localhost:{self._server.server_port}/"
        self.other = f"http://127.0.0.1:{self._server.server_port}"
        self.asked = []
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> None:
        """Starts serving."""
        self._thread.start()

    def close(self) -> None:
        """Ends the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def pyqueue_js(self) -> str:
        """The entry with the line that a server appends."""
        source = (ROOT / "web" / "pyqueue.js").read_text("utf-8")
        if self.declaration is None:
            return source
        return f"{source}pyqueue.declare({json.dumps(self.declaration)});\n"


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, site: Site, *args: Any):
        self._site = site
        super().__init__(*args, directory=str(ROOT))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            self._answer(_PAGE, "text/html")
        elif path == "/web/pyqueue.js":
            self._answer(self._site.pyqueue_js(), "text/javascript")
        elif path == "/web/sw.js":
            self._answer(_WORKER, "text/javascript")
        elif path == "/endless":
            with contextlib.suppress(ConnectionError):
                self._answer("x" * _ENDLESS, "text/plain")
        elif path == "/leave":
            self.send_response(302)
            self.send_header("location", f"{self._site.other}/asked")
            self.send_header("content-length", "0")
            self.end_headers()
        elif path == "/asked":
            self._site.asked.append(self.headers.get("host", ""))
            self._answer(self.headers.get("pyqueue-redirect", ""), "text/plain")
        elif path == "/broken":
            self._answer("half of it", "text/plain", missing=10)
            self.close_connection = True
        elif path.startswith(("/web/", "/worker/")):
            super().do_GET()
        else:
            self.send_error(404)

    def _answer(self, text: str, kind: str, missing: int = 0) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("content-type", f"{kind}; charset=utf-8")
        self.send_header("content-length", str(len(body) + missing))
        self.send_header("__proto__", "a header of this name")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
