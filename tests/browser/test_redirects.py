"""Redirects of a FastAPI site, which browsers hide from a worker and the server half tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Chromium, RedirectingSite, Refusal, Tab

WaitFor = Callable[..., Any]


@pytest.fixture
def redirecting(tmp_path: Path) -> Iterator[RedirectingSite]:
    """The site, running."""
    site = RedirectingSite(tmp_path)
    site.start()
    yield site
    site.close()


def test_a_redirect_to_the_path_with_a_slash_is_followed_and_done_once(
    redirecting: RedirectingSite, chromium: Chromium
) -> None:
    """With the same key and body; an attempt that comes again is answered from what was kept."""
    tab = Tab(chromium, redirecting.url)
    jobs = [tab.call("enqueue", "note", {"text": text})["id"] for text in ("one", "two")]
    assert [tab.result(job) for job in jobs] == [{"id": 1}, {"id": 2}]
    assert redirecting.notes() == ["one", "two"]
    assert [entry["path"] for entry in redirecting.log()] == ["/api/notes", "/api/notes/"] * 2
    keys = [entry["idempotency-key"] for entry in redirecting.log()]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert [tab.job(job)["attempts"] for job in jobs] == [1, 1]
    key = keys[0].strip('"')
    again = tab.call("enqueue", "note", {"text": "one"}, {"idempotencyKey": key})["id"]
    assert tab.result(again) == {"id": 1}
    assert redirecting.notes() == ["one", "two"]


def test_a_redirect_to_a_login_holds_the_queue_and_says_so(
    redirecting: RedirectingSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """What waits is delivered once, after the person has signed in."""
    tab = Tab(chromium, redirecting.url)
    job = tab.call("enqueue", "member", {"text": "mine"})["id"]
    tab.wait_for_explanation(job, "unauthorized")
    assert tab.stats()["holds"]["unauthorized"]["reason"] == "the server redirected to a login"
    expect(tab.page.get_by_test_id("status")).to_contain_text("Sign in to go on")
    assert tab.job(job)["attempts"] == 0
    redirecting.sign_in()
    tab.call("resume")
    assert tab.result(job) == {"id": 1}
    assert redirecting.notes() == ["mine"]


def test_a_redirect_to_another_origin_fails_and_names_it(
    redirecting: RedirectingSite, chromium: Chromium
) -> None:
    """Nothing is sent there."""
    tab = Tab(chromium, redirecting.url)
    job = tab.call("enqueue", "moved", {"text": "away"})["id"]
    with pytest.raises(Refusal, match=r"redirected to https://elsewhere\.test/api/moved \(307\)"):
        tab.result(job)
    assert tab.job(job)["certainty"] == "rejected"
    assert [entry["path"] for entry in redirecting.log()] == ["/api/moved"]


def test_each_request_says_how_the_queue_does(
    redirecting: RedirectingSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """A backlog is counted down; the ages are those of the oldest."""
    tab = Tab(chromium, redirecting.url)
    tab.call("pause")
    jobs = [tab.call("enqueue", "note", {"text": str(number)})["id"] for number in range(3)]
    tab.wait_until_admitted()
    tab.page.wait_for_function("(since) => Date.now() > since + 2000", arg=tab.page.evaluate("Date.now()"))
    tab.call("resume")
    for job in jobs:
        tab.result(job)
    first = redirecting.log()[0]
    assert first["pyqueue-depth"] == "3"
    assert int(first["pyqueue-oldest-age"]) >= 2
    assert {entry["pyqueue-attempt"] for entry in redirecting.log()} == {"1"}
    depths = [int(entry["pyqueue-depth"]) for entry in redirecting.log()]
    assert depths == sorted(depths, reverse=True)
