"""The system's Firefox, over WebDriver BiDi."""

from __future__ import annotations

from playwright.sync_api import BrowserContext

from .chromium import Chromium


class Firefox(Chromium):
    """A Firefox with a profile of its own, that can be closed and opened again.

    Playwright's `set_offline` does not reach its service workers: a test cuts the network at the server.
    """

    def _start(self) -> BrowserContext:
        return self._playwright.firefox.launch_persistent_context(
            self._profile, executable_path=self._executable, channel="moz-firefox"
        )

    def process(self) -> int:
        host_and_pid = (self._profile / "lock").readlink().name
        return int(host_and_pid.rpartition("+")[2])
