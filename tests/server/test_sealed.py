"""Bodies that pages have sealed: what the application sees, and what is refused before it."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import DeclarationError, Queue
from pyqueue._encryption import SealedBody
from pyqueue._record import JobRecord
from pyqueue.server import IdempotencyMiddleware, SQLiteIdempotencyStore
from pyqueue.server.sealed import SealedMiddleware, SealKey, WSGISealedMiddleware

KEY = SealKey.generate()
OTHER = SealKey.generate()
SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
BODY = b'{"diagnosis":"broken claw"}'


def sealed(
    body: bytes = BODY,
    *,
    key: SealKey = KEY,
    task: str = "note",
    job: str = "j1",
    kind: str = "application/json",
) -> bytes:
    """As a page seals it."""
    info = f"pyqueue sealed 1\n{key.id}\n{task}\n{job}".encode()
    return SUITE.encrypt(f"{kind}\n".encode() + body, key._key.public_key(), info)


def headers(*, key: str = KEY.id, task: str = "note", job: str = "j1") -> dict[str, str]:
    record = JobRecord(seq=1, id=job, task=task, payload={}, created_at=0.0, idempotency_key="k1")
    return {**SealedBody(b"", key).headers(record), "Idempotency-Key": '"k1"'}


class Echo:
    """Answers with what it was sent."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.runs += 1
        message = await receive()
        seen = {name.decode(): value.decode() for name, value in scope["headers"]}
        answer = json.dumps({"body": message["body"].decode("latin-1"), "headers": seen}).encode()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": answer})


def post(app: Any, content: bytes, sent: dict[str, str]) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.post("/notes", content=content, headers=sent)

    return asyncio.run(send())


def post_wsgi(content: bytes, sent: dict[str, str]) -> httpx.Response:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response("201 Created", [("Content-Type", "application/json")])
        seen = {"content-type": environ["CONTENT_TYPE"], "content-length": environ["CONTENT_LENGTH"]}
        return [json.dumps({"body": body.decode("latin-1"), "headers": seen}).encode()]

    transport = httpx.WSGITransport(app=WSGISealedMiddleware(app, [KEY]))
    with httpx.Client(transport=transport, base_url="http://site") as client:
        return client.post("/notes", content=content, headers=sent)


def test_the_application_sees_what_was_written() -> None:
    """With its own type and length, and without a word of the seal."""
    for answer in (
        post(SealedMiddleware(Echo(), [OTHER, KEY]), sealed(), headers()),
        post_wsgi(sealed(), headers()),
    ):
        assert answer.status_code == 201
        seen = answer.json()
        assert seen["body"].encode() == BODY
        assert seen["headers"]["content-type"] == "application/json"
        assert seen["headers"]["content-length"] == str(len(BODY))
        assert "pyqueue-sealed" not in seen["headers"]


def test_a_name_of_any_characters_is_bound_as_pages_bind_it() -> None:
    """JavaScript's `encodeURIComponent` leaves more characters as they are than Python's `quote`."""
    info = f"pyqueue sealed 1\n{KEY.id}\nnote%20(%C3%A9'!*~)\nj1".encode()
    body = SUITE.encrypt(b"text/plain\n" + BODY, KEY._key.public_key(), info)
    answer = post(SealedMiddleware(Echo(), [KEY]), body, headers(task="note (é'!*~)"))
    assert answer.json()["body"].encode() == BODY


def test_other_requests_pass_untouched() -> None:
    answer = post(SealedMiddleware(Echo(), [KEY]), BODY, {"Content-Type": "application/json"})
    assert answer.json()["body"].encode() == BODY


