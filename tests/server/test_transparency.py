"""What stands outside the layer, or behind a replay, sees what it would see without it, and no more."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from tests.server.site import PROBLEM, Site, respond

Host = Callable[..., Site]
OUTER: ContextVar[str] = ContextVar("outer")
INNER: ContextVar[str] = ContextVar("inner")


def test_the_application_runs_with_the_callers_scope_and_context(host: Host) -> None:
    """A tracer outside sees the route and the variables that were set inside, and the other way round."""
    seen: dict[str, Any] = {}
    done = threading.Event()

    async def endpoint(request: Request) -> Response:
        seen["outer"] = OUTER.get()
        seen["claim"] = request.scope["pyqueue.claim"].key
        seen["extensions"] = set(request.scope["extensions"])
        INNER.set("inside")
        request.state.user = "ann"
        return PlainTextResponse("done", 201)

    def outside(layer: Any) -> Any:
        async def tracer(scope: Any, receive: Any, send: Any) -> None:
            OUTER.set("outside")
            scope["state"] = {}
            scope["extensions"] = {"http.response.pathsend": {}, "tls": {}}
            await layer(scope, receive, send)
            seen.update(inner=INNER.get(), endpoint=scope["endpoint"], user=scope["state"]["user"])
            seen["restored"] = set(scope["extensions"])
            done.set()

        return tracer

    app = Starlette(routes=[Mount("/v1", routes=[Route("/things/{name}", endpoint, methods=["POST"])])])
    assert host(app, outside=outside).post("/v1/things/a").status_code == 201
    assert done.wait(5)
    assert seen == {
        "outer": "outside",
        "inner": "inside",
        "user": "ann",
        "endpoint": endpoint,
        "claim": "127.0.0.1\n\nk",
        "extensions": {"tls"},
        "restored": {"http.response.pathsend", "tls"},
    }


def test_the_application_is_not_cancelled_with_its_caller(host: Host) -> None:
    """A framework outside may give up on a client that has gone; the effect is not cut in the middle."""
    effects: list[str] = []
    cancelled: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        effects.append("begun")
        await asyncio.sleep(0.05)
        effects.append("ended")
        for message in respond():
            await send(message)

    def outside(layer: Any) -> Any:
        async def impatient(scope: Any, receive: Any, send: Any) -> None:
            task = asyncio.create_task(layer(scope, receive, send))
            while not effects:
                await asyncio.sleep(0)
            if not cancelled:
                cancelled.append(True)
                task.cancel()
            await asyncio.wait([task])
            if task.cancelled():
                for message in respond(499):
                    await send(message)

        return impatient

    site = host(app, outside=outside)
    assert site.post().status_code == 499
    while (answer := site.post()).status_code == 409:
        pass
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert effects == ["begun", "ended"]


def test_what_only_the_first_reader_may_have_is_not_replayed(host: Host) -> None:
    """A session's cookie, and what belongs to one connection."""
    headers = [
        (b"Set-Cookie", b"session=secret"),
        (b"Connection", b"close"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Location", b"/things/1"),
        (b"X-Own", b"kept"),
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in respond(201, b"done", *headers):
            await send(message)

    site = host(app)
    first, second = site.post(), site.post()
    assert first.headers["set-cookie"] == "session=secret"
    assert {"set-cookie", "connection", "keep-alive"}.isdisjoint(second.headers)
    assert (second.headers["location"], second.headers["x-own"]) == ("/things/1", "kept")


def test_headers_of_absurd_size_are_not_kept(host: Host) -> None:
    """The answer is, with what says where and what it is."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in respond(201, b"done", (b"x-large", b"x" * 70_000), (b"location", b"/1")):
            await send(message)

    site = host(app)
    site.post(headers={})
    second = site.post()
    assert (second.content, second.headers["location"]) == (b"done", "/1")
    assert "x-large" not in second.headers


@pytest.mark.parametrize(
    ("coding", "packed", "plain"),
    [
        (b"gzip", gzip.compress(b"x" * 1000), b"x" * 1000),
        (b"deflate", zlib.compress(b"x" * 1000), b"x" * 1000),
        (b"br", b"not undone here", b""),
        (b"gzip", b"broken", b""),
    ],
)
def test_a_compressed_answer_is_replayed_only_to_who_takes_it(
    host: Host, coding: bytes, packed: bytes, plain: bytes
) -> None:
    """Anybody else gets it decoded, or where that cannot be done its status alone."""
    length = str(len(packed)).encode()
    headers = [(b"content-encoding", coding), (b"etag", b'"1"'), (b"content-length", length)]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in respond(201, packed, *headers):
            await send(message)

    site = host(app)
    name = coding.decode()
    answers = []
    for accept in (name, name, "identity", f"{name};q=0"):
        asked = {"idempotency-key": '"k"', "accept-encoding": accept}
        # Not read by httpx, which would decode it.
        with httpx.stream("POST", site.url, headers=asked, content=b"hi") as answer:
            answers.append((answer.headers.get("content-encoding"), b"".join(answer.iter_raw())))
    assert answers == [(name, packed)] * 2 + [(None, plain)] * 2


def test_cors_outside_lets_pages_read_the_layers_own_answers(host: Host) -> None:
    """The right order: CORS, compression, authentication, then the layer, then the application."""

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("x" * 2000, 201)

    def outside(layer: Any) -> Any:
        cors = [
            Middleware(CORSMiddleware, allow_origins=["https://a.org"], allow_methods=["POST"]),
            Middleware(GZipMiddleware, minimum_size=10),
        ]
        return Starlette(routes=[Mount("/", layer)], middleware=cors)

    site = host(Starlette(routes=[Route("/", endpoint, methods=["POST"])]), outside=outside)
    origin = {"origin": "https://a.org"}
    answers = [site.post(key=None, headers=origin), site.post(headers=origin), site.post(headers=origin)]
    assert [answer.headers["access-control-allow-origin"] for answer in answers] == ["https://a.org"] * 3
    assert [answer.headers.get("content-encoding") for answer in answers[1:]] == ["gzip", "gzip"]
    assert answers[0].json()["type"] == PROBLEM + "key-missing"
    plain = site.post(headers={"accept-encoding": "identity"})
    assert (len(plain.content), plain.headers["idempotency-replayed"]) == (2000, "true")


def test_authentication_outside_keeps_replays_from_whoever_is_not_signed_in(host: Host) -> None:
    """It refuses before the layer answers; its refusals are not kept."""

    def outside(layer: Any) -> Any:
        async def authentication(scope: Any, receive: Any, send: Any) -> None:
            user = dict(scope["headers"]).get(b"authorization", b"").decode()
            if not user:
                for message in respond(401, b"who are you?"):
                    await send(message)
                return
            scope["user"] = user
            await layer(scope, receive, send)

        return authentication

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in respond(201, scope["user"].encode()):
            await send(message)

    site = host(app, outside=outside, principal=lambda scope: scope["user"])
    said = [
        site.post(headers={"authorization": user} if user else {}) for user in ("ann", "", "bob", "ann", "")
    ]
    assert [answer.text for answer in said] == ["ann", "who are you?", "bob", "ann", "who are you?"]
    assert said[3].headers["idempotency-replayed"] == "true"
