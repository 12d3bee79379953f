"""The first visit: nothing is installed, and the first write is made at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.harness import Chromium, Demo


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
