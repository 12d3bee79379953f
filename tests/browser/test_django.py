"""A form of a Django site, sent without a network, reaches the site's database once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyqueue.testing.plugin import Network
from tests.browser.harness import Chromium, Tab
from tests.server.django.example import Notes
from tests.server.django.process import COMMANDS


@pytest.fixture(params=list(COMMANDS))
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Notes]:
    """The example site."""
    notes = Notes(request.param, tmp_path)
    yield notes
    notes.kill()


def test_a_comment_sent_offline_is_in_the_database_once(
    notes: Notes, chromium: Chromium, network: Network, wait_for: Callable[..., Any]
) -> None:
    """Also the next one, which goes out at once."""
    tab = Tab(chromium, f"{notes.url}/")
    send(tab, "before")
    wait_for(lambda: notes.texts() == ["before"])
    network.offline()
    send(tab, "in a tunnel")
    wait_for(lambda: tab.stats()["depth"]["pending"] == 1)
    assert notes.texts() == ["before"]
    network.online()
    wait_for(lambda: notes.texts() == ["before", "in a tunnel"])
    wait_for(lambda: tab.stats()["depth"]["pending"] == 0)
    assert notes.texts() == ["before", "in a tunnel"]


def send(tab: Tab, text: str) -> None:
    """Fills in the form of the page and sends it."""
    tab.page.get_by_label("Comment").fill(text)
    tab.page.get_by_role("button", name="Send").click()
