"""Requests go to the site's own origin, and to what the declaration names: nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from pyqueue import Certainty, DeclarationError, InvalidPayload, Queue, Response, Status
from pyqueue.testing import Simulation

ELSEWHERE = [
    "https://evil.test/notes",
    "//evil.test/notes",
    "///evil.test/notes",
    "\\\\evil.test/notes",
    "/\\evil.test/notes",
    "/\t/evil.test/notes",
    "/\n/evil.test/notes",
    "\t//evil.test/notes",
    " //evil.test/notes",
    "https:evil.test",
    "https:/evil.test",
    "https:\\\\evil.test",
    "ht\ntps://evil.test/",
    "HTTPS://EVIL.test/",
    "http://site.test/notes",
    "https://site.test:8443/notes",
    "https://site.test.evil.test/notes",
    "https://site.test@evil.test/notes",
    "https://site.test\\@evil.test/notes",
    "https://evil.test\\.site.test/notes",
    "https://evil.test#@site.test/",
    "https://evil.test?@site.test/",
    "https://site.test./notes",
    "https://%65vil.test/",
    "https://ｅｖｉｌ.test/",
    "https://0x7f.1/",
    "https://2130706433/",
    "https://[::ffff:127.0.0.1]/",
    "https://127.1/",
    "javascript:alert(1)",
    "data:text/plain,x",
    "blob:https://site.test/x",
    "file:///etc/passwd",
    "https://",
    "https://[bad",
    "https://site.test:99999/",
    "https://site.test:x/",
]
"""URLs that lead a browser elsewhere than to https://site.test, or nowhere."""

WITHIN = [
    "/notes",
    "notes",
    "?a=//evil.test",
    "#x",
    "https://site.test/notes",
    "HTTPS://SITE.TEST:443/",
    "/a/../b",
]


def append(sim: Simulation, url: str) -> str:
    """Appends a request to the inbox as a hostile page does: nothing is checked."""
    sim.disk.append("enqueue", sim.clock.now(), id="j", payload={"url": url}, bytes=1)
    return "j"


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_request_to_elsewhere_is_refused_where_it_is_enqueued(url: str) -> None:
    with Simulation(Queue()) as sim:
        with pytest.raises(InvalidPayload):
            sim.enqueue(None, {"url": url})
        assert sim.disk.inbox == {}


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_request_to_elsewhere_does_not_leave(url: str) -> None:
    """A hostile page has written it into the inbox: the job fails, and nothing was sent."""
    with Simulation(Queue()) as sim:
        job = append(sim, url)
        sim.run(seconds=60)
        assert sim.server.requests == []
        assert sim.job(job).status is Status.FAILED
        assert sim.job(job).certainty is Certainty.NEVER_SENT
        assert sim.job(job).error is not None


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_task_function_sends_nothing_elsewhere(url: str) -> None:
    queue = Queue()

    @queue.task("send")
    async def send(ctx: Any, *, url: str) -> None:
        await ctx.http.post(url)

    with Simulation(queue) as sim:
        job = sim.enqueue("send", {"url": url})
        sim.run(seconds=60)
        assert sim.server.requests == []
        assert sim.job(job).status is Status.FAILED


@pytest.mark.parametrize("url", WITHIN)
def test_a_request_within_the_site_leaves(url: str) -> None:
    with Simulation(Queue()) as sim:
        sim.enqueue(None, {"url": url})
        sim.run(seconds=60)
        assert [request.url for request in sim.server.requests] == [url]


def test_a_request_goes_to_an_origin_that_is_declared_and_to_no_neighbour_of_it() -> None:
    with Simulation(Queue(origins=["https://api.example.org"])) as sim:
        sim.enqueue(None, {"url": "https://api.example.org/notes"})
        for url in ("http://api.example.org/", "https://api.example.org:444/", "https://example.org/"):
            with pytest.raises(InvalidPayload, match=r"Queue\(origins="):
                sim.enqueue(None, {"url": url})
        sim.run(seconds=60)
        assert [request.origin for request in sim.server.requests] == ["https://api.example.org"]


def test_a_route_to_an_origin_that_is_not_declared_is_refused_with_the_remedy() -> None:
    with pytest.raises(DeclarationError, match=r"Queue\(origins=\['https://api\.example\.org'\]\)"):
        Queue().http("note", "POST", "https://api.example.org/notes/{id}")
    Queue(origins=["https://api.example.org"]).http("note", "POST", "https://api.example.org/notes/{id}")


def test_a_kill_switch_elsewhere_is_refused() -> None:
    with pytest.raises(DeclarationError, match="kill_switch"):
        Queue(kill_switch="https://evil.test/flag.json")


@pytest.mark.parametrize(
    "value", ["//evil.test", "..", "/../..", "\\evil", "https://evil.test", "@evil.test", "\t"]
)
def test_a_value_in_a_template_does_not_lead_elsewhere(value: str) -> None:
    """At worst the job fails."""
    queue = Queue()
    queue.http("note", "POST", "/notes/{id}?q={id}")
    queue.http("root", "POST", "/{id}")
    with Simulation(queue) as sim:
        for task in ("note", "root"):
            sim.enqueue(task, {"id": value})
        sim.run(seconds=60)
        for request in sim.server.requests:
            assert request.url.startswith("/")
            assert not request.url.startswith(("//", "/\\", "/\t"))


@pytest.mark.parametrize(
    "location", ["https://evil.test/", "//evil.test/", "/\\evil.test/", "/\t/evil.test/"]
)
def test_a_redirect_that_the_server_half_tells_does_not_lead_elsewhere(location: str) -> None:
    body = f'{{"type":"urn:pyqueue:redirect","redirect":307,"location":{location!r},"from":"/"}}'.replace(
        "'", '"'
    )
    told = Response(300, {"content-type": "application/problem+json"}, body.encode())
    with Simulation(Queue(origins=["https://evil.test"])) as sim:
        sim.server.answers.append(told)
        sim.enqueue(None, {"url": "/notes"})
        sim.run(seconds=60)
        assert [request.url for request in sim.server.requests] == ["/notes"]


def test_a_route_does_not_let_the_browser_follow_a_redirect_of_another_origin() -> None:
    """Browsers follow to anywhere. Within the site the worker holds them to it."""
    with pytest.raises(DeclarationError, match="follow"):
        Queue(origins=["https://a.test"]).http("note", "POST", "https://a.test/notes", redirect="follow")
