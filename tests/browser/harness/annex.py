"""The demo server with its annex: see tests/browser/pages/annex.py."""

from __future__ import annotations

from typing import Any

from .demo import Demo


class Annex(Demo):
    """A demo server that has more pages, and files that can be made to break."""

    _application = ("tests/browser/pages", "annex:create_app")

    def page(self, name: str) -> str:
        """The address of a page of the annex."""
        return f"{self.url}annex/{name}.html"

    def entry(self, folder: str, tasks: str) -> str:
        """The address of a page with the queue whose static files are in that folder, and those tasks."""
        return f"{self.page('entry')}?{folder}pyqueue.js?tasks={tasks}"

    def damage(self, **values: Any) -> None:
        """What is wrong with the site's files from here on; called with nothing, all is repaired.

        Args:
            **values: fields of `Damage` in tests/browser/pages/annex.py.
        """
        self._client.put("/annex/damage", json=values).raise_for_status()

    def empty(self) -> None:
        """The same as the demo's, and repairs all files."""
        super().empty()
        self.damage()

    def authorizations(self) -> list[str | None]:
        """What `/annex/guarded` was sent as `Authorization`, by each request."""
        seen: list[str | None] = self._get("/annex/guarded")
        return seen

    def reports(self) -> list[Any]:
        """What pages of the annex reported since the server started."""
        return [arrival["body"] for arrival in self.log() if arrival["path"] == "/annex/answers/thanks"]
