"""Real database servers, each in a temporary folder and on a free port of the loopback interface."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import redis

from building.databases import POSTGRES, REDIS


class DatabaseServer:
    """A server process, ready when constructed. `close` ends it and deletes its data."""

    url: str

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pyqueue-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.identity: dict[str, Any] = {}

    def start(self) -> None:
        """Starts the process on the data that is there and returns once it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, **self.identity
            )
        until = time.monotonic() + 60
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                said = (self.folder / "log").read_text(errors="replace")
                self.close()
                raise RuntimeError(said)
            time.sleep(0.05)

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def restart(self) -> None:
        """Ends the process as it wants to be ended, then starts it on the same port and data."""
        self.end()
        self.start()

    def kill(self) -> None:
        """SIGKILL, to all processes of the server."""
        pids = [*_children(self._process.pid), self._process.pid]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        for pid in pids:
            while Path(f"/proc/{pid}").exists():
                time.sleep(0.01)

    def end(self) -> None:
        """Ends the process, the quick way."""
        self._process.terminate()
        self._process.wait()

    def close(self) -> None:
        """Ends the process and deletes its data."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class RedisServer(DatabaseServer):
    """Redis or Valkey that writes each change to its append-only file before it answers."""

    def __init__(self) -> None:
        super().__init__()
        found = REDIS.find()
        assert found is not None
        (self._program,) = found
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        return [str(self._program), *options, "--appendonly", "yes", "--appendfsync", "always"]

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()

    def clear(self) -> None:
        """Deletes every key."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


class PostgresServer(DatabaseServer):
    """PostgreSQL as it comes, but for its port. It refuses to run as root, so root starts it as another."""

    def __init__(self) -> None:
        super().__init__()
        found = POSTGRES.find()
        assert found is not None
        initdb, self._program = found
        if os.geteuid() == 0:
            names = {user.pw_name for user in pwd.getpwall()}
            user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        options = ["--username=pyqueue", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            [initdb, *options, "--pgdata=data"],
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            **self.identity,
        )
        self.url = f"postgresql://pyqueue@127.0.0.1:{self.port}/postgres"
        self.start()

    def command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        return [str(self._program), "-D", "data", *(f"--{name}={value}" for name, value in settings.items())]

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def end(self) -> None:
        """A fast shutdown: it does not wait for those who are connected."""
        self._process.send_signal(2)
        self._process.wait()

    def clear(self) -> None:
        """Deletes every table."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def _children(parent: int) -> list[int]:
    """PostgreSQL's own are each in a session of its own: only their parent tells them."""
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, _, rest = status.read_text().partition(" (")
            if int(rest.rpartition(") ")[2].split()[1]) == parent:
                children.append(int(pid))
    return children


SERVERS: dict[str, Callable[[], DatabaseServer]] = {REDIS.name: RedisServer, POSTGRES.name: PostgresServer}
