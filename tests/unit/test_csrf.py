"""`csrf=`: a fresh token goes with what leaves, and is left nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Certainty, Csrf, DeclarationError, NoToken, Queue, Response, Status
from pyqueue._csrf import token_in, without_tokens
from pyqueue._http import Request, TransportError
from pyqueue.testing import Simulation
from pyqueue.testing.server import json_response

REFUSED = Response(403, {"content-type": "text/html"}, b"<h1>Forbidden</h1><p>CSRF verification failed.</p>")
OLD, NEW = "old-token-of-the-last-login", "new-token-of-this-login"

ANYWHERE = Csrf(cookie="csrftoken", meta="csrf-token", url="/csrf", header="X-CSRFToken")


def board(csrf: Csrf | None) -> Queue:
    """A queue with a route and a function."""
    queue = Queue(csrf=csrf, origins=["https://elsewhere.test"])
    queue.http("note", "POST", "/api/notes")
    queue.http("remove", "DELETE", "/api/notes/1")
    queue.http("look", "GET", "/api/notes")
    queue.http("elsewhere", "POST", "https://elsewhere.test/api")

    @queue.task("twice")
    async def twice(ctx: Any) -> None:
        await ctx.http.get("/api/notes")
        await ctx.http.post("/api/notes", body={"n": 1}, headers={"x-csrftoken": "written down"})

    return queue


def guarded(token: Callable[[], str]) -> Callable[[Request], Response]:
    """A server that lets pass only what bears the present token, and tells it at /csrf."""

    def handle(request: Request) -> Response:
        if request.url == "/csrf":
            return json_response(200, {"token": token()})
        is_safe = request.method == "GET"
        return Response(201) if is_safe or request.headers.get("X-CSRFToken") == token() else REFUSED

    return handle


def tokens(sim: Simulation) -> list[tuple[str, str | None]]:
    """Of each request that arrived, its URL and token."""
    return [(request.url, request.headers.get("X-CSRFToken")) for request in sim.server.requests]


def stored(sim: Simulation) -> str:
    """All that is on disk."""
    return json.dumps([sim.disk.jobs, sim.disk.inbox, sim.disk.meta], default=str)


@pytest.mark.parametrize("source", ["cookie", "meta", "url"])
def test_a_token_is_read_when_the_request_leaves(source: str) -> None:
    """From each source; a job that was written under an old login bears the new one's."""
    csrf = Csrf(**{source: {"url": "/csrf"}.get(source, "csrftoken")}, header="X-CSRFToken")
    with Simulation(board(csrf)) as sim:
        sim.server.handle = guarded(lambda: NEW)
        sim.server.offline = True
        sim.site.cookies["csrftoken"] = OLD
        sim.site.pages = [{"csrftoken": OLD}]
        job = sim.enqueue("note", {"text": "hi"})
        sim.wake()
        sim.server.offline = False
        sim.site.cookies["csrftoken"] = NEW
        sim.site.pages = [{"csrftoken": NEW}]
        sim.wake("online")
        sim.run(seconds=60)
        assert sim.job(job).status is Status.DONE
        assert [effect.url for effect in sim.server.effects if effect.url != "/csrf"] == ["/api/notes"]
        assert OLD not in stored(sim)
        assert NEW not in stored(sim)


def test_the_first_source_that_has_a_token_counts() -> None:
    with Simulation(board(ANYWHERE)) as sim:
        sim.server.handle = guarded(lambda: "from-url")
        sim.site.pages = [{}, {"csrf-token": "from-meta"}]
        sim.site.cookies["csrftoken"] = "from%2Dcookie"
        for clear in (lambda: None, sim.site.cookies.clear, sim.site.pages.clear):
            clear()
            sim.server.answers.append(201)
            sim.enqueue("note", {})
            sim.run(seconds=60)
        assert [token for url, token in tokens(sim) if token] == ["from-cookie", "from-meta"]
        sim.server.answers.clear()
        sim.enqueue("note", {})
        sim.run(seconds=60)
        assert tokens(sim)[-1] == ("/api/notes", "from-url")


def test_a_refused_token_is_read_anew_and_the_request_sent_again_at_once() -> None:
    """With the same key, and no attempt is spent for it: a page that was not reloaded has the old token."""
    with Simulation(board(ANYWHERE)) as sim:
        sim.server.handle = guarded(lambda: NEW)
        sim.site.pages = [{"csrf-token": OLD}, {"csrf-token": NEW}]
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).status is Status.DONE
        assert sim.job(job).attempts == 1
        assert tokens(sim) == [("/api/notes", OLD), ("/api/notes", NEW)]
        first, second = sim.server.requests
        assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_each_page_from_before_a_login_may_have_a_stale_token_of_its_own() -> None:
    with Simulation(board(Csrf(meta="csrf-token", header="X-CSRFToken"))) as sim:
        sim.server.handle = guarded(lambda: NEW)
        sim.site.pages = [{"csrf-token": token} for token in (OLD, f"{OLD}-masked", NEW)]
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).status is Status.DONE
        assert [token for _, token in tokens(sim)] == [OLD, f"{OLD}-masked", NEW]


