"""Redirects that the server half tells: what is followed, and what the rest means."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyqueue import Certainty, Queue, Response, Verdict
from pyqueue._classify import classify
from pyqueue._http import Request
from pyqueue._redirect import FOLLOWED, send_following
from pyqueue.testing import FakeServer, Simulation

NOW = 1_800_000_000.0


def told(status: Any, location: Any, login: Any = False, source: Any = "/") -> Response:
    members = {
        "type": "urn:pyqueue:redirect",
        "redirect": status,
        "location": location,
        "login": login,
        "from": source,
    }
    return Response(300, {"content-type": "application/problem+json"}, json.dumps(members).encode())


def sent(url: str, *answers: Response) -> tuple[list[Request], Response]:
    """What is sent where the server gives these answers, and then 201."""
    server = FakeServer(answers=deque(answers), latency=0)
    request = Request("POST", url, {"Idempotency-Key": '"k"'}, {"text": "hi"})
    response = asyncio.run(send_following(server, request))
    return server.requests, response


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("/items", "/items/", "/items/"),
        ("/api/items?a=1", "items/?a=1#top", "/api/items/?a=1"),
        ("/api/items", "../v2/items", "/v2/items"),
        ("https://a.org/items", "/items/", "https://a.org/items/"),
        ("https://a.org/items", "https://a.org/items/", "https://a.org/items/"),
    ],
)
def test_a_repeat_within_the_origin_is_followed_with_the_same_request(
    status: int, url: str, location: str, target: str
) -> None:
    requests, response = sent(url, told(status, location))
    assert response.status == 201
    first, second = requests
    assert second.url == target
    assert (first.method, first.body) == (second.method, second.body)
    assert second.headers == {**first.headers, "Pyqueue-Redirected-From": "/"}


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/items", "https://evil.org/items"),
        ("/items", "//evil.org/items"),
        ("/items", "/\\evil.org/items"),
        ("/items", "/\t/evil.org/items"),
        ("/items", "javascript:alert(1)"),
        ("/items", "http://[bad"),
        ("/items", ""),
        ("https://a.org/items", "http://a.org/items"),
        ("https://a.org/items", "https://a.org:8443/items"),
    ],
)
def test_a_repeat_elsewhere_is_failed_with_its_target_named(url: str, location: str) -> None:
    """A job, and its key, are not sent to whomever a server names."""
    requests, response = sent(url, told(307, location))
    outcome = classify(response, NOW)
    assert len(requests) == 1
    assert outcome.error is not None
    assert (outcome.verdict, outcome.certainty) == (Verdict.FAIL, Certainty.REJECTED)
    assert outcome.error.status == 307


@given(st.text(max_size=30))
def test_whatever_is_followed_stays_within_the_site(location: str) -> None:
    requests, _ = sent("/items", told(308, location))
    for request in requests:
        assert request.url.startswith("/")
        assert not request.url.startswith(("//", "/\\"))


@pytest.mark.parametrize("source", [None, "", "/a\r\nX: y", "/\u2028", "x" * 10_000, 7])
def test_a_source_that_is_no_header_ends_the_following(source: Any) -> None:
    requests, response = sent("/a", told(307, "/b", source=source))
    assert len(requests) == 1
    assert classify(response, NOW).verdict is Verdict.FAIL


def test_redirects_in_a_circle_end() -> None:
    requests, response = sent("/a", *[told(307, "/a")] * 20)
    assert len(requests) == 1 + FOLLOWED
    assert classify(response, NOW).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("response", "verdict", "certainty"),
    [
        (told(302, "/login?next=/items", True), Verdict.HOLD, Certainty.REJECTED),
        (told(307, "/login", True), Verdict.HOLD, Certainty.REJECTED),
        (told(302, "/elsewhere"), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (told(303, "/thanks"), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (told(308, "https://b.org/"), Verdict.FAIL, Certainty.REJECTED),
        (told(418, "/"), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (told("303", "/"), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (told(None, None, None), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (told([], {}), Verdict.FAIL, Certainty.MAYBE_APPLIED),
        (Response(300, {}, b"choose"), Verdict.FAIL, Certainty.MAYBE_APPLIED),
    ],
    ids=lambda value: repr(getattr(value, "body", value))[:60],
)
def test_what_a_told_redirect_means(response: Response, verdict: Verdict, certainty: Certainty) -> None:
    outcome = classify(response, NOW)
    assert (outcome.verdict, outcome.certainty) == (verdict, certainty)
    assert outcome.spent is (verdict is not Verdict.HOLD)


def test_a_failure_names_the_target() -> None:
    error = classify(told(303, "/thanks"), NOW).error
    assert error is not None
    assert error.message == "the server redirected to /thanks (303)"


@pytest.mark.parametrize(
    ("redirect", "answer", "status"),
    [
        ("done", told(303, "/thanks"), "done"),
        ("done", told(302, "/login", True), "pending"),
        ("done", told(308, "https://b.org/"), "failed"),
        ("hold", told(303, "/thanks"), "failed"),
        ("hold", told(302, "/login", True), "pending"),
        ("hold", told(307, "/form/"), "done"),
    ],
)
def test_a_route_says_whether_a_redirect_is_a_success(redirect: Any, answer: Response, status: str) -> None:
    """A login is a hold whatever the route says."""
    queue = Queue()
    queue.http("form", "POST", "/form", redirect=redirect)
    with Simulation(queue, FakeServer(answers=deque([answer]))) as world:
        job = world.enqueue("form", {})
        world.wake()
        assert world.job(job).status == status
