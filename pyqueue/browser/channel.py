"""The waker port: Background Sync, and the channel to open pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._record import JobRecord
from .convert import plain_to_js


class PageWaker:
    """Implements `pyqueue._ports.Waker`.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge

    def arm(self, wake_at: float | None) -> None:
        """See `Waker.arm`."""
        if wake_at is None:
            self._broadcast({"type": "idle"})
            return
        self._broadcast({"type": "idle", "wake_at": wake_at})
        self._bridge.register()

    def publish(self, jobs: Iterable[JobRecord], holds: Mapping[str, Any]) -> None:
        """See `Waker.publish`."""
        changed = [{"id": job.id, "status": job.status.value} for job in jobs]
        self._broadcast({"type": "changed", "jobs": changed, "holds": dict(holds)})

    def _broadcast(self, message: Mapping[str, Any]) -> None:
        self._bridge.broadcast(plain_to_js(message))