def test_a_token_that_is_refused_everywhere_holds_the_queue() -> None:
    """It is not sent a second time: the person has to sign in again."""
    with Simulation(board(Csrf(cookie="csrftoken", header="X-CSRFToken"))) as sim:
        sim.server.handle = guarded(lambda: NEW)
        sim.site.cookies["csrftoken"] = OLD
        job = sim.enqueue("note", {})
        sim.wake()
        assert set(sim.waker.holds) == {"unauthorized"}
        assert "refuses the CSRF token (403)" in sim.waker.holds["unauthorized"]["reason"]
        assert sim.job(job).status is Status.PENDING
        assert sim.job(job).attempts == 0
        assert tokens(sim) == [("/api/notes", OLD)]


def test_without_a_token_nothing_is_sent_and_the_job_waits() -> None:
    """It says which sources were asked; a page that is opened ends the wait, and no attempt is spent."""
    with Simulation(board(ANYWHERE)) as sim:
        sim.server.handle = lambda request: Response(404 if request.url == "/csrf" else 201)
        job = sim.enqueue("note", {})
        sim.wake()
        waiting = sim.job(job)
        assert (waiting.status, waiting.attempts) == (Status.PENDING, 0)
        assert waiting.certainty is Certainty.NEVER_SENT
        assert waiting.error is not None
        assert waiting.error.code == "no_token"
        for part in ("the cookie csrftoken", "a meta csrf-token", "/csrf answered 404"):
            assert part in waiting.error.message
        assert sim.server.effects == []
        sim.site.pages = [{"csrf-token": NEW}]
        sim.wake("load")
        assert sim.job(job).status is Status.DONE


def test_an_unreachable_url_of_a_token_counts_as_an_unreachable_site() -> None:
    with Simulation(board(Csrf(url="/csrf"))) as sim:
        sim.server.offline = True
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert sim.job(job).error.code == "offline"  # type: ignore[union-attr]
        assert sim.job(job).certainty is Certainty.NEVER_SENT


@pytest.mark.parametrize(
    ("task", "seen"),
    [
        ("note", [NEW]),
        ("remove", [NEW]),
        ("look", [None]),
        ("elsewhere", [None]),
        ("twice", [None, NEW]),
    ],
)
def test_a_token_goes_with_what_changes_something_at_the_site_itself(
    task: str, seen: list[str | None]
) -> None:
    """Whoever sends it, and in the place of one that the task has written down."""
    with Simulation(board(ANYWHERE)) as sim:
        sim.site.cookies["csrftoken"] = NEW
        sim.enqueue(task, {})
        sim.wake()
        assert [token for _, token in tokens(sim)] == seen
        assert "written down" not in str(sim.server.requests)


def test_a_request_of_its_own_bears_the_token_only_at_the_site_itself() -> None:
    with Simulation(board(ANYWHERE)) as sim:
        sim.site.cookies["csrftoken"] = NEW
        for url in (f"{sim.site.origin}/a", "https://elsewhere.test/b", "//elsewhere.test/c"):
            sim.enqueue(None, {"url": url})
        sim.wake()
        assert [token for _, token in tokens(sim)] == [NEW, None, None]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, f'<form><input type="hidden" name="csrfmiddlewaretoken" value="{OLD}"></form>'),
        (422, f"<form><INPUT value='{OLD}' name=csrfmiddlewaretoken></form>"),
        (200, f'<meta name="csrf-token" content="{OLD}">'),
        (422, f"token {NEW} was sent"),
        (200, json.dumps({"you": {"sent": NEW}})),
    ],
)
def test_no_token_is_left_in_what_is_kept_of_an_answer(status: int, body: str) -> None:
    """A page of the site has a token in its forms."""
    csrf = Csrf(cookie="csrftoken", meta="csrf-token", field="csrfmiddlewaretoken")
    with Simulation(board(csrf)) as sim:
        media_type = "application/json" if body.startswith("{") else "text/html"
        sim.server.answers.append(Response(status, {"content-type": media_type}, body.encode()))
        sim.site.cookies["csrftoken"] = NEW
        job = sim.enqueue("note", {})
        sim.wake()
        assert not sim.job(job).is_open
        assert OLD not in stored(sim)
        assert NEW not in stored(sim)


