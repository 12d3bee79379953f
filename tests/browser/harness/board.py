"""The demo's board in a tab: what a person does there, and what is to be seen."""

from __future__ import annotations

from playwright.sync_api import Locator

from .chromium import Chromium
from .demo import Demo
from .tab import Tab

_COMMENT = """
async ([texts, post_id]) => {
  for (const text of texts) await pyqueue.enqueue("comment.create", { post_id, text });
}
"""

_SYNC_TAGS = """
async () => (await navigator.serviceWorker.getRegistration("/pyqueue/")).sync.getTags()
"""


class Board(Tab):
    """The board in a new tab, ready for writes.

    Args:
        chromium: the browser.
        demo: the server.
    """

    def __init__(self, chromium: Chromium, demo: Demo):
        super().__init__(chromium, demo.url)

    def comment_all(self, texts: list[str], post_id: int = 1) -> None:
        """Enqueues comments, each once the one before is on disk; the last is when this returns."""
        self.run(_COMMENT, [texts, post_id])

    def start_commenting(self, texts: list[str], post_id: int = 1) -> None:
        """The same, without waiting for any of them."""
        self.page.evaluate(f"(argument) => void ({_COMMENT})(argument)", [texts, post_id])

    def is_installed(self) -> bool:
        """Whether the worker of a first visit is installed."""
        return self.stats()["worker"] == {"mode": "service-worker", "state": "installed"}

    def is_settled(self) -> bool:
        """Whether no job waits or is being sent."""
        depth = self.stats()["depth"]
        return bool(depth["pending"] == depth["sending"] == 0)

    def sync_tags(self) -> list[str]:
        """What Background Sync is registered for."""
        tags: list[str] = self.run(_SYNC_TAGS)
        return tags

    @property
    def status(self) -> Locator:
        """The sentence of `<pyqueue-status>`."""
        return self.page.get_by_test_id("status").get_by_role("status")
