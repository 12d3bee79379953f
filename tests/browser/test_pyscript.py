"""Python on the page: PyScript and Pyodide, each from the site's own files."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import Annex, Chromium, Demo


@pytest.fixture(autouse=True)
def self_hosted(chromium: Chromium) -> Iterator[None]:
    """Fails a test in which anything was asked of another host."""
    hosts: set[str | None] = set()
    chromium.context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield
    # Of `data:` and `blob:` addresses there is no host.
    assert hosts - {None} == {"localhost"}


@pytest.fixture
def board(chromium: Chromium, demo: Demo) -> Iterator[Page]:
    """The board in Python; fails a test in which the browser submitted the form itself and left the page."""
    page = chromium.open(f"{demo.url}pyscript")
    left: list[str] = []
    page.on("framenavigated", lambda frame: left.append(frame.url))
    expect(page.get_by_test_id("ready")).to_have_text("Python is ready.", timeout=30_000)
    yield page
    assert left == []


def write(board: Page, *texts: str) -> None:
    for text in texts:
        board.get_by_test_id("comment-text").fill(text)
        board.get_by_test_id("comment-submit").click()
        expect(board.get_by_test_id("comment-text")).to_have_value("")


def test_the_board_in_python_delivers_what_is_written(board: Page, chromium: Chromium, demo: Demo) -> None:
    """`connect()` in a `<script type="py">`: the list shows what the server has, and a refusal's reason."""
    write(board, "from Python", "spam", "and again")
    chromium.wait_for(lambda: [arrival["status"] for arrival in demo.log()] == [201, 422, 201])
    assert demo.texts() == ["from Python", "and again"]
    comment = board.get_by_test_id("comment")
    expect(comment.and_(board.locator("[data-status=failed]"))).to_contain_text("is not welcome here")
    expect(comment.and_(board.locator("[data-status=done]"))).to_have_text(["from Python", "and again"])


def test_the_board_in_python_shows_offline_what_is_on_its_way(
    board: Page, chromium: Chromium, demo: Demo, network: Network
) -> None:
    """Beside what the server had before; all of it is the server's once the network returns."""
    comment = board.get_by_test_id("comment")
    write(board, "before")
    expect(comment.and_(board.locator("[data-status=done]"))).to_have_text(["before"])
    network.offline()
    write(board, "one", "two")
    expect(comment).to_have_text(["before", "oneSyncing…", "twoSyncing…"])
    network.online()
    expect(comment.and_(board.locator("[data-status=done]"))).to_have_text(
        ["before", "one", "two"], timeout=30_000
    )
    assert demo.texts() == ["before", "one", "two"]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("worker", id="PyScript's worker"),
        pytest.param("packages", id="PyScript's packages"),
        pytest.param("pyodide", id="micropip.install"),
    ],
)
def test_each_way_to_install_the_wheel_delivers(chromium: Chromium, annex: Annex, page: str) -> None:
    """In order, each once, and the script gets the result that it waits for."""
    chromium.open(annex.page(page))
    chromium.wait_for(lambda: len(annex.comments()) == 3)
    assert annex.texts() == ["one", "two", "three"]
    assert len(annex.log()) == 3
