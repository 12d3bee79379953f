"""The demo server with a site of people: see tests/browser/pages/people.py."""

from __future__ import annotations

from typing import Any

from .demo import Demo

TASKS = """from pyqueue import Queue

queue = Queue(login="/people/sign-in/ada")
queue.http("order", "POST", "/people/orders", label="Order")
"""


class People(Demo):
    """A demo server with sessions, whose tasks are a single one."""

    _application = ("tests/browser/pages", "people:create_app")

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        self.tasks.write_text(TASKS)
        super().start()

    @property
    def page(self) -> str:
        """The address of the page of whoever is signed in."""
        return f"{self.url}people/"

    def sign_in(self, user: str) -> str:
        """The address that signs somebody in."""
        return f"{self.page}sign-in/{user}"

    def orders(self) -> list[tuple[str, str]]:
        """Whose orders arrived, and what they are, in the order of arrival."""
        orders: list[dict[str, Any]] = self._get("/people/orders")
        return [(order["who"], order["text"]) for order in orders]
