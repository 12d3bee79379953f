"""The server half: requests that take effect once, and the files that browsers load.

No dependency: any ASGI framework and server will do.
"""

from .assets import assets
from .idempotency import IdempotencyMiddleware, is_over
from .sqlite import SQLiteIdempotencyStore
from .stores import Claimed, ClaimLost, IdempotencyStore, InFlight, Mismatch, Outcome, Replay, StoredResponse

__all__ = [
    "ClaimLost",
    "Claimed",
    "IdempotencyMiddleware",
    "IdempotencyStore",
    "InFlight",
    "Mismatch",
    "Outcome",
    "Replay",
    "SQLiteIdempotencyStore",
    "StoredResponse",
    "assets",
    "is_over",
]
