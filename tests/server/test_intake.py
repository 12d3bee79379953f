"""Whatever head and body come in: the layer never fails by itself, and no effect happens without its key."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pyqueue.server import (
    IdempotencyMiddleware,
    SQLiteIdempotencyStore,
    json_by_value,
    multipart_by_parts,
    raw,
)
from pyqueue.server.codings import decoded
from pyqueue.server.wsgi import IdempotencyMiddleware as WSGIMiddleware

OWN = frozenset({201, 400, 409, 413, 422})
"""The statuses of the application below, and of the layer's refusals: 500 and 503 are none of them."""

CONTENTS = (raw, json_by_value, multipart_by_parts)
METHODS = st.sampled_from(["POST", "post", "PUT", "PATCH", "DELETE", "GET", "BREW", ""]) | st.text(max_size=8)
PATHS = st.text(st.characters(codec="utf-8"), max_size=20).map(lambda path: f"/{path}")
NAMES = st.sampled_from(
    [
        *(b"idempotency-key", b"host", b"content-type", b"content-length", b"accept-encoding"),
        *(b"pyqueue-principal", b"pyqueue-redirect", b"pyqueue-redirected-from", b"pyqueue-depth"),
        *(b"pyqueue-oldest-age", b"pyqueue-attempt", b"x-other"),
    ]
)
VALUES = st.sampled_from(
    [
        *(b'"k"', b"k", b"", b'"', b'"a", "b"', b"a.org", b"a.org:80", b"tell", b"application/json"),
        *(b"multipart/form-data; boundary=b", b'"%ff"', b"?0", b"\xb2", b"1e9999", b"9" * 5000, b"-1"),
        *(b"x" * 5000, b"gzip;q=0", b"a\nb", b"a\r\nset-cookie: a=b", b"\x00"),
    ]
) | st.binary(max_size=40)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [b"[" * 100_000, b'{"a":' * 50_000, b"1" * 5000, b'"\xff"', b"--b\r\n\r\nx\r\n--b--", b"x" * 2000]
)
INTAKE = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store() -> Iterator[SQLiteIdempotencyStore]:
    store = SQLiteIdempotencyStore(":memory:")
    yield store
    store.close()


def is_clean(name: bytes, value: bytes) -> bool:
    """Whether a server can send a header (RFC 9110 5.5)."""
    return name.islower() and not any((byte < 32 and byte != 9) or byte == 127 for byte in value)


class Effects:
    """An application that counts what it did, and with which claim."""

    def __init__(self) -> None:
        self.claims: list[Any] = []

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        self.claims.append(scope.get("pyqueue.claim"))
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    def wsgi(self, environ: Any, start_response: Any) -> list[bytes]:
        self.claims.append(environ.get("pyqueue.claim"))
        start_response("201 Created", [])
        return [b"done"]


def guarded(method: str) -> bool:
    return method.upper() in ("DELETE", "PATCH", "POST", "PUT")


@INTAKE
@given(METHODS, PATHS, st.binary(max_size=20), HEADERS, BODIES, st.sampled_from(CONTENTS))
@example("POST", "/", b"", [(b"idempotency-key", b"a\r\nset-cookie: a=b")], b"", raw)
@example("POST", "/", b"", [(b"idempotency-key", b"k"), (b"host", b"a\nb\nc")], b"", raw)
def test_no_request_breaks_the_asgi_layer(
    store: SQLiteIdempotencyStore,
    method: str,
    path: str,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    content: Any,
) -> None:
    effects = Effects()
    layer = IdempotencyMiddleware(effects.asgi, store, fingerprint=content, max_body=1000)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "method": method, "path": path, "root_path": ""}
    asyncio.run(layer({**scope, "query_string": query, "headers": headers}, receive, send))
    start, *_ = sent
    assert start["status"] in OWN
    assert all(is_clean(name, value) for name, value in start["headers"])
    if guarded(method):
        assert all(claim is not None for claim in effects.claims)


LATIN = st.text(st.characters(max_codepoint=255), max_size=20)


