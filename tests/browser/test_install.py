"""The first visit: nothing is installed, and the first write is made at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Route

from tests.browser.harness import Annex, Chromium, Demo, Tab


def test_a_write_of_the_first_visit_reaches_the_server_once(
    chromium: Chromium, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """Enqueued while the worker is still being installed, it needs no reload and no second visit."""
    page = chromium.open(demo.url)
    page.wait_for_function("window.pyqueue")
    payload = {"post_id": 1, "text": "hi"}
    job_id = page.evaluate(
        "async (payload) => (await pyqueue.enqueue('comment.create', payload)).id", payload
    )
    wait_for(lambda: page.evaluate("async (id) => (await pyqueue.job(id)).status", job_id) == "done")
    assert demo.texts() == ["hi"]
    assert [(arrival["path"], arrival["status"]) for arrival in demo.log()] == [("/api/comments", 201)]


IS_REGISTERED = """
async () => {
  const all = await navigator.serviceWorker.getRegistrations();
  return all.some(({ scope }) => scope.endsWith("/pyqueue/"));
}
"""
IS_IDLE = "() => new Promise((resolve) => requestIdleCallback(() => setTimeout(resolve, 100)))"
SAVES_DATA = "Object.defineProperty(Navigator.prototype, 'connection', { value: { saveData: true } })"
SLOW_IMAGE = """
addEventListener("DOMContentLoaded", () => {
  document.body.append(Object.assign(new Image(), { src: "/slow.png" }));
});
"""


def test_a_visitor_who_only_reads_fetches_nothing_before_the_page_is_there(
    chromium: Chromium, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """The worker is installed once the page has loaded."""
    held: list[Route] = []
    chromium.context.route("**/slow.png", lambda route: held.append(route))
    chromium.context.add_init_script(SLOW_IMAGE)
    page = chromium.context.new_page()
    page.goto(demo.url, wait_until="commit")
    page.wait_for_function("window.pyqueue")
    wait_for(lambda: held)
    page.evaluate(IS_IDLE)
    assert not page.evaluate(IS_REGISTERED)
    held[0].fulfill(status=404)
    wait_for(lambda: page.evaluate(IS_REGISTERED))


@pytest.mark.parametrize(
    ("path", "script"), [("annex/later.html", ""), ("", SAVES_DATA)], ids=["site", "visitor"]
)
def test_the_worker_may_come_with_the_first_write(
    chromium: Chromium, annex: Annex, path: str, script: str
) -> None:
    """Where the site, or the visitor who asked to save data, wants it so; the write leaves all the same."""
    chromium.context.add_init_script(script)
    tab = Tab(chromium, annex.url + path)
    tab.page.evaluate(IS_IDLE)
    assert not tab.page.evaluate(IS_REGISTERED)
    assert tab.stats()["worker"] == {"mode": "none", "state": "starting"}
    tab.result(tab.comment("first"))
    assert tab.page.evaluate(IS_REGISTERED)
    assert annex.texts() == ["first"]


def test_storage_may_be_asked_for(chromium: Chromium, demo: Demo) -> None:
    """The browser's answer, which the stats then show."""
    tab = Tab(chromium, demo.url)
    assert tab.call("persist") == tab.stats()["durable"]


NEVER = "StorageManager.prototype.persist = () => new Promise(() => {})"


def test_a_person_who_does_not_answer_keeps_nobody_waiting(chromium: Chromium, demo: Demo) -> None:
    """Firefox asks, and the question may stay open for ever."""
    chromium.context.add_init_script(NEVER)
    assert Tab(chromium, demo.url).call("persist") is None
