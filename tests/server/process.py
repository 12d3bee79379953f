"""A real server in a process of its own, on a socket of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import httpx

HERE = Path(__file__).parent


class Server:
    """A uvicorn process. `kill` ends it as a power cut would; `restart` starts it on the same port."""

    def __init__(self, database: Path, **settings: float):
        self.database = database
        self._environment = {
            **os.environ,
            "PYQUEUE_TEST_DATABASE": str(database),
            **{f"PYQUEUE_TEST_{name.upper()}": str(value) for name, value in settings.items()},
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Starts the process and returns once it listens."""
        command = [sys.executable, "-m", "uvicorn", "--factory", "application:create", "--app-dir", str(HERE)]
        options = ["--port", str(self.port), "--log-level", "info", "--no-access-log"]
        self._process = subprocess.Popen(
            command + options, env=self._environment, stderr=subprocess.PIPE, text=True, cwd=HERE.parents[1]
        )
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if "Uvicorn running" in line:
                return
        raise RuntimeError("".join(said))

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        """SIGKILL, then a new process."""
        self.kill()
        self.start()

    def effects(self) -> int:
        """How many effects the application has had."""
        return int(httpx.get(f"{self.url}/effects").json()["effects"])
