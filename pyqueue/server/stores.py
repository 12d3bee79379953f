"""What an idempotency store remembers, and the protocol that every store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .._errors import PyqueueError


class ClaimLost(PyqueueError):
    """The claim's lease ended and another attempt took the key: roll back, nothing was recorded."""


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A whole HTTP answer.

    Attributes:
        status: the HTTP status.
        headers: in the order they go out, names in lower case.
        body: the whole body.
    """

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Claimed:
    """This attempt is the one that runs.

    Attributes:
        key: the key claimed, with the principal that it belongs to.
        token: a fencing token, new with every claim: only its holder may complete or release.
        lease: seconds that the claim lasts unless it is renewed.
        ttl: seconds that the answer is kept.
    """

    key: str
    token: str
    lease: float
    ttl: float


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another attempt with this key is running.

    Attributes:
        age: seconds since it began.
    """

    age: float


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The operation is over; this was its answer."""

    response: StoredResponse


Outcome = Claimed | InFlight | Mismatch | Replay


class IdempotencyStore(Protocol):
    """Remembers keys. Every call is atomic, also between processes, and durable when it returns."""

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """Claims a key for one attempt. Of any number of simultaneous calls exactly one gets `Claimed`.

        A claim whose lease ended, and an answer whose time to live ended, are as if they never were.

        Args:
            key: the key, with the principal that it belongs to.
            fingerprint: the digest of the request, see `protocol.fingerprint`.
            lease: seconds until the claim may be taken by another attempt.
            ttl: seconds that the answer will be kept once there is one.
        """
        ...

    async def renew(self, claim: Claimed) -> bool:
        """Begins the lease anew. False: the claim is no longer this one's."""
        ...

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """Keeps the answer for `claim.ttl`. False: the claim is no longer this one's; nothing was kept."""
        ...

    async def release(self, claim: Claimed) -> None:
        """Forgets the claim, so that the next attempt runs. An answer that was kept stays."""
        ...

    async def prune(self) -> int:
        """Deletes what has ended and returns how many keys that were."""
        ...
