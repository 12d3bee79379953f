"""A site that changes its tasks gets a new worker, which takes over what waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.harness import Board, Demo

TEN = [f"comment {number}" for number in range(1, 11)]
NEW_TASK = 'queue.http("comment.shout", "POST", "/api/comments", ordering_key="post:{post_id}")\n'

DECLARE_MORE = """
() => pyqueue.declare({
  limits: { payload_bytes: 1 << 20, jobs: 100, bytes: 1 << 20 },
  tasks: { "comment.create": { label: null }, "comment.shout": { label: null } },
})
"""
"""A page that is newer than its worker."""


@pytest.fixture
def deploy(demo: Demo) -> Callable[[], None]:
    """Gives the site a tasks module that declares `comment.shout` too."""

    def deploy() -> None:
        demo.tasks.write_text(demo.tasks.read_text() + NEW_TASK)

    return deploy


def test_jobs_that_wait_are_delivered_by_the_new_worker(
    board: Board, demo: Demo, deploy: Callable[[], None], wait_for: Callable[..., Any]
) -> None:
    """Among them one of a task that only the new worker knows."""
    board.call("pause")
    board.comment_all(TEN)
    board.page.evaluate(DECLARE_MORE)
    shout = board.call("enqueue", "comment.shout", {"post_id": 2, "text": "LOUD"})["id"]
    failure = board.wait_for_status(shout, "failed")
    assert failure["error"]["code"] == "unknown_task"
    deploy()
    board.reload()
    board.wait_for_status(shout, "pending")
    board.call("resume")
    wait_for(board.is_settled)
    comments = demo.comments()
    assert [comment["text"] for comment in comments if comment["post_id"] == 1] == TEN
    assert [comment["text"] for comment in comments if comment["post_id"] == 2] == ["LOUD"]
    assert len(demo.received()) == 11


def test_a_new_worker_takes_over_in_the_middle_of_sending(
    board: Board, demo: Demo, deploy: Callable[[], None], wait_for: Callable[..., Any]
) -> None:
    """The old one's work is neither lost nor done twice, and stays in order."""
    demo.set_trouble("slow", delay=0.5)
    board.comment_all(TEN)
    wait_for(lambda: len(demo.received()) == 3)
    deploy()
    board.reload()
    board.call("enqueue", "comment.shout", {"post_id": 1, "text": "LOUD"})
    wait_for(lambda: "LOUD" in demo.texts())
    assert demo.texts() == [*TEN, "LOUD"]
    assert demo.received() == demo.texts()
