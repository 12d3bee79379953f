"""The vault port: the keys that pages have left in IndexedDB, or hold in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._encryption import Unopened
from .._errors import Locked, StoreError
from .._record import JobRecord
from .._vocabulary import ErrorCode
from .convert import EncryptedJsPayload, JsPayload


class BrowserVault:
    """Implements `pyqueue._ports.Vault`.

    Args:
        bridge: worker/bridge.js.
    """

    def __init__(self, bridge: Any):
        self._bridge = bridge

    async def open(self, job: JobRecord) -> Mapping[str, Any]:
        """See `Vault.open`."""
        answer = await self._bridge.openPayload(_envelope(job), job.principal, job.id)
        if answer.ok:
            return JsPayload(answer.value)
        if answer.name == ErrorCode.LOCKED:
            raise Locked(answer.message)
        if answer.name in (ErrorCode.KEY_LOST, ErrorCode.DAMAGED):
            raise Unopened(ErrorCode(answer.name), answer.message)
        raise StoreError(f"its key cannot be read ({answer.name}): {answer.message}")

    async def hide(self, job: JobRecord, text: str) -> str | None:
        """See `Vault.hide`."""
        answer = await self._bridge.hideAnswer(_envelope(job), job.principal, job.id, text)
        return str(answer.value) if answer.ok else None


def _envelope(job: JobRecord) -> Any:
    assert isinstance(job.payload, EncryptedJsPayload)
    return job.payload.envelope
