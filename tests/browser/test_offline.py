"""Writes made without a network reach the server once and in order when it returns."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import Board, Chromium, Demo

TEN = [f"comment {number}" for number in range(1, 11)]


def test_ten_comments_written_offline_arrive_when_the_network_returns(
    board: Board, demo: Demo, network: Network, wait_for: Callable[..., Any]
) -> None:
    """With the page open all the time, the status element says what is going on."""
    expect(board.status).to_have_text("All saved")
    network.offline()
    board.comment_all(TEN)
    expect(board.status).to_have_text("Offline: 10 saved here")
    assert demo.received() == []
    network.online()
    wait_for(lambda: len(demo.texts()) == 10)
    expect(board.status).to_have_text("All saved")
    assert demo.texts() == TEN
    assert demo.received() == TEN


def test_they_arrive_though_the_tab_was_closed(
    board: Board, chromium: Chromium, demo: Demo, network: Network, wait_for: Callable[..., Any]
) -> None:
    """With no page of the site left, Background Sync delivers them."""
    network.offline()
    board.comment_all(TEN)
    chromium.close_tabs()
    network.online()
    wait_for(lambda: len(demo.texts()) == 10)
    assert demo.texts() == TEN
    assert demo.received() == TEN


def test_they_arrive_though_the_browser_was_restarted_without_a_visit(
    board: Board, chromium: Chromium, demo: Demo, wait_for: Callable[..., Any]
) -> None:
    """The server cannot be reached until the browser is gone, and that starts again with an empty tab."""
    demo.stop()
    board.comment_all(TEN)
    chromium.kill()
    demo.start()
    chromium.reopen()
    wait_for(lambda: len(demo.texts()) == 10)
    assert demo.texts() == TEN


def test_they_arrive_at_the_next_visit(
    board: Board, chromium: Chromium, demo: Demo, network: Network, wait_for: Callable[..., Any]
) -> None:
    """The browser is killed before the network returns, and the site visited later."""
    network.offline()
    board.comment_all(TEN)
    chromium.kill()
    chromium.reopen()
    Board(chromium, demo)
    wait_for(lambda: len(demo.texts()) == 10)
    assert demo.texts() == TEN
    assert demo.received() == TEN


def test_an_offline_page_is_reloaded_and_goes_on(
    board: Board, demo: Demo, network: Network, wait_for: Callable[..., Any]
) -> None:
    """What was written before the reload goes before what is written after it."""
    expect(board.page.get_by_test_id("opens-offline")).to_be_visible()
    network.offline()
    board.comment_all(TEN[:5])
    board.reload()
    expect(board.status).to_have_text("Offline: 5 saved here")
    board.comment_all(TEN[5:])
    network.online()
    wait_for(lambda: len(demo.texts()) == 10)
    assert demo.texts() == TEN
    assert demo.received() == TEN


def test_a_comment_is_shown_at_once_though_the_server_does_not_answer(
    board_url: str, chromium: Chromium, demo: Demo
) -> None:
    """There is a network, but nothing comes back; once it does, the comment is the server's."""
    page = chromium.open(board_url)
    comment = page.get_by_test_id("comment")
    expect(page.get_by_test_id("opens-offline")).to_be_visible()
    demo.freeze()
    page.get_by_test_id("comment-text").fill("in a tunnel")
    page.get_by_test_id("comment-submit").click()
    expect(comment).to_have_text(re.compile("^in a tunnelSyncing…"), timeout=5_000)
    demo.thaw()
    expect(comment).to_have_text("in a tunnel")
    expect(comment).to_have_attribute("data-status", "done")
    assert demo.texts() == ["in a tunnel"]
