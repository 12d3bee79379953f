"""A boot keeps the interpreter's memory for the next; whatever becomes of it costs time, never a write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.harness import Board, Chromium, Demo, ServiceWorkers

KEPT = """
async () => {
  for (const name of await caches.keys()) {
    if (!name.endsWith(" snapshot")) continue;
    const [request] = await (await caches.open(name)).keys();
    if (request) return request.url;
  }
}
"""
DAMAGE = """
async (how) => {
  for (const name of await caches.keys()) {
    if (!name.endsWith(" snapshot")) continue;
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const response = await cache.match(request);
      const headers = Object.fromEntries(response.headers);
      const body = new Uint8Array(await response.arrayBuffer());
      if (how === "evicted") await cache.delete(request);
      if (how === "flipped") body[body.length >> 1] ^= 1;
      if (how === "without its size") delete headers["pyqueue-size"];
      if (how === "of another size") headers["pyqueue-size"] -= 65536;
      const end = { cut: -100, "cut in half": body.length >> 1, empty: 0 }[how];
      if (how !== "evicted") await cache.put(request, new Response(body.slice(0, end), { headers }));
    }
  }
}
"""


@pytest.fixture
def more_tasks() -> str:
    """What a test's site has in its tasks module, besides; parametrized."""
    return ""


@pytest.fixture
def board(more_tasks: str, chromium: Chromium, demo: Demo) -> Board:
    """The board of such a site, its worker installed."""
    demo.tasks.write_text(demo.tasks.read_text() + more_tasks)
    board = Board(chromium, demo)
    chromium.wait_for(board.is_installed)
    return board


@pytest.fixture
def restart(board: Board, service_workers: Callable[..., ServiceWorkers]) -> Callable[[], None]:
    """Stops the worker: the next wake-up boots again."""
    return service_workers(board.page).stop


@pytest.fixture
def deliver(board: Board, wait_for: Callable[..., Any]) -> Callable[[str], dict[str, Any]]:
    """Delivers a comment, and tells how its worker had booted."""

    def deliver(text: str) -> dict[str, Any]:
        board.wait_for_status(board.comment(text), "done")
        boot: dict[str, Any] = wait_for(lambda: board.stats()["worker"].get("boot"))
        return boot

    return deliver


def test_the_second_boot_is_a_restored_one(
    board: Board,
    demo: Demo,
    restart: Callable[[], None],
    deliver: Callable[[str], dict[str, Any]],
    wait_for: Callable[..., Any],
) -> None:
    """Also the third: what was restored needs not be kept anew."""
    cold = deliver("first")
    assert (cold["restored"], cold["reason"]) == (False, "no snapshot is kept yet")
    wait_for(lambda: board.run(KEPT))
    for text in ("second", "third"):
        restart()
        boot = deliver(text)
        assert boot["restored"], boot
        assert boot["milliseconds"] < cold["milliseconds"]
        assert "reason" not in boot
    assert demo.texts() == ["first", "second", "third"]


@pytest.mark.parametrize(
    "how", ["evicted", "flipped", "cut", "cut in half", "empty", "without its size", "of another size"]
)
def test_a_damaged_snapshot_costs_a_cold_boot(
    how: str,
    board: Board,
    demo: Demo,
    restart: Callable[[], None],
    deliver: Callable[[str], dict[str, Any]],
    wait_for: Callable[..., Any],
) -> None:
    """Which keeps another in its place."""
    deliver("first")
    wait_for(lambda: board.run(KEPT))
    board.run(DAMAGE, how)
    restart()
    boot = deliver("second")
    assert not boot["restored"]
    assert boot["reason"] == (
        "no snapshot is kept yet"
        if how == "evicted"
        else "no snapshot can be restored: the kept snapshot is damaged"
    )
    wait_for(lambda: board.run(KEPT))
    restart()
    assert deliver("third")["restored"]
    assert demo.texts() == ["first", "second", "third"]


DRAWS = """

import random
import uuid


@queue.task("draw", ordering_key=None)
async def draw(ctx):
    return [random.random(), str(uuid.uuid1()), str(uuid.uuid4())]
"""
HOLDS = """

import sys

if sys.platform == "emscripten":
    from js import Object

    held = Object.new()
"""


@pytest.mark.parametrize("more_tasks", [DRAWS], ids=["draws"])
def test_restored_workers_draw_other_numbers(
    board: Board, restart: Callable[[], None], wait_for: Callable[..., Any]
) -> None:
    """What was drawn before the snapshot would be drawn again by all that are restored from it."""
    drawn: set[str] = set()
    for _ in range(3):
        job = board.call("enqueue", "draw", {})["id"]
        drawn.update(map(str, board.result(job)))
        wait_for(lambda: board.run(KEPT))
        restart()
    assert len(drawn) == 9


@pytest.mark.parametrize("more_tasks", [HOLDS], ids=["holds"])
def test_tasks_that_hold_an_object_of_javascript_boot_cold_and_say_why(
    demo: Demo, board: Board, restart: Callable[[], None], deliver: Callable[[str], dict[str, Any]]
) -> None:
    """Such an object cannot be in a snapshot."""
    for text in ("first", "second"):
        boot = deliver(text)
        assert not boot["restored"]
        assert "does tasks.py hold a JavaScript object?" in boot["reason"]
        restart()
    assert demo.texts() == ["first", "second"]


def test_changed_tasks_are_imported_anew(
    demo: Demo,
    board: Board,
    restart: Callable[[], None],
    deliver: Callable[[str], dict[str, Any]],
    wait_for: Callable[..., Any],
) -> None:
    """A snapshot holds the tasks of its time."""
    deliver("first")
    kept = wait_for(lambda: board.run(KEPT))
    demo.tasks.write_text(demo.tasks.read_text() + 'queue.http("later", "POST", "/api/comments")\n')
    board.reload()
    payload = {"post_id": 1, "text": "of a new task"}
    job = board.call("enqueue", "later", payload)["id"]
    board.wait_for_status(job, "done")
    wait_for(lambda: board.run(KEPT) not in (None, kept))
    restart()
    assert deliver("last")["restored"]
    assert demo.texts() == ["first", "of a new task", "last"]
