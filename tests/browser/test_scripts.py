"""What a page loads of the scripts as they are built."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from tests.browser.harness import Chromium, Demo, Refusal, Tab

VIEWS = "**/pyqueue/app-*/views.js*"
LOADED = "() => performance.getEntriesByType('navigation')[0].loadEventStart"


@pytest.fixture
def bare(chromium: Chromium, demo: Demo) -> str:
    """The address of a page that has the script tag and nothing else."""
    page = '<!doctype html><title>bare</title><script type="module" src="/pyqueue/pyqueue.js"></script>'
    chromium.context.route("**/bare.html", lambda route: route.fulfill(body=page, content_type="text/html"))
    return f"{demo.url}bare.html"


def scripts(page: Page, before: float) -> list[str]:
    """The paths of the scripts that were asked for before a time of the page."""
    entries = page.evaluate(
        "() => performance.getEntriesByType('resource').map(({ name, startTime }) => [name, startTime])"
    )
    return [urlsplit(name).path for name, start in entries if start < before and "/pyqueue/" in name]


def test_a_page_loads_one_script_and_the_second_when_it_is_idle(chromium: Chromium, bare: str) -> None:
    """Whoever asks for a job later may be offline, so the second one does not wait for that."""
    tab = Tab(chromium, bare)
    chromium.wait_for(lambda: len(scripts(tab.page, float("inf"))) > 1)
    first, second = scripts(tab.page, float("inf"))[:2]
    assert (first, second.rsplit("/", 1)[1]) == ("/pyqueue/pyqueue.js", "views.js")
    assert scripts(tab.page, tab.page.evaluate(LOADED)) == ["/pyqueue/pyqueue.js"]


def test_a_write_needs_no_second_script(chromium: Chromium, demo: Demo, bare: str) -> None:
    """What cannot be loaded is told to who asks to see something, and is loaded once it can be."""
    chromium.context.route(VIEWS, lambda route: route.abort())
    tab = Tab(chromium, bare)
    job = tab.call("enqueue", "comment.create", {"post_id": 1, "text": "hi"})
    with pytest.raises(Refusal, match=r"PyqueueError: .*/views\.js could not be loaded"):
        tab.call("jobs")
    chromium.wait_for(lambda: demo.texts() == ["hi"])
    chromium.context.unroute(VIEWS)
    assert [found["id"] for found in tab.call("jobs")] == [job["id"]]


def test_an_error_has_its_own_name(chromium: Chromium, bare: str) -> None:
    """Though the build shortens those of the classes: callers branch on it, and so does Python."""
    tab = Tab(chromium, bare)
    with pytest.raises(Refusal, match=r"^InvalidPayload: "):
        tab.call("enqueueMany", 1)
    assert tab.page.evaluate(
        "import('/pyqueue/pyqueue.js').then(({ QueueFull }) => new QueueFull('x').name)"
    ) == ("QueueFull")
