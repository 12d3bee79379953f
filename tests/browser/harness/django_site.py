"""The Django site in a process of its own: see tests/browser/pages/django_site.py."""

from __future__ import annotations

from typing import Any

import httpx

from .demo import Demo

_TASKS = """from pyqueue import Csrf, Queue

queue = Queue(csrf=Csrf({source}, header="X-CSRFToken", field="csrfmiddlewaretoken"))
queue.http("note", "POST", "/notes/", encoding="form", label="Note")
"""

SOURCES = {"cookie": 'cookie="csrftoken"', "meta": 'meta="csrf-token"', "url": 'url="/csrf"'}


class DjangoSite(Demo):
    """A Django site with CSRF protection.

    Attributes:
        is_hidden: whether scripts may not read the cookie of the token; set before `start`.
    """

    _application = ("tests/browser/pages", "django_site:create_app")
    is_hidden = False

    def declare(self, source: str) -> None:
        """Where the queue's token comes from: a key of `SOURCES`."""
        self.tasks.write_text(_TASKS.format(source=SOURCES[source]))

    def _environment(self) -> dict[str, str]:
        hidden = {"PYQUEUE_TEST_HTTPONLY": "1"} if self.is_hidden else {}
        return {**super()._environment(), **hidden}

    def _answers(self) -> bool:
        try:
            return self._client.get("/notes/").is_success
        except httpx.TransportError:
            return False

    def notes(self) -> list[dict[str, Any]]:
        """What was written, in the order of arrival: by whom, and the text."""
        notes: list[dict[str, Any]] = self._get("/notes/")["notes"]
        return notes

    def log(self) -> list[dict[str, Any]]:
        """Every POST of a note: status, key, the names of its fields, the header with the token."""
        log: list[dict[str, Any]] = self._get("/notes/")["log"]
        return log
