"""The sites of web/examples in a real browser: what a form wrote offline is there once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyqueue.testing.plugin import Network
from tests.browser.harness import Chromium, Tab
from tests.server.examples import SITES, Example


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Example]:
    """A site of each framework."""
    site = Example(request.param, tmp_path)
    yield site
    site.stop()


def test_a_form_that_was_submitted_offline_takes_effect_once(
    site: Example, chromium: Chromium, network: Network, wait_for: Callable[..., Any]
) -> None:
    """In the name of who is signed in, although the first answer is slow."""
    chromium.context.add_cookies([{"name": "author", "value": "ann", "url": site.url}])
    tab = Tab(chromium, site.url)
    wait_for(lambda: tab.stats()["worker"]["state"] == "installed")
    network.offline()
    tab.page.get_by_label("Comment").fill("written offline")
    tab.page.get_by_role("button", name="Send").click()
    wait_for(lambda: tab.stats()["depth"]["pending"] == 1)
    assert site.comments() == []
    with site.slow():
        network.online()
        wait_for(lambda: tab.stats()["depth"]["sending"] == 1)
    wait_for(lambda: tab.stats()["depth"]["done"] == 1)
    assert site.comments() == [("ann", "written offline")]
