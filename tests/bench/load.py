"""Asks a server for the same as often as it answers: the case `server` runs it as a process of its own.

    python -m tests.bench.load PORT CLIENTS SECONDS fresh|same

Prints how many requests were answered in a second. It is one thread over bare sockets, so that it takes
little of the processor's time beside the server.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time
import uuid
from itertools import count

WARM_UP = 0.3
"""Seconds that are not counted: connections are opened, and what is lazy is loaded."""

_BODY = b'{"post_id": 17, "text": "An answer that is neither short nor long, as most of them are."}'
_HEAD = (
    b"POST /api/comments HTTP/1.1\r\nHost: app.example\r\nUser-Agent: load\r\nAccept: */*\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nIdempotency-Key: " % len(_BODY)
)
_LAST_CHUNK = b"0\r\n\r\n"


class _Client:
    """One connection, kept alive."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def ask(self, key: bytes) -> None:
        self.socket.sendall(_HEAD + b'"' + key + b'"\r\n\r\n' + _BODY)

    def receive(self) -> bool:
        """Whether the answer is there as a whole."""
        chunk = self.socket.recv(65536)
        self._received += chunk
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not chunk or (end and not head.startswith(b"HTTP/1.1 201")):
            raise SystemExit(f"not the application's answer: {self._received[:60]!r}")
        _, announced, length = head.lower().partition(b"content-length: ")
        is_whole = len(body) >= int(length.split(b"\r\n", 1)[0]) if announced else body.endswith(_LAST_CHUNK)
        if not end or not is_whole:
            return False
        self._received = b""
        return True


def load(port: int, clients: int, seconds: float, fresh: bool) -> float:
    """Answers a second.

    Args:
        port: of the server on this machine.
        clients: connections, each with one request at a time.
        seconds: for which it is counted.
        fresh: whether each request has a key of its own, or all have the same.
    """
    run, numbers, answered = uuid.uuid4().hex.encode(), count(), 0

    def key() -> bytes:
        return b"%b-%d" % (run, next(numbers)) if fresh else run

    first = _Client(port)  # Alone, so that there is an answer before the same key comes again.
    first.ask(run)
    while not first.receive():
        pass
    first.socket.close()
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        client = _Client(port)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.ask(key())
    begin = time.perf_counter() + WARM_UP
    while (now := time.perf_counter()) < begin + seconds:
        for ready, _ in selector.select(timeout=10):
            client = ready.data
            if client.receive():
                answered += now >= begin
                client.ask(key())
    return answered / seconds


if __name__ == "__main__":
    port, clients, seconds, keys = sys.argv[1:]
    print(load(int(port), int(clients), float(seconds), keys == "fresh"))
