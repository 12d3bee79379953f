"""Two sites of one origin, each with the static files at a place of its own, never meet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.harness import Annex, Chromium, ServiceWorkers, Tab

ODD_TASKS = Path(__file__).parent / "pages" / "odd_tasks.py"

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
HOLD_LOCK = """
() => {
  const held = new Promise((release) => { window.release = release; });
  navigator.locks.request("pyqueue:/pyqueue/", () => held);
}
"""
FROM_A_FRAME = """
(body) => new Promise((resolve) => {
  window.enqueue = async (pyqueue) => {
    resolve((await pyqueue.enqueue({ url: "api/comments", method: "POST", body })).id);
  };
  const frame = document.createElement("iframe");
  frame.srcdoc = `<script type="module">
    import pyqueue from "/annex/pyqueue/pyqueue.js?tasks=/annex/odd_tasks.py";
    parent.enqueue(pyqueue);
  </` + "script>";
  document.body.append(frame);
})
"""
"""A frame whose address is `about:srcdoc`."""
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
    """In a task, and in a request of a page, a frame without an address, a worker that is a `blob:`."""
    body = {"post_id": 1, "text": "from a page"}
    request = {"url": "api/comments", "method": "POST", "body": body}
    blog.result(blog.call("enqueue", request)["id"])
    blog.result(blog.run(FROM_A_FRAME, {"post_id": 1, "text": "from a frame"}))
    blog.result(blog.run(FROM_A_BLOB, annex.url))
    blog.result(blog.call("enqueue", "relative", {"post_id": 1, "text": "from a task"})["id"])
    assert annex.texts() == ["from a page", "from a frame", "from a worker", "from a task"]


def test_no_site_waits_for_the_others_lock(shop: Tab, blog: Tab, annex: Annex) -> None:
    """One that is busy, or frozen, holds up nobody but itself."""
    shop.page.evaluate(HOLD_LOCK)
    waits = shop.comment("of the shop")
    blog.result(blog.comment("of the blog"))
    assert annex.texts() == ["of the blog"]
    shop.page.evaluate("window.release()")
    shop.result(waits)


def test_a_place_has_one_queue_whatever_tasks_its_pages_name(chromium: Chromium, annex: Annex) -> None:
    """Those of an older page may be other ones."""
    pages = ["/annex/odd_tasks.py", "/annex/limited_tasks.py"]
    first, second = (Tab(chromium, annex.entry("/annex/pyqueue/", tasks)) for tasks in pages)
    first.call("pause")
    job = first.call("enqueue", {"url": "/api/comments", "body": {"post_id": 1, "text": "hi"}})["id"]
    assert [job["id"] for job in second.call("jobs")] == [job]


def test_each_site_keeps_its_own_copy_of_tasks_that_both_name(chromium: Chromium, annex: Annex) -> None:
    """A static host does not tell that they have changed: the later site must not get the older copy."""
    tasks = "/annex/odd_tasks.py"
    older = Tab(chromium, annex.entry("/annex/pyqueue/", tasks))
    older.result(older.comment("before"))
    changed = f"{ODD_TASKS.read_text()}\nqueue.http('comment.shout', 'POST', '/api/comments')\n"
    annex.damage(replaced={tasks: changed})
    newer = Tab(chromium, annex.entry("/app/static/pyqueue/", tasks))
    newer.result(newer.call("enqueue", "comment.shout", {"post_id": 1, "text": "AFTER"})["id"])
    assert annex.texts() == ["before", "AFTER"]


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("/app/static/pyqueue/", "/app/static/pyqueue/"),
        ("/café 100%25/pyqueue/", "/caf%C3%A9%20100%25/pyqueue/"),
    ],
    ids=["deep", "escaped"],
)
def test_the_files_may_be_anywhere(
    chromium: Chromium, annex: Annex, wait_for: Callable[..., Any], folder: str, path: str
) -> None:
    """Python boots from there without a network, and what was written then is delivered."""
    tab = Tab(chromium, annex.entry(folder, "/annex/odd_tasks.py"))
    tab.result(tab.comment("before"))
    assert tab.run(NAMES) == {"databases": [f"pyqueue:{path}"], "caches": [f"pyqueue:{path}"]}
    workers = ServiceWorkers(tab.page, "odd_tasks.py")
    annex.stop()
    workers.stop()
    job = tab.comment("after")
    tab.wait_for_explanation(job, "backoff")
    assert tab.stats()["worker"]["mode"] == "service-worker"
    annex.start()
    tab.call("flush")
    tab.result(job)
    assert annex.texts() == ["before", "after"]