@INTAKE
@given(METHODS, LATIN, HEADERS, BODIES, st.none() | LATIN, st.sampled_from(CONTENTS))
@example("POST", "", [(b"idempotency-key", b"k")], b"hi", "\xb2", raw)
@example("POST", "", [(b"idempotency-key", b"k")], b"hi", "9" * 5000, raw)
@example("POST", "", [(b"idempotency-key", b"k")], b"hi", "2, 2", raw)
def test_no_request_breaks_the_wsgi_layer(
    store: SQLiteIdempotencyStore,
    method: str,
    path: str,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
    length: str | None,
    content: Any,
) -> None:
    effects = Effects()
    layer = WSGIMiddleware(effects.wsgi, store, fingerprint=content, max_body=1000)
    variables = [f"HTTP_{name.decode().upper().replace('-', '_')}" for name, _ in headers]
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": f"/{path}",
        "wsgi.input": io.BytesIO(body),
        **dict(zip(variables, (value.decode("latin-1") for _, value in headers), strict=True)),
        **({"wsgi.input_terminated": True} if length is None else {"CONTENT_LENGTH": length}),
    }
    started: list[tuple[str, list[tuple[str, str]]]] = []
    answer = layer(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    b"".join(answer)
    getattr(answer, "close", lambda: None)()
    [(status, answered)] = started
    assert int(status[:3]) in OWN
    assert all(is_clean(n.encode(), v.encode("latin-1")) for n, v in answered)
    if guarded(method):
        assert all(claim is not None for claim in effects.claims)


@pytest.mark.parametrize("length", ["abc", "-1", "+2", "2, 2", "0x2", "\xb2", "9" * 5000, " ", "1_0"])
def test_a_length_that_is_no_number_runs_nothing(store: SQLiteIdempotencyStore, length: str) -> None:
    """The application would get another body than the client has sent."""
    effects = Effects()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "HTTP_IDEMPOTENCY_KEY": "k",
        "CONTENT_LENGTH": length,
        "wsgi.input": io.BytesIO(b"hi"),
    }
    started: list[str] = []
    list(WSGIMiddleware(effects.wsgi, store)(environ, lambda status, *_: started.append(status)))
    assert (started[0][:3], effects.claims) in (("400", []), ("413", []))


@contextmanager
def at_most(megabytes: int) -> Iterator[None]:
    """Fails if Python takes more memory meanwhile."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


SIZE = 8 << 20


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (json_by_value, "application/json", b"[" + b"[]," * (SIZE // 3) + b"[]]"),
        (json_by_value, "application/json", b'{"a":1,' * (SIZE // 7)),
        (multipart_by_parts, "multipart/form-data; boundary=b", b"--b\r\n" * (SIZE // 5) + b"--b--"),
    ],
    ids=["small values", "nested objects", "small parts"],
)
def test_a_body_costs_a_few_times_its_size(content: Any, kind: str, body: bytes) -> None:
    """However many values or parts it is of."""
    with at_most(40):
        assert b"".join(content(kind, body))


@pytest.mark.parametrize("depth", [200, 900, 2000, 100_000])
def test_a_nested_body_is_the_same_request_wherever_it_is_read(depth: int) -> None:
    """What counts of it does not depend on how deep in the stack the layer is called."""
    body = b"[" * depth + b" " + b"]" * depth

    def at(level: int) -> list[bytes]:
        return at(level - 1) if level else list(json_by_value("application/json", body))

    assert at(0) == at(300) == at(800)


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate", "br", ""]))
def test_no_body_breaks_the_decoder(body: bytes, coding: str) -> None:
    plain = decoded(coding, body, 1000)
    assert plain is None or len(plain) <= 1000


def test_a_bomb_is_not_undone() -> None:
    """A kept answer of a few kilobytes may hold gigabytes."""
    bomb = gzip.compress(bytes(64 << 20))
    with at_most(4):
        assert decoded("gzip", bomb, 1 << 20) is None


def test_a_stream_of_two_parts_is_not_cut() -> None:
    """gzip may be of several members (RFC 1952 2.2): half of an answer is another answer."""
    assert decoded("gzip", gzip.compress(b"one") + gzip.compress(b"two"), 100) in (None, b"onetwo")
    assert decoded("deflate", zlib.compress(b"one") + b"rest", 100) is None


SCALARS = st.none() | st.booleans() | st.integers() | st.text()


@given(st.recursive(SCALARS, lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts)))
def test_json_counts_by_its_value(value: Any) -> None:
    one, other = json.dumps(value).encode(), json.dumps(value, indent=2).encode()
    assert list(json_by_value("application/json", one)) == list(json_by_value("application/json", other))
