"""What an idempotency store remembers, and the protocol that every store keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .._errors import PyqueueError


class ClaimLost(PyqueueError):
    """The claim's lease ended and another attempt took the key: roll back, nothing was recorded."""


class NoTransaction(PyqueueError):
    """The connection has no transaction open: effect and answer would not be committed as one."""


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


class SyncIdempotencyStore(Protocol):
    """The five calls of `IdempotencyStore` for code without an event loop.

    They block, may be made from any thread, and promise the same.
    """

    def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """See `IdempotencyStore.claim`."""
        ...

    def renew(self, claim: Claimed) -> bool:
        """See `IdempotencyStore.renew`."""
        ...

    def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """See `IdempotencyStore.complete`."""
        ...

    def release(self, claim: Claimed) -> None:
        """See `IdempotencyStore.release`."""
        ...

    def prune(self) -> int:
        """See `IdempotencyStore.prune`."""
        ...


class IdempotencyStore(Protocol):
    """Remembers keys. Every call is atomic, also between processes, and durable when it returns.

    A call that cannot reach what it stores in raises the store's own exception: the adapters then refuse the
    request, or try again. A store that may wait for a lock has the longest wait as `busy_timeout`, in
    seconds.
    """

    @property
    def sync(self) -> SyncIdempotencyStore:
        """The same store for code without an event loop."""
        ...

    async def claim(self, key: str, fingerprint: bytes, *, lease: float, ttl: float) -> Outcome:
        """Claims a key for one attempt. Of any number of simultaneous calls exactly one gets `Claimed`.

        A claim whose lease ended, and an answer whose time to live ended, are as if they never were. The
        lease begins when the claim is decided, not when the call is made.

        Args:
            key: the key, with the host and the principal that it belongs to.
            fingerprint: the digest of the request, see `protocol.fingerprint`.
            lease: seconds until the claim may be taken by another attempt.
            ttl: seconds that the answer will be kept once there is one.
        """
        ...

    async def renew(self, claim: Claimed) -> bool:
        """Begins the lease anew. False: the claim is no longer this one's, or is completed."""
        ...

    async def complete(self, claim: Claimed, response: StoredResponse) -> bool:
        """Keeps the answer for `claim.ttl`. False: the claim is no longer this one's; nothing was kept.

        True if an answer of this claim is kept when the call returns: one that was kept before stays as it
        is, so the call may be repeated.
        """
        ...

    async def release(self, claim: Claimed) -> None:
        """Forgets the claim, so that the next attempt runs. An answer that was kept stays."""
        ...

    async def prune(self) -> int:
        """Deletes what has ended and returns how many keys that were."""
        ...
