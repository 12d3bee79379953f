"""Python on the page: PyScript and Pyodide, each from the site's own files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import PROFILER_ON, Annex, Chromium, Demo


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
    """The board in Python, ready for writes; fails a test in which its Python raised an exception."""
    page = chromium.open(f"{demo.url}pyscript")
    expect_ready(page)
    yield page
    assert not [line for line in chromium.console if "Traceback" in line]


def expect_ready(board: Page) -> None:
    expect(board.get_by_test_id("ready")).to_have_text("Python is ready.")


def write(board: Page, *texts: str) -> None:
    """Sends comments. Their page must not be left: what the form does by itself is prevented in time."""
    left: list[str] = []
    board.on("framenavigated", lambda frame: left.append(frame.url))
    for text in texts:
        board.get_by_test_id("comment-text").fill(text)
        board.get_by_test_id("comment-submit").click()
        expect(board.get_by_test_id("comment-text")).to_have_value("")
    assert left == []


def on_their_way(*texts: str) -> list[re.Pattern[str]]:
    return [re.compile(f"^{re.escape(text)}Syncing…") for text in texts]


def delivered(board: Page) -> Locator:
    return board.get_by_test_id("comment").and_(board.locator("[data-status=done]"))


def test_the_board_in_python_delivers_what_is_written(board: Page, chromium: Chromium, demo: Demo) -> None:
    """`connect()` in a `<script type="py">`: the list shows what the server has, and a refusal's reason."""
    write(board, "from Python", "spam", "and again")
    chromium.wait_for(lambda: [arrival["status"] for arrival in demo.log()] == [201, 422, 201])
    assert demo.texts() == ["from Python", "and again"]
    failed = board.get_by_test_id("comment").and_(board.locator("[data-status=failed]"))
    expect(failed).to_contain_text("is not welcome here")
    expect(delivered(board)).to_have_text(["from Python", "and again"])


def test_the_board_in_python_opens_offline_and_shows_what_is_on_its_way(
    board: Page, demo: Demo, network: Network
) -> None:
    """Beside what the server had before; all of it is the server's once the network returns."""
    comment = board.get_by_test_id("comment")
    write(board, "before")
    expect(delivered(board)).to_have_text(["before"])
    expect(board.get_by_test_id("opens-offline")).to_be_visible()
    network.offline()
    write(board, "one", "two")
    expect(comment).to_have_text([re.compile("^before$"), *on_their_way("one", "two")])
    board.reload()
    expect_ready(board)
    expect(comment).to_have_text([re.compile("^before$"), *on_their_way("one", "two")])
    write(board, "three")
    network.online()
    expect(delivered(board)).to_have_text(["before", "one", "two", "three"])
    assert demo.texts() == ["before", "one", "two", "three"]


@pytest.mark.parametrize("chromium_arguments", [[PROFILER_ON]], ids=["profiled"])
def test_python_survives_the_memory_profiler(board: Page, chromium: Chromium, demo: Demo) -> None:
    """It crashes a process whose Python runs on a stack of its own; neither page nor worker lets it."""
    write(board, "one", "two", "three")
    expect(delivered(board)).to_have_text(["one", "two", "three"])
    assert demo.received() == ["one", "two", "three"]


def test_the_board_in_python_uploads_photos(board: Page, chromium: Chromium, photo: Path) -> None:
    """Files of the page go through Python and the queue as they are."""
    board.get_by_test_id("photo-input").set_input_files([photo, photo])
    uploaded = board.get_by_test_id("photo").locator("img:not([src^=blob])")
    expect(uploaded).to_have_count(2)
    loaded = "images => images.every((image) => image.complete && image.naturalWidth === 1)"
    chromium.wait_for(lambda: uploaded.evaluate_all(loaded))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("worker", id="PyScript's worker"),
        pytest.param("packages", id="PyScript's packages"),
        pytest.param("pyodide", id="Pyodide's loadPackage"),
    ],
)
def test_each_way_to_install_the_wheel_delivers(chromium: Chromium, annex: Annex, page: str) -> None:
    """In order, each once, and the script is told the result, the keys and the times of the second."""
    chromium.open(annex.page(page))
    chromium.wait_for(lambda: len(annex.comments()) == 3)
    keys = [arrival["key"].strip('"') for arrival in annex.log()]
    assert annex.texts() == ["one", "two", f"post:1 {keys[1]}"]
    assert len(keys) == 3
