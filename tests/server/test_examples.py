"""The examples of each framework, over a real socket with its usual server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.server.examples import HERE, SITES, Example
from tests.server.site import PROBLEM


@pytest.fixture(scope="module", params=SITES)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Example]:
    """One for all tests: each writes under keys of its own."""
    site = Example(request.param, tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.mark.parametrize("name", SITES)
def test_an_example_is_short(name: str) -> None:
    assert len((HERE / f"{name}_site.py").read_text().splitlines()) < 40


def test_a_retry_takes_effect_once(site: Example) -> None:
    first, second = (site.post("once", '"once"') for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert (first.status_code, first.json()) == (201, {"author": None, "text": "once"})
    assert ["idempotency-replayed" in answer.headers for answer in (first, second)] == [False, True]
    assert site.comments().count((None, "once")) == 1


def test_a_retry_of_a_slow_answer_takes_effect_once(site: Example) -> None:
    """The client gives up and asks again, while the first attempt is running and after it."""
    with site.slow():
        with pytest.raises(httpx.ReadTimeout):
            site.post("slow", '"slow"', timeout=1)
        running = site.post("slow", '"slow"')
        assert (running.status_code, running.json()["type"]) == (409, PROBLEM + "in-flight")
        assert "retry-after" in running.headers
    end = time.monotonic() + 30
    while (answer := site.post("slow", '"slow"')).status_code == 409:
        assert time.monotonic() < end
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (201, "true")
    assert site.comments().count((None, "slow")) == 1


def test_another_body_is_422_and_no_key_400(site: Example) -> None:
    site.post("first", '"reused"')
    answers = [site.post("other", '"reused"'), site.post("other", None), site.post("other", "two words")]
    assert [answer.status_code for answer in answers] == [422, 400, 400]
    kinds = [answer.json()["type"].removeprefix(PROBLEM) for answer in answers]
    assert kinds == ["key-reused", "key-missing", "key-invalid"]
    assert (None, "other") not in site.comments()


def test_two_principals_never_meet(site: Example) -> None:
    """They choose the same key, for the same request."""
    for author in ("ann", "bob", "ann", None):
        assert site.post("mine", '"mine"', author).json() == {"author": author, "text": "mine"}
    assert [author for author, text in site.comments() if text == "mine"] == ["ann", "bob", None]


def test_the_browser_files_are_served(site: Example) -> None:
    assert "data-pyqueue" in httpx.get(site.url).text
    script = httpx.get(f"{site.url}/pyqueue/pyqueue.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "comment.create" in script.text
    again = httpx.get(f"{site.url}/pyqueue/sw.js", headers={"If-None-Match": '"none"'})
    assert (again.status_code, again.headers["cache-control"]) == (200, "no-cache")
    for name in ("nothing.js", "sw.js/", "", "../page.html"):
        assert httpx.get(f"{site.url}/pyqueue/{name}").status_code == 404
    assert httpx.get(f"{site.url}/pyqueue/tasks.py").text == (HERE / "tasks.py").read_text()
