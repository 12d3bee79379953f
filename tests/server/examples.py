"""The sites of web/examples, each in a process of the server that is usual for its framework."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parents[2] / "web" / "examples"
SITES = ("fastapi", "flask", "litestar", "starlette")


class Example:
    """A running site.

    Args:
        framework: one of `SITES`.
        folder: where its files go.
    """

    def __init__(self, framework: str, folder: Path):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"http://localhost:{self._port}"
        self._folder = folder
        self._module = f"{framework}_site:app"
        self.start()

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        if self._module.startswith("flask"):
            command = [
                "gunicorn",
                "--chdir",
                str(HERE),
                "--threads",
                "4",
                "--bind",
                f"127.0.0.1:{self._port}",
            ]
            command.append("--no-control-socket")
        else:
            command = ["uvicorn", "--app-dir", str(HERE), "--port", str(self._port), "--no-access-log"]
        environment = {**os.environ, "SITE_FOLDER": str(self._folder), "PYTHONWARNINGS": "default"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command, self._module], env=environment, stdout=log, stderr=log
            )
        end = time.monotonic() + 60
        while True:
            try:
                httpx.get(self.url).raise_for_status()
                return
            except httpx.TransportError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self._folder / "server.log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        """Ends the server in good order: gunicorn's workers with their master."""
        self._process.terminate()
        self._process.wait()

    def post(
        self, text: str = "tea", key: str | None = '"k"', author: str | None = None, **options: Any
    ) -> httpx.Response:
        """Writes a comment."""
        headers = {} if key is None else {"Idempotency-Key": key}
        if author is not None:
            headers["Cookie"] = f"author={author}"
        return httpx.post(f"{self.url}/api/comments", json={"text": text}, headers=headers, **options)

    def comments(self) -> list[tuple[str | None, str]]:
        """Author and text of every comment, in the order of arrival."""
        answer = httpx.get(f"{self.url}/api/comments").raise_for_status().json()
        return [(comment["author"], comment["text"]) for comment in answer]

    @contextmanager
    def slow(self) -> Iterator[None]:
        """As long as this lasts no comment is written: its database is locked."""
        path = self._folder / "comments.sqlite3"
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
