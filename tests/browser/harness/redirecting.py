"""A site that redirects, in a process of its own: see tests/browser/pages/redirecting.py."""

from __future__ import annotations

from typing import Any

import httpx

from .demo import Demo

_TASKS = """from pyqueue import Queue

queue = Queue()
queue.http("note", "POST", "/api/notes")
queue.http("member", "POST", "/api/members")
queue.http("moved", "POST", "/api/moved")
"""


class RedirectingSite(Demo):
    """A FastAPI site whose routes redirect."""

    _application = ("tests/browser/pages", "redirecting:create_app")

    def start(self) -> None:
        """As `Demo.start`, with tasks of its own."""
        self.tasks.write_text(_TASKS)
        super().start()

    def _answers(self) -> bool:
        try:
            return self._client.get("/seen").is_success
        except httpx.TransportError:
            return False

    def sign_in(self) -> None:
        """From here on nobody is sent to the login."""
        self._client.post("/accounts/sign-in").raise_for_status()

    def notes(self) -> list[str]:
        """The texts of the notes, in the order of arrival."""
        notes: list[str] = self._get("/seen")["notes"]
        return notes

    def log(self) -> list[dict[str, Any]]:
        """Of every request that passed the layer, its path, key and figures."""
        log: list[dict[str, Any]] = self._get("/seen")["log"]
        return log
