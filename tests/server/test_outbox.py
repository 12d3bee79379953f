"""The outbox example: an effect at another service is made once, whenever the site is killed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from building.paths import ROOT


class Payments:
    """A service elsewhere that honours idempotency keys: `requests` counts by key."""

    def __init__(self) -> None:
        requests = self.requests = Counter[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                requests[self.headers["Idempotency-Key"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/charges"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def charges(self) -> int:
        """What it did: one thing for each key."""
        return len(self.requests)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def payments() -> Iterator[Payments]:
    service = Payments()
    yield service
    service.close()


def run(database: Path, payments: Payments, step: int = 0) -> str | None:
    """What the process said; `None` if it was killed at the step."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.server.outbox_process", str(database), payments.url, str(step)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode in (0, -9), done.stderr
    return done.stdout.strip() if done.returncode == 0 else None


def test_killed_before_any_line_of_its_own_the_charge_is_made_once(
    tmp_path: Path, payments: Payments
) -> None:
    """The browser asks again with its key, and the next process goes on with what is in the outbox."""
    step, repeated = 1, 0
    while True:
        database = tmp_path / f"{step}.sqlite3"
        payments.requests.clear()
        said = run(database, payments, step)
        if said is not None:
            break
        assert run(database, payments) == "202 0", step
        assert payments.charges == 1, step
        repeated += payments.requests.total() - 1
        connection = sqlite3.connect(database)
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,), step
        connection.close()
        step += 1
    assert said == "202 0"
    assert step > 20
    assert repeated == 1  # Killed between the service's answer and the end of the charge.
