"""`<pyqueue-status>` says how the queue is, to everybody, and what can be done about it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import Board, Demo

HEAR = """
(status) => {
  window.said = [];
  new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
}
"""
"""Keeps what is said from here on: a look now and then would miss what is said for half a second."""


def button(page: Page, name: str | re.Pattern[str]) -> Locator:
    """A button of the element."""
    return page.get_by_test_id("status").get_by_role("button", name=name)


def test_it_counts_what_is_on_its_way(board: Board, demo: Demo, network: Network) -> None:
    """From "All saved" by way of "Offline" and "Syncing…" back to "All saved"."""
    expect(board.status).to_have_text("All saved")
    network.offline()
    expect(board.status).to_have_text("Offline")
    jobs = [board.comment(text) for text in ("one", "two", "three")]
    expect(board.status).to_have_text("Offline: 3 saved here")
    demo.set_trouble("slow", delay=0.5)
    board.status.evaluate(HEAR)
    network.online()
    expect(board.status).to_have_text("All saved")
    assert board.page.evaluate("said") == [*(f"Syncing… {left}" for left in (3, 2, 1)), "All saved"]
    for job in jobs:
        board.result(job)
    assert demo.texts() == ["one", "two", "three"]


def test_retry_now_sends_all_that_needs_attention(board: Board, demo: Demo) -> None:
    """The list names each with the server's reason, and one click sends them all in their order."""
    demo.set_trouble("reject")
    jobs = [board.comment(text) for text in ("one", "two")]
    for job in jobs:
        board.wait_for_status(job, "failed")
    expect(board.status).to_have_text("2 need attention")
    button(board.page, "2 need attention").click()
    rows = board.page.get_by_test_id("status").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("The server refuses every comment for now.")
    demo.set_trouble()
    button(board.page, "Retry now").click()
    expect(board.status).to_have_text("All saved")
    expect(rows).to_have_text(["Everything is on the server."])
    expect(button(board.page, "Retry now")).to_be_hidden()
    assert demo.texts() == ["one", "two"]


def test_one_job_is_retried_and_another_discarded_in_the_list(board: Board, demo: Demo) -> None:
    """Each row has its own buttons."""
    demo.set_trouble("reject")
    kept, dropped = board.comment("kept"), board.comment("dropped")
    for job in (kept, dropped):
        board.wait_for_status(job, "failed")
    demo.set_trouble()
    button(board.page, "2 need attention").click()
    rows = board.page.get_by_test_id("status").get_by_role("listitem")
    rows.filter(has_text="dropped").get_by_role("button", name="Discard").click()
    expect(board.status).to_have_text("1 needs attention")
    rows.filter(has_text="kept").get_by_role("button", name="Retry").click()
    expect(board.status).to_have_text("All saved")
    board.result(kept)
    assert demo.texts() == ["kept"]


@pytest.mark.parametrize("mode", ["unauthorized", "paused"])
def test_a_held_queue_goes_on_at_a_click(board: Board, demo: Demo, mode: str) -> None:
    """It says what holds the queue, and how much is saved here meanwhile."""
    if mode == "paused":
        board.call("pause")
    else:
        demo.set_trouble(mode)
    job = board.comment("later")
    said = "Paused: 1 saved here" if mode == "paused" else "Sign in to go on: 1 saved here"
    expect(board.status).to_have_text(said)
    demo.set_trouble()
    board.page.get_by_role("button", name="Go on", exact=True).click()
    board.result(job)
    expect(board.status).to_have_text("All saved")
    assert demo.texts() == ["later"]


def test_it_is_used_by_keyboard_alone(board: Board, demo: Demo) -> None:
    """The list opens with Enter, its buttons follow, Escape closes it and leads back."""
    demo.set_trouble("reject")
    board.wait_for_status(board.comment("by keyboard"), "failed")
    demo.set_trouble()
    summary = button(board.page, "1 needs attention")
    expect(summary).to_have_attribute("aria-expanded", "false")
    summary.focus()
    board.page.keyboard.press("Enter")
    expect(summary).to_have_attribute("aria-expanded", "true")
    retry = board.page.get_by_test_id("status").get_by_role("listitem").get_by_role("button", name="Retry")
    expect(retry).to_be_visible()
    board.page.keyboard.press("Tab")
    expect(button(board.page, "Retry now")).to_be_focused()
    board.page.keyboard.press("Tab")
    board.page.keyboard.press("Tab")
    expect(
        retry.or_(board.page.get_by_role("button", name="Discard")).and_(board.page.locator(":focus"))
    ).to_have_count(1)
    board.page.keyboard.press("Escape")
    expect(retry).to_be_hidden()
    expect(summary).to_be_focused()
    board.page.keyboard.press("Tab")
    board.page.keyboard.press("Enter")
    expect(board.status).to_have_text("All saved")
    assert demo.texts() == ["by keyboard"]
