"""What happens to requests with a key, as values that a site's own hook can count, chart or write down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .fleet import Fleet


class Kind(StrEnum):
    """What happened.

    Of each request that the layer guards exactly one *decision* is told, unless its client goes before its
    body is complete, or a function of the site (`principal`, `fingerprint`) raises. After `CLAIMED`
    exactly one *settlement* follows, unless the process dies. *Troubles* come any number of times in between.
    """

    REFUSED = "refused"
    """Decision: 400, 403 or 413, without looking up a key. `reason` says which, as in the problem type."""

    STORE_UNAVAILABLE = "store-unavailable"
    """Decision: 503, nothing ran. `error` is the store's."""

    CLAIMED = "claimed"
    """Decision: this attempt runs the application."""

    REPLAYED = "replayed"
    """Decision: the operation is over, and its answer was sent again."""

    IN_FLIGHT = "in-flight"
    """Decision: 409, another attempt with the key is running, and has been for `age` seconds."""

    MISMATCH = "mismatch"
    """Decision: 422, the key was used for another request."""

    COMPLETED = "completed"
    """Settlement: the answer is kept."""

    COMPLETED_LATE = "completed-late"
    """Settlement: the answer is kept, though the lease had ended: no other attempt had taken the key."""

    RELEASED = "released"
    """Settlement: the answer ends nothing, as one with a status of 400 or more: the key is given back."""

    CUT_SHORT = "cut-short"
    """Settlement: the application raised (`error`), ended early, or sent another length than it announced.
    The key is given back."""

    CLAIM_LOST = "claim-lost"
    """Settlement: another attempt had taken the key before this one's answer. The effect may happen twice."""

    NOT_KEPT = "not-kept"
    """Settlement: the store could not keep the answer before the lease ended (`error`). The effect may happen
    twice."""

    RENEWAL_FAILED = "renewal-failed"
    """Trouble: the store did not renew the lease (`error`). It is tried again."""

    CLAIM_ENDED = "claim-ended"
    """Trouble: a renewal found that the claim is no longer held. It was lost, unless the application has kept
    its answer itself, by `complete_in`."""

    KEEP_FAILED = "keep-failed"
    """Trouble: the store did not keep the answer (`error`). It is tried again until the lease ends."""

    RELEASE_FAILED = "release-failed"
    """Trouble: the store did not take the key back (`error`). It is free when the lease ends."""

    KEEP_RAISED = "keep-raised"
    """Trouble: the site's `keep` raised (`error`); the answer was judged by its status."""


DECISIONS: Final = frozenset(
    [
        *(Kind.REFUSED, Kind.STORE_UNAVAILABLE, Kind.CLAIMED),
        *(Kind.REPLAYED, Kind.IN_FLIGHT, Kind.MISMATCH),
    ]
)
SETTLEMENTS: Final = frozenset(
    [
        *(Kind.COMPLETED, Kind.COMPLETED_LATE, Kind.RELEASED),
        *(Kind.CUT_SHORT, Kind.CLAIM_LOST, Kind.NOT_KEPT),
    ]
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a request.

    Whose request it is, is not told: neither the principal nor the host is part of an event.

    Attributes:
        kind: what.
        method: of the request, in upper case.
        path: of the request, decoded, with what the application is mounted under. Clients choose it: it is no
            label for a metric.
        key: as the client sent it; `None` if it sent none that can be read.
        fleet: what the client's queue says of itself.
        reason: of a refusal: `key-missing`, `key-invalid`, `host-invalid`, `length-invalid`, `body-too-large`
            or `body-incomplete`.
        status: of the answer that was sent, or kept; `None` if there is none.
        waited: of a decision: seconds from the whole request to the decision, most of which are spent waiting
            for another attempt, or for the store. `None` for a refusal.
        took: of a settlement: seconds from the claim to the end of the application's answer.
        age: of `IN_FLIGHT`: seconds since the other attempt began.
        error: what was raised.
    """

    kind: Kind
    method: str
    path: str
    key: str | None
    fleet: Fleet
    reason: str | None = None
    status: int | None = None
    waited: float | None = None
    took: float | None = None
    age: float | None = None
    error: BaseException | None = None


Hook = Callable[[Event], object]
"""What is called with each event, where it happens: in a worker's thread, or on the event loop. It must be
safe in any thread and quick."""
