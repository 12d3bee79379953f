"""Python on the page: PyScript and Pyodide, each from the site's own files."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Annex, Chromium, Demo


@pytest.fixture(autouse=True)
def self_hosted(chromium: Chromium) -> Iterator[None]:
    """Fails a test in which anything was asked of another host."""
    hosts: set[str | None] = set()
    chromium.context.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    yield
    # Of `data:` and `blob:` addresses there is no host.
    assert hosts - {None} == {"localhost"}


def test_the_board_in_python_delivers_what_is_written(chromium: Chromium, demo: Demo) -> None:
    """`connect()` in a `<script type="py">`: the list shows what the server has, and a refusal's reason."""
    page = chromium.open(f"{demo.url}pyscript")
    expect(page.get_by_test_id("ready")).to_have_text("Python is ready.", timeout=30_000)
    for text in ("from Python", "spam", "and again"):
        page.get_by_test_id("comment-text").fill(text)
        page.get_by_test_id("comment-submit").click()
        expect(page.get_by_test_id("comment-text")).to_have_value("")
    chromium.wait_for(lambda: len(demo.log()) == 3)
    assert demo.texts() == ["from Python", "and again"]
    assert [arrival["status"] for arrival in demo.log()] == [201, 422, 201]
    failed = page.get_by_test_id("comment").and_(page.locator("[data-status=failed]"))
    expect(failed).to_contain_text("is not welcome here")


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
