"""Django sites in processes of their own, by the servers that sites use."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

COMMANDS = {
    "gunicorn": [
        *("-m", "gunicorn", "django.core.wsgi:get_wsgi_application()"),
        *("--workers", "2", "--threads", "4", "--no-control-socket", "--bind", "127.0.0.1:{port}"),
    ],
    "uvicorn": [
        *("-m", "uvicorn", "--factory", "django.core.asgi:get_asgi_application"),
        *("--port", "{port}", "--lifespan", "off", "--log-level", "warning"),
    ],
}


class DjangoServer:
    """A site that listens when constructed. `kill` ends it as a power cut would.

    Args:
        kind: of the server, a key of `COMMANDS`.
        settings: the site's settings module.
        folder: where that is imported from, and where the log goes.
        environment: further variables.
    """

    def __init__(self, kind: str, settings: str, folder: Path, environment: dict[str, str] | None = None):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self._command = [part.format(port=self.port) for part in COMMANDS[kind]]
        self._folder = folder
        self._environment = {
            **os.environ,
            **(environment or {}),
            "DJANGO_SETTINGS_MODULE": settings,
            "PYTHONPATH": str(folder),
        }
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")
        self.start()

    def manage(self, *arguments: str) -> str:
        """What a management command writes."""
        return subprocess.run(
            [sys.executable, "-m", "django", *arguments],
            cwd=self._folder,
            env=self._environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    def start(self) -> None:
        """Starts the process and returns once it answers."""
        self._log = self._environment.get("SITE_LOG", str(self._folder / "server.log"))
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        until = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(self.said())
            time.sleep(0.05)

    def said(self) -> str:
        """The server's log."""
        return Path(self._log).read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, to it and the processes that it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, 9)
        self._process.wait()

    def _answers(self) -> bool:
        try:
            httpx.get(f"{self.url}/", timeout=5)
        except httpx.TransportError:
            return False
        return True
