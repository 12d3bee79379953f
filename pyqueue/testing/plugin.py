"""The pytest plugin: fixtures for suites that drive a site with pytest-playwright.

Playwright is imported only by pytest-playwright's own fixtures: a suite that uses none of these pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext


class Network:
    """The network of a browser context: of its pages and of its workers.

    Args:
        context: of Playwright's sync API.
    """

    def __init__(self, context: BrowserContext):
        self._context = context

    def offline(self) -> None:
        """Cuts it: requests fail, pages see `offline`, and Background Sync is held back."""
        self._context.set_offline(True)

    def online(self) -> None:
        """Restores it: pages see `online`, and Chromium fires the held Background Sync."""
        self._context.set_offline(False)


@pytest.fixture
def network(context: BrowserContext) -> Network:
    """The network of pytest-playwright's `context`; an outage ends with the context, after the test."""
    return Network(context)
