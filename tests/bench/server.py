"""The server that all contenders write to. It answers after a delay, and notes what came when."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn

from pyqueue.server import assets

HERE = Path(__file__).resolve().parent
_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>{0}</title>'
    '{1}<script type="module" src="/peers/{0}.js"></script>'
)
_PYQUEUE = '<script type="module" src="/pyqueue/pyqueue.js"></script>'
_LONGEST_WAIT = 120.0
"""Seconds for which `/await` waits."""

Scope = dict[str, Any]


class Site:
    """The application.

    Args:
        bundles: the folder with the peers' scripts.
    """

    def __init__(self, bundles: Path) -> None:
        self._bundles = bundles
        self._assets = assets(tasks=HERE / "tasks.py")
        self._delay = 0.0
        self._failing: str | None = None
        self._log: list[tuple[float, float, str, int]] = []
        self._grown = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path.startswith("/pyqueue/"):
            await self._assets({**scope, "root_path": "/pyqueue"}, receive, send)
            return
        status, type, body = await self._answer(path, parse_qs(scope["query_string"].decode()), receive)
        headers = [(b"content-type", type.encode()), (b"content-length", str(len(body)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"3600"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, query: dict[str, list[str]], receive: Any) -> tuple[int, str, bytes]:
        if path == "/write":
            return await self._write(receive)
        if path == "/begin":
            self._delay, self._failing = float(query["delay"][0]), query.get("failing", [None])[0]
            self._log = []
            return 200, "application/json", b"{}"
        if path == "/await":
            return 200, "application/json", await self._await(int(query["count"][0]))
        if path.startswith("/peers/") and (file := self._bundles / path.removeprefix("/peers/")).is_file():
            return 200, "text/javascript", file.read_bytes()
        name = path.strip("/")
        if name in ("pyqueue", "workbox", "plain"):
            page = _PAGE.format(name, _PYQUEUE if name == "pyqueue" else "")
            return 200, "text/html", page.encode()
        return 404, "text/plain", b"there is no such thing"

    async def _write(self, receive: Any) -> tuple[int, str, bytes]:
        arrived, body, more = time.time(), b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        job = json.loads(body)
        if job["key"] == self._failing:
            return 503, "application/json", b"{}"
        if self._delay:
            await asyncio.sleep(self._delay)
        if job["n"] >= 0:
            self._log.append((arrived, time.time(), job["key"], job["n"]))
            self._grown.set()
        return 201, "application/json", b'{"ok":true}'

    async def _await(self, count: int) -> bytes:
        """The log, once it has that many entries, or after some time."""
        until = time.monotonic() + _LONGEST_WAIT
        while len(self._log) < count and time.monotonic() < until:
            self._grown.clear()
            try:
                await asyncio.wait_for(self._grown.wait(), 1.0)
            except TimeoutError:
                continue
        return json.dumps(self._log).encode()


class Server:
    """The site in a process of its own.

    Args:
        bundles: the folder with the peers' scripts.
        port: to listen on.
    """

    def __init__(self, bundles: Path, port: int) -> None:
        self.url = f"http://localhost:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.server", str(bundles), str(port)]
        )
        until = time.monotonic() + 30
        while not self._is_up():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the benchmark's server did not start")
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            self.begin()
        except OSError:
            return False
        return True

    def begin(self, delay: float = 0.0, failing: str | None = None) -> None:
        """Forgets what came.

        Args:
            delay: seconds after which a write is answered.
            failing: the ordering key whose writes are answered with 503.
        """
        self._get(f"/begin?delay={delay}" + (f"&failing={failing}" if failing else ""))

    def log(self, count: int) -> list[tuple[float, float, str, int]]:
        """The writes, once there are so many: (arrived, answered, ordering key, number of the job)."""
        entries = json.loads(self._get(f"/await?count={count}"))
        return [tuple(entry) for entry in entries]

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(self.url + path, timeout=_LONGEST_WAIT + 10) as answer:
            return bytes(answer.read())

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait()


if __name__ == "__main__":
    uvicorn.run(Site(Path(sys.argv[1])), host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
