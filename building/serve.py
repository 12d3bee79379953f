"""The demo, served on this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from .paths import DEMO, ROOT
from .process import Failure, say

_START_LIMIT = 30.0
"""Seconds."""


def serve(host: str, port: int) -> int:
    """Runs the demo server until it is interrupted.

    Returns:
        its exit code.

    Raises:
        Failure: the port is taken, or the server does not answer.
    """
    _check_port(host, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server ends with this process
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "--factory", "server:create_default_app"),
            *("--app-dir", str(DEMO), "--host", host, "--port", str(port), "--log-level", "warning"),
        ],
        cwd=ROOT,
    )
    try:
        # `localhost` and not an address: browsers give it a secure context, which service workers need.
        url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0', '::1') else host}:{port}/"
        _wait_until_it_answers(url, server)
        say(f"the demo is at {url} (Ctrl+C ends it)")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def _check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise Failure(
            f"{host}:{port} cannot be listened on ({os.strerror(error.errno or 0)}): choose another port, "
            f"`build.py serve --port {port + 1}`."
        ) from error


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_LIMIT
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)  # not listening yet
    raise Failure("The demo server did not start; its own message is above.")
