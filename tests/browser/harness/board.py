"""The demo's board in one tab: what a person does there, and what the queue says of itself."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page

from .chromium import Chromium
from .demo import Demo

_ENQUEUE = """
async ([payloads, options]) => {
  const ids = [];
  for (const payload of payloads) ids.push((await pyqueue.enqueue("comment.create", payload, options)).id);
  return ids;
}
"""


class Board:
    """The board, loaded.

    Args:
        page: the tab.
    """

    def __init__(self, page: Page):
        self.page = page
        self.wait_until_loaded()

    @classmethod
    def open(cls, chromium: Chromium, demo: Demo) -> Board:
        """The board in a new tab, whatever its worker does."""
        return cls(chromium.open(demo.url))

    def wait_until_loaded(self) -> None:
        """Waits until the page can take writes."""
        self.page.wait_for_function("window.pyqueue")

    def reload(self) -> None:
        """Loads the page anew."""
        self.page.reload()
        self.wait_until_loaded()

    def is_installed(self) -> bool:
        """Whether the worker of this first visit is installed and has booted."""
        return bool(self.stats()["worker"]["state"] == "ready")

    def enqueue(self, *texts: str, post_id: int = 1, **options: Any) -> list[str]:
        """Writes comments; each is on disk before the next is made, and the last when this returns.

        Returns:
            The ids of the jobs.
        """
        payloads = [{"post_id": post_id, "text": text} for text in texts]
        ids: list[str] = self.page.evaluate(_ENQUEUE, [payloads, options])
        return ids

    def stats(self) -> dict[str, Any]:
        """What `pyqueue.stats()` says."""
        stats: dict[str, Any] = self.page.evaluate("pyqueue.stats()")
        return stats

    def is_settled(self) -> bool:
        """Whether no job waits or is being sent."""
        depth = self.stats()["depth"]
        return depth["pending"] == depth["sending"] == 0

    def statuses(self, ids: list[str]) -> list[str]:
        """The status of each job."""
        statuses: list[str] = self.page.evaluate(
            "(ids) => Promise.all(ids.map(async (id) => (await pyqueue.job(id)).status))", ids
        )
        return statuses

    @property
    def status(self) -> Locator:
        """The sentence of `<pyqueue-status>`."""
        return self.page.get_by_test_id("status").get_by_role("status")
