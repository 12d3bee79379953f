"""A site behind the layer, by either interface, and the events that it tells."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyqueue.server import Event, IdempotencyMiddleware, Kind, wsgi
from tests.server.site import Site, respond
from tests.server.troubled import Troubled
from tests.server.wsgi_site import WSGISite


@dataclass
class Application:
    """Answers with these, once `ready` says so, by either interface."""

    status: int = 201
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"done"
    raises: bool = False
    ready: Callable[[], bool] = lambda: True
    entered: threading.Event = field(default_factory=threading.Event)

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        self.entered.set()
        while not self.ready():
            await asyncio.sleep(0.01)
        if self.raises:
            raise RuntimeError("the application crashed")
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        for message in respond(self.status, self.body, *headers):
            await send(message)

    def wsgi(self, environ: Any, start_response: Any) -> Any:
        self.entered.set()
        while not self.ready():
            time.sleep(0.01)
        if self.raises:
            raise RuntimeError("the application crashed")
        start_response(f"{self.status} Said", list(self.headers))
        return [self.body]


class Watched:
    """A site with the layer, and the events that it told."""

    def __init__(self, interface: str, app: Application, store: Troubled, **options: Any):
        self.events: list[Event] = []
        options = {"on_event": self.events.append, "lease": 60.0, **options}
        self.store = store
        self.app = app
        self._site: Any = (
            Site(IdempotencyMiddleware(app.asgi, store, **options), store)
            if interface == "asgi"
            else WSGISite(wsgi.IdempotencyMiddleware(app.wsgi, store, **options))
        )
        self.post = self._site.post

    @property
    def kinds(self) -> list[Kind]:
        return [event.kind for event in self.events]

    def stop(self) -> None:
        self._site.stop()
        self.store.close()
