"""A browser and a server for all tests of an engine."""

from __future__ import annotations

from collections.abc import Callable

from .annex import Annex
from .engine import Engine
from .tab import Tab


class Shared:
    """A browser, a server, and a tab in which the queue has long been at work.

    With a browser of its own each test would wait for a first boot of Python: ten seconds in WebKitGTK.

    Args:
        launch: makes a browser with a fresh profile.
        server: it runs.

    Attributes:
        engine: the browser; another after `renew`.
    """

    def __init__(self, launch: Callable[[], Engine], server: Annex):
        self.engine = launch()
        self.server = server
        self._launch = launch
        self._tab: Tab | None = None

    def tab(self) -> Tab:
        """The board, loaded anew; the server is empty and the queue at rest."""
        self.server.empty()
        if self._tab is None:
            self._tab = Tab(self.engine, self.server.url)
        else:
            self._tab.reload()
        self.engine.wait_for(self._is_at_rest)
        return self._tab

    def _is_at_rest(self) -> bool:
        """The queue is at rest."""
        assert self._tab is not None
        stats = self._tab.stats()
        return not (stats["depth"]["pending"] or stats["depth"]["sending"] or stats["paused"])

    def renew(self) -> None:
        """Begins anew with a fresh profile: whatever a test that failed has left is gone."""
        self.engine.kill()
        self.engine = self._launch()
        self._tab = None

    def close(self) -> None:
        """Ends both."""
        self.engine.kill()
        self.server.close()
