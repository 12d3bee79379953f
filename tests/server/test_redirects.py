"""Redirects behind the layer: what is an end, and how a queue is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

from pyqueue import Response, Verdict
from pyqueue._classify import classify
from pyqueue._http import Request
from pyqueue._redirect import send_following
from pyqueue.server.redirects import is_login
from tests.server.site import Site, respond

Host = Callable[..., Site]


class WorkersTransport:
    """Sends as the worker does: it asks to be told of redirects, and would not see any other."""

    def __init__(self, site: Site):
        self._site = site

    async def send(self, request: Request) -> Response:
        headers = {**request.headers, "Pyqueue-Redirect": "tell"}
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method, self._site.url + request.url, headers=headers, content=request.body
            )
        if answer.has_redirect_location:
            return Response(0, redirected=True)
        return Response(answer.status_code, dict(answer.headers), answer.content)


def deliver(site: Site, url: str) -> Response:
    request = Request("POST", url, {"Idempotency-Key": '"k"', "Content-Type": "text/plain"}, b"hi")
    return asyncio.run(send_following(WorkersTransport(site), request))


class Redirecting:
    """Redirects everything; counts."""

    def __init__(self, status: int, location: str):
        self.effects = 0
        self._messages = respond(
            status, b"see there", (b"location", location.encode()), (b"set-cookie", b"a=b")
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.effects += 1
        for message in self._messages:
            await send(message)


async def endpoint(request: StarletteRequest) -> PlainTextResponse:
    return PlainTextResponse("done", 201)


def test_a_redirect_to_the_path_with_a_slash_reaches_the_route(host: Host) -> None:
    """A write does not fail for ever because its first answer, a 307, was kept with another path."""
    site = host(Starlette(routes=[Route("/items/", endpoint, methods=["POST"])]))
    by_browser = site.post("/items", '"browser"', follow_redirects=True)
    assert (by_browser.status_code, by_browser.url.path) == (201, "/items/")
    by_queue = [deliver(site, "/items") for _ in range(2)]
    assert [answer.status for answer in by_queue] == [201, 201]
    assert by_queue[1].headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("status", "location", "kept"),
    [
        (301, "/items/1", True),
        (302, "/items/1", True),
        (303, "/items/1", True),
        (307, "/items/1", False),
        (308, "/items/1", False),
        (302, "/login", False),
        (303, "/accounts/login/?next=/items", False),
        (302, "https://sso.example.org/oauth2/authorize?client=1", False),
        (303, "/login.php", False),
        (303, "/blogindex", True),
        (302, "http://[broken", True),
    ],
)
def test_a_redirect_that_did_nothing_is_not_kept(host: Host, status: int, location: str, kept: bool) -> None:
    """The same request would be sent elsewhere, or asks to sign in."""
    app = Redirecting(status, location)
    site = host(app)
    answers = [site.post() for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status] * 2
    assert {answer.headers["location"] for answer in answers} == {location}
    assert app.effects == (1 if kept else 2)


def test_a_retry_that_is_not_redirected_again_gets_the_answer_of_the_target(host: Host) -> None:
    """A job whose answer was lost begins at its own URL again, and is not refused for the target's."""
    effects: list[str] = []

    async def moved(request: StarletteRequest) -> Any:
        return RedirectResponse("/v2/items?a=1", 308)

    async def target(request: StarletteRequest) -> Any:
        effects.append("done")
        return PlainTextResponse("done", 201)

    site = host(
        Starlette(
            routes=[
                Route("/items", moved, methods=["POST"]),
                Route("/v2/items", target, methods=["POST"]),
            ]
        )
    )
    answers = [deliver(site, "/items") for _ in range(3)]
    assert [(answer.status, answer.body) for answer in answers] == [(201, b"done")] * 3
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert effects == ["done"]


def test_which_paths_are_of_a_login_can_be_said(host: Host) -> None:
    app = Redirecting(302, "/welcome?again")
    site = host(app, login=["/welcome"])
    site.post()
    site.post()
    assert app.effects == 2


@pytest.mark.parametrize(
    ("path", "login"),
    [
        ("/login", True),
        ("/Sign-In/", True),
        ("/a/sso/b", True),
        ("/blog/in", False),
        ("/catalog", False),
        ("", False),
    ],
)
def test_a_login_is_known_by_its_segments(path: str, login: bool) -> None:
    assert is_login(path) is login


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_queue_is_told_what_a_browser_would_hide(host: Host, status: int) -> None:
    """The first time and in a replay; with the cookies that the answer sets."""
    site = host(Redirecting(status, "/items/1"))
    for _ in range(2):
        answer = site.post(headers={"pyqueue-redirect": "tell"})
        assert answer.status_code == 300
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["idempotency-key"] == '"k"'
        assert "location" not in answer.headers
        told = answer.json()
        assert (told["type"], told["redirect"], told["location"], told["login"]) == (
            "urn:pyqueue:redirect",
            status,
            "/items/1",
            False,
        )
    assert site.post().headers["location"] == "/items/1"


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("http://127.0.0.1:{port}/a?b=1", "/a?b=1"),
        ("https://127.0.0.1:{port}/a", "/a"),
        ("http://127.0.0.1:{port}", "/"),
        ("http://127.0.0.1:{port}//evil.org/a", "http://127.0.0.1:{port}//evil.org/a"),
        ("http://127.0.0.1:1/a", "http://127.0.0.1:1/a"),
        ("https://b.org/a", "https://b.org/a"),
        ("//b.org/a", "//b.org/a"),
        ("a/b", "a/b"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_a_target_on_the_requests_own_host_is_told_as_a_path(host: Host, location: str, told: str) -> None:
    """Behind a proxy an application often does not know the scheme that the browser sees."""
    targets: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in respond(307, b"", (b"location", targets[0].encode())):
            await send(message)

    site = host(app)
    targets.append(location.format(port=site.port))
    answer = site.post(headers={"pyqueue-redirect": "tell"})
    assert answer.json()["location"] == told.format(port=site.port)


def test_a_login_is_told_as_such_and_holds_the_queue(host: Host) -> None:
    """Once the person has signed in, the same job runs."""
    signed_in: list[str] = []

    async def handle(request: StarletteRequest) -> Any:
        return PlainTextResponse("done", 201) if signed_in else RedirectResponse("/login?next=/", 302)

    site = host(Starlette(routes=[Route("/items", handle, methods=["POST"])]))
    assert classify(deliver(site, "/items"), 0.0).verdict is Verdict.HOLD
    signed_in.append("ann")
    assert classify(deliver(site, "/items"), 0.0).verdict is Verdict.DONE
