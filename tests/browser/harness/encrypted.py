"""The demo server with a site whose writes are encrypted: see tests/browser/pages/encrypted.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyqueue.server.sealed import SealKey

from .demo import Demo

TASKS = """from pyqueue import Queue

queue = Queue(encrypt=True, server_key="{server_key}")
queue.http("note", "POST", "/vault/notes/{{patient}}", ordering_key="patient:{{patient}}", label="Note")
queue.http("photo", "POST", "/vault/notes/7", ordering_key=None)
queue.http("plain", "POST", "/vault/notes/7", encrypt=False, ordering_key=None)
queue.http("diary", "POST", "/vault/notes/7", encrypt="secret", ordering_key="diary")
queue.http("sealed", "POST", "/vault/notes/{{patient}}", seal="server", ordering_key=None)

@queue.task("function", ordering_key=None)
async def function(ctx, *, text):
    answer = await ctx.http.post("/vault/notes/7", body={{"text": text}})
    return {{"echo": answer.json()["text"]}}
"""


class Encrypted(Demo):
    """A demo server whose notes are encrypted on the device."""

    _application = ("tests/browser/pages", "encrypted:create_app")

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.key = SealKey.generate()

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        self.tasks.write_text(TASKS.format(server_key=self.key.public))
        super().start()

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "PYQUEUE_SEAL_KEY": self.key.private}

    def page(self, user: str) -> str:
        """The address of somebody's page."""
        return f"{self.url}vault/?user={user}"

    def notes(self) -> list[dict[str, Any]]:
        """What the application got, in the order of arrival: patient, content type, and text or size."""
        notes: list[dict[str, Any]] = self._get("/vault/notes")
        return notes

    def refuse(self, refuses: bool) -> None:
        """Whether notes are refused from here on, with their own text in the answer."""
        self._client.put("/vault/trouble", json=refuses).raise_for_status()