REFUSALS = {
    "a key that is gone": (sealed(key=OTHER), headers(key=OTHER.id), 422, "unknown-key"),
    "another job": (sealed(), headers(job="j2"), 422, "broken"),
    "another task": (sealed(), headers(task="payment"), 422, "broken"),
    "a changed byte": (sealed()[:-1] + bytes([sealed()[-1] ^ 1]), headers(), 422, "broken"),
    "another key's bytes": (sealed(key=OTHER), headers(), 422, "broken"),
    "nothing": (b"", headers(), 422, "broken"),
    "a point that is on no curve": (bytes(100), headers(), 422, "broken"),
    "no header": (sealed(), {"Content-Type": "application/vnd.pyqueue.sealed"}, 422, "malformed"),
    "a malformed header": (sealed(), {**headers(), "Pyqueue-Sealed": "key=x"}, 422, "malformed"),
    "a body that is too large": (bytes(2001), headers(), 413, "body-too-large"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_body_that_cannot_be_opened_is_refused_before_the_application(name: str) -> None:
    body, sent, status, code = REFUSALS[name]
    app = Echo()
    answer = post(SealedMiddleware(app, [KEY], max_body=2000), body, sent)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert app.runs == 0
    if status == 422:
        refused = post_wsgi(body, sent)
        assert (refused.status_code, refused.json()["type"]) == (422, answer.json()["type"])


@given(header=st.binary(max_size=300).filter(lambda value: b"\r" not in value and b"\n" not in value))
def test_whatever_the_header_says_nothing_but_a_refusal_comes_of_it(header: bytes) -> None:
    messages: list[Any] = []

    async def run() -> None:
        app = SealedMiddleware(Echo(), [KEY])
        scope = {
            "type": "http",
            "headers": [(b"content-type", b"application/vnd.pyqueue.sealed"), (b"pyqueue-sealed", header)],
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": b"x" * 100}

        async def send(message: Any) -> None:
            messages.append(message)

        await app(scope, receive, send)

    asyncio.run(run())
    assert messages[0]["status"] == 422


@pytest.mark.parametrize("order", ["outside", "inside"])
def test_a_repeated_request_takes_effect_once(order: str, tmp_path: Any) -> None:
    """On either side of the idempotency layer: the same bytes are the same request."""
    echo = Echo()
    store = SQLiteIdempotencyStore(tmp_path / "keys.sqlite3")
    if order == "outside":
        app: Any = SealedMiddleware(IdempotencyMiddleware(echo, store), [KEY])
    else:
        app = IdempotencyMiddleware(SealedMiddleware(echo, [KEY]), store)
    body = sealed()
    first, second = post(app, body, headers()), post(app, body, headers())
    assert (first.status_code, second.status_code, echo.runs) == (201, 201, 1)
    assert second.headers["idempotency-replayed"] == "true"
    assert first.json()["body"].encode() == BODY


def test_a_key_is_read_back_as_it_was_made() -> None:
    read = SealKey(KEY.private)
    assert (read.id, read.public) == (KEY.id, KEY.public)
    assert KEY.private not in repr(KEY)
    Queue(server_key=KEY.public)


@pytest.mark.parametrize("wrong", ["", "x", "id:", f"{KEY.private}x", KEY.public, None, 7, "id:" + "A" * 43])
def test_what_is_no_key_is_refused_where_it_stands(wrong: Any) -> None:
    with pytest.raises(DeclarationError, match=r"SealKey\.generate"):
        SealKey(wrong)
    with pytest.raises(DeclarationError, match="keys is empty"):
        SealedMiddleware(Echo(), [])


def test_wsgi_input_of_an_unknown_length_is_read_to_its_end() -> None:
    seen: list[bytes] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.input"].read())
        start_response("204 No Content", [])
        return []

    environ = {
        "CONTENT_TYPE": "application/vnd.pyqueue.sealed",
        "HTTP_PYQUEUE_SEALED": headers()["Pyqueue-Sealed"],
        "wsgi.input": io.BytesIO(sealed()),
        "wsgi.input_terminated": True,
    }
    assert list(WSGISealedMiddleware(app, [KEY])(environ, lambda *_: lambda _: None)) == []
    assert seen == [BODY]
