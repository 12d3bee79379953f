"""Telling what happens to one request: to the log, and to the hooks of the site."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .event_log import is_logged, log, write
from .events import Event, Hook, Kind
from .fleet import fleet_of


class Report:
    """What there is to tell of one request. Events are made only if somebody wants them.

    Args:
        hooks: the site's own. One that raises is logged and changes nothing.
        method: of the request.
        path: of the request, decoded.
        headers: the values of the request's header of a name.
        key: the client's, if it can be read.
    """

    def __init__(
        self,
        hooks: Sequence[Hook],
        method: str,
        path: str,
        headers: Callable[[bytes], Sequence[bytes]],
        key: str | None,
    ):
        self._hooks = hooks
        self._method = method
        self._path = path
        self._headers = headers
        self._key = key
        self._began_at = time.monotonic()
        self._took: float | None = None

    def begin(self) -> None:
        """The request is whole: it waits for its decision from here on."""
        self._began_at = time.monotonic()

    def decided(self, kind: Kind, **details: Any) -> None:
        """What becomes of the request. The next seconds are those of the application."""
        now = time.monotonic()
        waited, self._began_at = now - self._began_at, now
        self.happened(kind, waited=waited, **details)

    def answered(self) -> None:
        """The application's answer has ended; what is left is to settle it."""
        self._took = time.monotonic() - self._began_at

    def settled(self, kind: Kind, **details: Any) -> None:
        """What became of the claim."""
        self.happened(kind, took=self._took, **details)

    def happened(self, kind: Kind, **details: Any) -> None:
        """Any event; `details` are attributes of `Event`."""
        logged = is_logged(kind)
        if not logged and not self._hooks:
            return
        fleet = fleet_of(self._headers)
        event = Event(kind, self._method.upper(), self._path, self._key, fleet, **details)
        if logged:
            write(event)
        for hook in self._hooks:
            try:
                hook(event)
            except Exception:
                log.exception("on_event failed at %r; the request goes on", kind.value)
