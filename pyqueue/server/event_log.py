"""Events as lines in the log `pyqueue.server`, with their values beside them for logs that are structured."""

from __future__ import annotations

import logging
from typing import Any, Final

from .events import Event, Kind

log: Final = logging.getLogger("pyqueue.server")

_TROUBLES: Final = {
    Kind.STORE_UNAVAILABLE: (
        logging.ERROR,
        "the idempotency store cannot be reached: a request is refused with 503",
    ),
    Kind.COMPLETED_LATE: (
        logging.WARNING,
        "the answer to key %(key)r was kept after its lease had ended: another attempt could have run",
    ),
    Kind.CUT_SHORT: (
        logging.ERROR,
        "an answer broke off, or has another length than it announced: its key %(key)r is released",
    ),
    Kind.CLAIM_LOST: (logging.ERROR, "the claim of key %(key)r was lost: its effect may happen twice"),
    Kind.NOT_KEPT: (
        logging.ERROR,
        "the answer to key %(key)r was not kept: its effect may happen twice: %(error)s",
    ),
    Kind.RENEWAL_FAILED: (
        logging.WARNING,
        "the lease of key %(key)r could not be renewed, trying again: %(error)s",
    ),
    Kind.CLAIM_ENDED: (
        logging.WARNING,
        "the claim of key %(key)r has ended: unless the application kept its answer itself, it was lost",
    ),
    Kind.KEEP_FAILED: (
        logging.WARNING,
        "an answer to key %(key)r could not be kept, trying again: %(error)s",
    ),
    Kind.RELEASE_FAILED: (
        logging.WARNING,
        "key %(key)r could not be released before its lease ends: %(error)s",
    ),
    Kind.KEEP_RAISED: (
        logging.ERROR,
        "keep failed on an answer with status %(status)s, which is judged as usual",
    ),
}
_USUAL: Final = (logging.DEBUG, "%(method)s %(path)r with key %(key)r: %(event)s")

_WITH_TRACEBACK: Final = frozenset([Kind.STORE_UNAVAILABLE, Kind.KEEP_RAISED])


def is_logged(kind: Kind) -> bool:
    """Whether a line of this kind would be written."""
    return log.isEnabledFor(_TROUBLES.get(kind, _USUAL)[0])


def write(event: Event) -> None:
    """Writes an event's line: troubles as warnings and errors, what is usual at the level DEBUG.

    The record has the event's values as the attribute `pyqueue`, a dict whose values JSON can hold.
    """
    level, line = _TROUBLES.get(event.kind, _USUAL)
    values = values_of(event)
    traceback = event.error if event.kind in _WITH_TRACEBACK else None
    log.log(level, line, values, extra={"pyqueue": values}, exc_info=traceback)


def values_of(event: Event) -> dict[str, Any]:
    """What an event says, without what it does not; each value is a text or a number."""
    values = {
        "event": event.kind.value,
        "method": event.method,
        "path": event.path,
        "key": event.key,
        "reason": event.reason,
        "status": event.status,
        "waited": event.waited,
        "took": event.took,
        "age": event.age,
        "error": None if event.error is None else repr(event.error),
        "depth": event.fleet.depth,
        "oldest_age": event.fleet.oldest_age,
        "attempt": event.fleet.attempt,
    }
    return {name: value for name, value in values.items() if value is not None or name == "key"}
