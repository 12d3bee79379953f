"""The server half: requests that take effect once, and the files that browsers load.

No dependency: any ASGI framework and server will do.
"""

from .assets import assets
from .events import DECISIONS, SETTLEMENTS, Event, Hook, Kind
from .fingerprints import json_by_value, multipart_by_parts, raw
from .fleet import Fleet
from .idempotency import IdempotencyMiddleware
from .inspection import Inspection, KeyRecord, State
from .options import Options, RouteOptions
from .page import script_tag
from .principals import hashed
from .responses import NotWhole, stored
from .rules import is_over
from .sqlite import SQLiteIdempotencyStore
from .stores import (
    Claimed,
    ClaimLost,
    IdempotencyStore,
    InFlight,
    Mismatch,
    NoTransaction,
    Outcome,
    Replay,
    StoredResponse,
    SyncIdempotencyStore,
)

__all__ = [
    "DECISIONS",
    "SETTLEMENTS",
    "ClaimLost",
    "Claimed",
    "Event",
    "Fleet",
    "Hook",
    "IdempotencyMiddleware",
    "IdempotencyStore",
    "InFlight",
    "Inspection",
    "KeyRecord",
    "Kind",
    "Mismatch",
    "NoTransaction",
    "NotWhole",
    "Options",
    "Outcome",
    "Replay",
    "RouteOptions",
    "SQLiteIdempotencyStore",
    "State",
    "StoredResponse",
    "SyncIdempotencyStore",
    "assets",
    "hashed",
    "is_over",
    "json_by_value",
    "multipart_by_parts",
    "raw",
    "script_tag",
    "stored",
]
