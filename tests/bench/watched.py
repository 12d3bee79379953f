"""The case of pages that look: a drain under the demo's board and a greedy tab, beside one with neither."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page

from tests.bench.contenders import Browser, Invalid
from tests.bench.report import PYQUEUE, Row
from tests.browser.harness import Demo

JOBS, POSTS = 500, 16
UNWATCHED = "pyqueue unwatched"
MOST = 1.5

_FILL = """
async ([count, posts]) => {
  await pyqueue.pause();
  const payloads = Array.from({ length: count }, (_, n) => ({ post_id: 1 + (n % posts), text: `${n}` }));
  await pyqueue.enqueueMany(payloads.map((payload) => ["comment.create", payload]));
  while (!(await pyqueue.stats()).paused) await new Promise((resolve) => setTimeout(resolve, 20));
}
"""

_EXPLAIN_ALL = """
() => {
  pyqueue.subscribe(async () => {
    const jobs = await pyqueue.jobs();
    window.told = await Promise.all(jobs.map((job) => job.explain()));
  });
}
"""

_DRAIN = """
async () => {
  await pyqueue.resume();
  for (;;) {
    const { pending, sending } = (await pyqueue.stats()).depth;
    if (pending + sending === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
"""


def watched(browser: Browser, rounds: int) -> Iterator[Row]:
    """500 comments, to 16 posts."""
    row = Row("watched", "ms a job", {UNWATCHED: MOST})
    for _ in range(rounds):
        row.add(UNWATCHED, _measure(browser, is_watched=False))
        row.add(PYQUEUE, _measure(browser, is_watched=True))
    yield row


def _measure(browser: Browser, is_watched: bool) -> float:
    """Milliseconds a job, from the first that the server heard of to the last."""
    with browser() as chromium, _demo() as demo:
        context = chromium.context
        page = _bare(context, demo)
        page.evaluate(
            "async () => (await pyqueue.enqueue('comment.create', { post_id: 1, text: 'first' })).result()"
        )
        page.evaluate(_FILL, [JOBS, POSTS])
        if is_watched:
            _bare(context, demo).evaluate(_EXPLAIN_ALL)
            board = context.new_page()
            board.goto(demo.url)
            board.wait_for_function("window.pyqueue")
            board.bring_to_front()
        page.evaluate(_DRAIN)
        times: list[float] = [entry["time"] for entry in demo.log()][1:]
        if len(times) != JOBS:
            raise Invalid(f"{len(times)} requests for {JOBS} jobs")
        return (max(times) - min(times)) * 1000 / JOBS


def _bare(context: BrowserContext, demo: Demo) -> Page:
    """A tab that only loads pyqueue."""
    page = context.new_page()
    page.goto(demo.url + "login")
    page.add_script_tag(url="/pyqueue/pyqueue.js", type="module")
    page.wait_for_function("window.pyqueue")
    page.evaluate("pyqueue.ready")
    return page


@contextmanager
def _demo() -> Iterator[Demo]:
    """The demo's server with an empty board."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Demo(Path(folder))
        demo.start()
        try:
            yield demo
        finally:
            demo.stop()
