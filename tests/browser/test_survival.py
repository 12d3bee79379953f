"""What was enqueued survives whatever dies, and still arrives once and in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.harness import Board, Chromium, Demo, ServiceWorkers

TEN = [f"comment {number}" for number in range(1, 11)]

WRITE_ON_AND_ON = """
async () => {
  for (let number = 1; ; number += 1) {
    await pyqueue.enqueue("comment.create", { post_id: 1, text: String(number) });
    acknowledge(String(number));
  }
}
"""


@pytest.fixture
def slow(demo: Demo) -> Demo:
    """The demo server, taking half a second for every write."""
    demo.set_trouble("slow", delay=0.5)
    return demo


def keys(demo: Demo) -> list[str]:
    """The idempotency keys that arrived, each once, in the order of their first arrival."""
    return list(dict.fromkeys(arrival["key"] for arrival in demo.log()))


def test_a_reload_while_sending_disturbs_nothing(
    board: Board, slow: Demo, wait_for: Callable[..., Any]
) -> None:
    """The worker goes on, and nothing is sent a second time."""
    board.comment_all(TEN)
    wait_for(lambda: len(slow.received()) == 3)
    board.reload()
    wait_for(lambda: len(slow.texts()) == 10)
    assert slow.texts() == TEN
    assert slow.received() == TEN


def test_closing_the_tab_while_sending_disturbs_nothing(
    board: Board, chromium: Chromium, slow: Demo, wait_for: Callable[..., Any]
) -> None:
    """The worker goes on without a page."""
    board.comment_all(TEN)
    wait_for(lambda: len(slow.received()) == 3)
    chromium.close_tabs()
    wait_for(lambda: len(slow.texts()) == 10)
    assert slow.texts() == TEN
    assert slow.received() == TEN


def test_a_worker_killed_while_sending_takes_up_where_it_was(
    board: Board, slow: Demo, service_workers: Callable[..., ServiceWorkers], wait_for: Callable[..., Any]
) -> None:
    """The next wake-up sends again, with the same key, what the old worker had under way."""
    workers = service_workers(board.page)
    board.comment_all(TEN)
    wait_for(lambda: len(slow.received()) == 3)
    workers.stop()
    board.comment("comment 11")
    wait_for(board.is_settled)
    assert slow.texts() == [*TEN, "comment 11"]
    assert len(keys(slow)) == 11


def test_what_was_acknowledged_survives_a_kill_of_the_browser(
    board: Board, chromium: Chromium, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """Killed in the middle of writing and sending, it delivers every acknowledged write after its restart."""
    acknowledged: list[str] = []
    # The worker is awake: while Python boots, the page would write thousands.
    board.wait_for_status(board.comment("0"), "done")
    board.page.expose_function("acknowledge", lambda text: acknowledged.append(text))
    board.page.evaluate(f"void ({WRITE_ON_AND_ON})()")
    wait_for(lambda: len(acknowledged) >= 20 and len(demo.received()) > 1)
    chromium.kill()
    chromium.reopen()
    board = Board(chromium, demo)
    wait_for(board.is_settled)
    texts = demo.texts()
    assert texts == [str(number) for number in range(len(texts))]
    assert len(texts) > len(acknowledged)


def test_an_answer_broken_off_does_not_repeat_the_effect(
    board: Board, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """The attempt that follows has the same key, and is answered from the record."""
    demo.set_trouble("lost")
    board.comment("hi")
    wait_for(lambda: len(demo.received()) >= 2)
    demo.set_trouble()
    wait_for(board.is_settled)
    assert demo.texts() == ["hi"]
    assert len(keys(demo)) == 1
    assert demo.log()[-1]["replayed"]


def test_a_server_killed_before_its_answer_does_not_repeat_the_effect(
    board: Board, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """The comment is stored, no byte of an answer is sent, and the server starts again."""
    demo.set_trouble("lost", delay=600)
    board.comment("hi")
    wait_for(lambda: demo.texts() == ["hi"])
    demo.stop()
    demo.start()
    wait_for(board.is_settled)
    assert demo.texts() == ["hi"]
    assert [arrival["replayed"] for arrival in demo.log()] == [True]


@pytest.mark.parametrize("tabs", [2, 3])
def test_tabs_that_write_at_once_deliver_each_in_its_order(
    board: Board, chromium: Chromium, demo: Demo, wait_for: Callable[..., Any], tabs: int
) -> None:
    """All of fifty writes a tab arrive once, and none is sent twice."""
    boards = [board, *(Board(chromium, demo) for _ in range(tabs - 1))]
    texts = [[f"tab {tab}, comment {number}" for number in range(50)] for tab in range(tabs)]
    for tab, lines in zip(boards, texts, strict=True):
        tab.start_commenting(lines)
    wait_for(lambda: len(demo.texts()) == 50 * tabs, timeout=90)
    arrived = demo.texts()
    for tab, lines in enumerate(texts):
        assert [text for text in arrived if text.startswith(f"tab {tab},")] == lines
    assert demo.received() == arrived
