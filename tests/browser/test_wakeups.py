"""Due or future work always has an armed wake-up, also where there is no Background Sync."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.harness import Board, Chromium, Demo, ServiceWorkers

HASTY_SYNC = [
    "--force-fieldtrials=BackgroundSync/Hasty/",
    "--force-fieldtrial-params=BackgroundSync.Hasty:"
    "initial_retry_delay_sec/1/retry_delay_factor/1/max_sync_attempts/2/min_recovery_time_sec/1",
]
"""The browser fires a failed sync event again after a second instead of five minutes, and twice at most."""

NOTE_SCHEDULE = """
() => {
  window.wakeAt = null;
  pyqueue.subscribe((change) => { if (change.type === "idle") window.wakeAt = change.wake_at ?? null; });
}
"""

COUNT_DRAINS = """
() => {
  window.drains = 0;
  pyqueue.subscribe((change) => { if (change.type === "idle") window.drains += 1; });
}
"""


@pytest.fixture
def lone_board(chromium: Chromium, demo: Demo) -> Board:
    """The board where Background Sync is switched off, its worker installed."""
    chromium.deny_background_sync(demo.url)
    board = Board(chromium, demo)
    chromium.wait_for(board.is_installed)
    return board


def has_schedule(board: Board) -> bool:
    """Whether a wake-up is stored: at the latest when the first request leaves."""
    return board.stats()["nextWakeUp"] is not None


@pytest.mark.parametrize(
    "sign",
    [
        "dispatchEvent(new Event('online'))",
        "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
        "document.dispatchEvent(new Event('visibilitychange'))",
        "location.reload()",
    ],
    ids=["online", "back", "visible", "load"],
)
def test_a_sign_of_a_network_wakes_a_stopped_worker_without_background_sync(
    lone_board: Board,
    demo: Demo,
    service_workers: Callable[..., ServiceWorkers],
    wait_for: Callable[..., Any],
    sign: str,
) -> None:
    """What could not reach the server does not wait for the minutes of its backoff."""
    workers = service_workers(lone_board.page)
    demo.stop()
    lone_board.comment("hi", retry={"base": 300, "cap": 300})
    wait_for(lambda: has_schedule(lone_board))
    workers.stop()
    demo.start()
    assert demo.received() == []
    lone_board.page.evaluate(sign)
    wait_for(lambda: demo.texts() == ["hi"])
    assert demo.received() == ["hi"]
    assert lone_board.stats()["backgroundSync"] is not True


def test_the_page_wakes_a_stopped_worker_when_the_next_job_is_due(
    lone_board: Board,
    demo: Demo,
    service_workers: Callable[..., ServiceWorkers],
    wait_for: Callable[..., Any],
) -> None:
    """A timer of the page carries out the schedule, not earlier than the server asked for."""
    workers = service_workers(lone_board.page)
    demo.set_trouble("unavailable", retry_after=8)
    lone_board.page.evaluate(NOTE_SCHEDULE)
    lone_board.comment("hi")
    # The page was told of the answer's wait, not only of the wake-up in case that none comes.
    wait_for(lambda: 0 < (lone_board.page.evaluate("wakeAt") or 0) - time.time() <= 8)
    workers.stop()
    demo.set_trouble()
    wait_for(lambda: demo.texts() == ["hi"])
    first, second = demo.log()
    assert second["time"] - first["time"] >= 8


def test_the_page_wakes_a_worker_that_was_killed_while_sending(
    lone_board: Board,
    demo: Demo,
    service_workers: Callable[..., ServiceWorkers],
    wait_for: Callable[..., Any],
) -> None:
    """Half a minute of silence is enough; what was under way is repeated with its key."""
    workers = service_workers(lone_board.page)
    lone_board.page.clock.install()
    demo.set_trouble("lost", delay=600)
    lone_board.comment_all(["one", "two"])
    wait_for(lambda: demo.texts() == ["one"])
    workers.stop()
    demo.set_trouble()
    lone_board.page.clock.fast_forward("00:31")
    wait_for(lone_board.is_settled)
    assert demo.texts() == ["one", "two"]
    assert demo.received() == ["one", "one", "two"]


@pytest.mark.parametrize(
    "trouble",
    [{"mode": "unavailable", "retry_after": 20}, {"mode": "unavailable", "status": 429, "retry_after": 20}],
    ids=["503", "429"],
)
def test_a_drain_with_work_left_arms_the_browser_and_the_page(
    board: Board, demo: Demo, wait_for: Callable[..., Any], trouble: dict[str, Any]
) -> None:
    """Background Sync is registered, and the schedule says when the server may be asked again."""
    demo.set_trouble(**trouble)
    board.comment("hi")
    wait_for(lambda: 0 < (board.stats()["nextWakeUp"] or 0) - time.time() <= 20)
    assert board.sync_tags() == ["pyqueue:/pyqueue/"]
    assert demo.received() == ["hi"]


@pytest.mark.parametrize("chromium_arguments", [HASTY_SYNC], ids=["hasty"])
def test_a_sync_event_with_work_left_is_fired_again_also_after_the_last_chance(
    board: Board, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """The event fails on purpose, and at the last chance the worker registers anew while a page is open."""
    board.page.evaluate(COUNT_DRAINS)
    board.comment("much later", delay=600)
    wait_for(lambda: board.page.evaluate("drains") >= 6)
    assert demo.received() == []


PERIODIC_TAGS = """
async () => {
  const { periodicSync } = await navigator.serviceWorker.getRegistration("/pyqueue/");
  return periodicSync.getTags();
}
"""


def test_a_periodic_wake_up_is_registered_where_it_is_granted(
    chromium: Chromium,
    demo: Demo,
    service_workers: Callable[..., ServiceWorkers],
    wait_for: Callable[..., Any],
) -> None:
    """With every page closed and the worker stopped, it delivers what nothing else wakes the worker for."""
    chromium.grant(demo.url, "periodicBackgroundSync")
    chromium.deny_background_sync(demo.url)
    board = Board(chromium, demo)
    wait_for(board.is_installed)
    wait_for(lambda: board.run(PERIODIC_TAGS) == ["pyqueue:/pyqueue/"])
    demo.stop()
    board.comment("hi", retry={"base": 2, "cap": 2})
    wait_for(lambda: has_schedule(board))
    chromium.close_tabs()
    (empty,) = chromium.context.pages
    workers = service_workers(empty)
    workers.stop()
    demo.start()
    assert demo.received() == []
    workers.dispatch_periodic_sync(f"{demo.url}pyqueue/")
    wait_for(lambda: demo.texts() == ["hi"])
    assert demo.received() == ["hi"]