def test_no_token_is_left_in_what_is_kept_of_a_page_that_was_only_read() -> None:
    with Simulation(board(Csrf(cookie="csrftoken", field="csrfmiddlewaretoken"))) as sim:
        page = f"<input name=csrfmiddlewaretoken value={OLD}><input name=other value=stays>"
        sim.server.answers.append(Response(200, {"content-type": "text/html"}, page.encode()))
        job = sim.enqueue("look", {})
        sim.wake()
        assert (
            sim.job(job).result == '<input name=csrfmiddlewaretoken value=""><input name=other value=stays>'
        )


def test_a_page_of_any_shape_is_searched_in_no_time() -> None:
    """Tags that never end cost as much as any other text."""
    for body in (b"<input " * 100_000, b"<input name=" + b"name=" * 100_000, b"<meta " + b"a" * 500_000):
        page = Response(200, {"content-type": "text/html"}, body)
        begun = process_time()
        assert without_tokens(page, ANYWHERE) is page
        assert process_time() - begun < 5


def test_the_field_of_a_form_is_left_out_in_a_simulation_too() -> None:
    with Simulation(board(Csrf.django())) as sim:
        sim.site.cookies["csrftoken"] = NEW
        job = sim.enqueue("note", {"text": "hi", "csrfmiddlewaretoken": OLD})
        sim.wake()
        assert sim.job(job).payload == {"text": "hi"}
        assert sim.job(job).status is Status.DONE


def test_a_function_may_see_that_there_is_no_token() -> None:
    queue = Queue(csrf=Csrf(cookie="csrftoken"))

    @queue.task("patient")
    async def patient(ctx: Any) -> str:
        try:
            await ctx.http.post("/a")
        except NoToken:
            return "there was none"
        return "sent"

    with Simulation(queue) as sim:
        job = sim.enqueue("patient", {})
        sim.wake()
        assert sim.job(job).result == "there was none"
        assert sim.server.requests == []


def test_one_read_of_a_url_serves_many_requests() -> None:
    with Simulation(board(Csrf(url="/csrf", header="X-CSRFToken"))) as sim:
        sim.server.handle = guarded(lambda: NEW)
        for _ in range(20):
            sim.enqueue("note", {})
        sim.run(seconds=5)
        assert [url for url, _ in tokens(sim)].count("/csrf") == 1


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (b'{"token": "abc"}', "abc"),
        (b'{"csrf_token": "abc"}', "abc"),
        (b'{"csrfToken": "abc"}', "abc"),
        (b'"abc"', "abc"),
        (b"abc\n", "abc"),
        (b"", None),
        (b'{"token": 7}', None),
        (b'{"other": "abc"}', None),
        (b"<html><body>Please log in</body></html>", None),
        (b"a" * 5000, None),
        (b'{"token": "a\\nb"}', None),
    ],
)
def test_an_answer_is_a_token_or_none(body: bytes, token: str | None) -> None:
    assert token_in(Response(200, {}, body)) == token
    assert token_in(Response(404, {}, body)) is None


@given(st.binary())
def test_any_answer_can_be_looked_at_for_a_token(body: bytes) -> None:
    token_in(Response(200, {}, body))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "no source"),
        ({"cookie": "a b"}, "cookie"),
        ({"cookie": ""}, "cookie"),
        ({"meta": ""}, "meta"),
        ({"url": "csrf"}, "url"),
        ({"url": "//elsewhere.test/csrf"}, "url"),
        ({"url": "https://elsewhere.test/csrf"}, "url"),
        ({"url": "/\\elsewhere.test"}, "url"),
        ({"cookie": "a", "header": "Cookie"}, "header"),
        ({"cookie": "a", "header": "a b"}, "header"),
        ({"cookie": "a", "header": "Idempotency-Key"}, "header"),
        ({"cookie": "a", "field": ""}, "field"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(options: dict[str, Any], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        Csrf(**options)


def test_a_queue_takes_only_a_csrf() -> None:
    with pytest.raises(DeclarationError, match="csrf is 'django'; give a Csrf"):
        Queue(csrf="django")  # type: ignore[arg-type]


def test_pages_are_told_what_to_leave_out_and_no_more() -> None:
    assert Queue(csrf=Csrf.django()).declaration()["csrf"] == {
        "header": "X-CSRFToken",
        "field": "csrfmiddlewaretoken",
    }
    assert Queue(csrf=Csrf(url="/csrf")).declaration()["csrf"] == {"header": "X-CSRF-Token"}
    assert "csrf" not in Queue().declaration()


def test_an_attempt_without_an_answer_stays_one() -> None:
    """The token was read; that the request then got none is the network's."""
    with Simulation(board(Csrf(cookie="csrftoken"))) as sim:
        sim.site.cookies["csrftoken"] = NEW
        sim.server.answers.append(TransportError("network", "reset"))
        job = sim.enqueue("note", {})
        sim.wake()
        assert sim.job(job).error is not None
        assert sim.job(job).error.code == "network"  # type: ignore[union-attr]
        assert sim.job(job).certainty is Certainty.MAYBE_APPLIED
