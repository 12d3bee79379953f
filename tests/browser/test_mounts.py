"""Two sites of one origin, each with the static files at a place of its own, never meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.harness import Annex, Chromium, Tab

NAMES = """
async () => {
  const ours = (names) => [...new Set(names)].filter((name) => name.startsWith("pyqueue:")).sort();
  return {
    databases: ours((await indexedDB.databases()).map(({ name }) => name)),
    caches: ours((await caches.keys()).map((name) => name.split(" ")[0])),
  };
}
"""
HEAR = """
() => {
  window.heard = [];
  pyqueue.subscribe(({ jobs }) => jobs && window.heard.push(...jobs.map(({ id }) => id)));
}
"""
REINSTALL = """
async () => {
  for (const registration of await navigator.serviceWorker.getRegistrations()) {
    if (registration.scope.endsWith("/annex/pyqueue/")) await registration.unregister();
  }
}
"""
FROM_A_BLOB = """
(origin) => new Promise((resolve, reject) => {
  const source = `
    import pyqueue from "${origin}annex/pyqueue/pyqueue.js?tasks=/annex/odd_tasks.py";
    const body = { post_id: 1, text: "from a worker" };
    const job = await pyqueue.enqueue({ url: "api/comments", method: "POST", body });
    postMessage(job.id);
  `;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(url, { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
})
"""
"""A worker whose own address is a `blob:`, as PyScript's workers are."""


@pytest.fixture
def shop(chromium: Chromium, annex: Annex) -> Tab:
    """A page of the queue at `/pyqueue/`."""
    return Tab(chromium, annex.url)


@pytest.fixture
def blog(chromium: Chromium, annex: Annex) -> Tab:
    """A page of the queue at `/annex/pyqueue/`, which has other tasks of the same names."""
    return Tab(chromium, annex.page("odd"))


def test_each_site_has_its_own_queue(
    shop: Tab, blog: Tab, annex: Annex, wait_for: Callable[..., Any]
) -> None:
    """What one keeps, holds and says is nothing to the other."""
    for tab in (shop, blog):
        tab.page.evaluate(HEAR)
    blog.call("pause")
    wait_for(lambda: blog.stats()["paused"])
    kept = blog.comment("of the blog")
    sent = shop.comment("of the shop")
    shop.result(sent)
    assert annex.texts() == ["of the shop"]
    assert not shop.stats()["paused"]
    assert blog.job(kept)["status"] == "pending"
    assert [job["id"] for job in blog.call("jobs")] == [kept]
    assert [job["id"] for job in shop.call("jobs")] == [sent]
    assert set(shop.page.evaluate("window.heard")) == {sent}
    assert set(blog.page.evaluate("window.heard")) == {kept}
    blog.call("resume")
    blog.result(kept)
    assert annex.texts() == ["of the shop", "of the blog"]


def test_each_site_has_its_own_files(shop: Tab, blog: Tab, wait_for: Callable[..., Any]) -> None:
    """A site that is installed anew leaves the other's alone."""
    for tab in (shop, blog):
        tab.result(tab.comment("installed"))
    both = ["pyqueue:/annex/pyqueue/", "pyqueue:/pyqueue/"]
    assert shop.run(NAMES) == {"databases": both, "caches": both}
    blog.run(REINSTALL)
    blog.page.reload()
    blog.page.wait_for_function("window.pyqueue")
    wait_for(lambda: blog.stats()["worker"]["state"] == "installed")
    assert shop.run(NAMES) == {"databases": both, "caches": both}
    shop.result(shop.comment("still there"))


def test_a_relative_url_begins_at_the_sites_root(shop: Tab, blog: Tab, annex: Annex) -> None:
    """In a page's own request, in one of a worker whose address is a `blob:`, and in a task."""
    body = {"post_id": 1, "text": "from a page"}
    request = {"url": "api/comments", "method": "POST", "body": body}
    blog.result(blog.call("enqueue", request)["id"])
    blog.result(blog.run(FROM_A_BLOB, annex.url))
    blog.result(blog.call("enqueue", "relative", {"post_id": 1, "text": "from a task"})["id"])
    assert annex.texts() == ["from a page", "from a worker", "from a task"]
