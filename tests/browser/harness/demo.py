"""The demo server, in a process of its own that tests can stop and start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[3]


class Demo:
    """A demo server with its own database, on a port that stays its own across restarts.

    Args:
        folder: where the database and the server's log go.

    Attributes:
        url: of the board, a secure context.
        tasks: its tasks module, a copy that a test may change.
    """

    _application = ("web/demo", "server:create_default_app")
    """The folder of its module, and the factory in it."""

    def __init__(self, folder: Path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://localhost:{self._port}/"
        self._folder = folder
        self._database = folder / "demo.sqlite3"
        self.tasks = Path(shutil.copy(ROOT / "web/demo/tasks.py", folder))
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=10)

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        folder, application = self._application
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "uvicorn", "--factory", application, "--app-dir", folder),
                    *("--port", str(self._port), "--log-level", "warning"),
                ],
                cwd=ROOT,
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 30
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the demo server did not start:\n{self.server_log()}")
            time.sleep(0.05)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT / "web/demo"),
            "PYQUEUE_DEMO_DATABASE": str(self._database),
            "PYQUEUE_DEMO_TASKS": str(self.tasks),
        }

    def stop(self) -> None:
        """Kills the server: open connections break, and what it had in memory is gone."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def empty(self) -> None:
        """Starts the server if it was stopped, ends all trouble, and forgets comments, photos and the log.

        What was answered to a key is kept.
        """
        if self._process is None:
            self.start()
        with closing(sqlite3.connect(self._database, timeout=30)) as connection, connection:
            connection.execute("DELETE FROM comments")
            connection.execute("DELETE FROM photos")
        self._client.delete("/api/server/log").raise_for_status()
        self.set_trouble()
        self.set_control(paused=False)

    def freeze(self) -> None:
        """From here on the server takes connections and does not answer."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The frozen server goes on where it was."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process, "the server does not run"
        self._process.send_signal(number)

    def close(self) -> None:
        """Ends the server and the connections to it."""
        self.stop()
        self._client.close()

    def _answers(self) -> bool:
        try:
            return self._client.get("/api/server").is_success
        except httpx.TransportError:
            return False

    def comments(self) -> list[dict[str, Any]]:
        """The comments on the server, in the order of arrival."""
        answer: list[dict[str, Any]] = self._get("/api/comments")
        return answer

    def texts(self) -> list[str]:
        """Their texts."""
        return [comment["text"] for comment in self.comments()]

    def log(self) -> list[dict[str, Any]]:
        """Every POST that the server received since it started: time, path, key, body, status, replayed."""
        answer: list[dict[str, Any]] = self._get("/api/server/log")
        return answer

    def received(self) -> list[str]:
        """The text of every comment that arrived since the server started, repeated ones again."""
        return [arrival["body"]["text"] for arrival in self.log() if arrival["path"] == "/api/comments"]

    def photos(self) -> list[bytes]:
        """The photos on the server, newest first."""
        urls = [photo["url"] for photo in self._get("/api/photos")]
        return [self._client.get(url).raise_for_status().content for url in urls]

    def set_trouble(self, mode: str = "ok", **values: Any) -> None:
        """How the server treats writes from here on: `Trouble` of web/demo/trouble.py."""
        self._client.put("/api/server", json={"mode": mode, **values}).raise_for_status()

    def set_control(self, paused: bool, reason: str = "") -> None:
        """Sets the flag file that pauses the queue of every browser."""
        values = {"paused": paused, "reason": reason}
        self._client.put("/pyqueue-control.json", json=values).raise_for_status()

    def server_log(self) -> str:
        """What the server printed."""
        return (self._folder / "server.log").read_text()

    def _get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()
