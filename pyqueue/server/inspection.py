"""Looking at the keys in a store and forgetting some of them: for people who run a site, not for requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from . import protocol
from .stores import StoredResponse


class State(StrEnum):
    """How it stands with a key."""

    RUNNING = "running"
    """An attempt holds it."""

    ABANDONED = "abandoned"
    """The lease ended without an answer: the process died, or the store was out of its reach. Whether there
    was an effect is not known. The next attempt runs."""

    ANSWERED = "answered"
    """The operation is over; another attempt gets the answer that is kept."""

    ENDED = "ended"
    """The answer was kept for as long as it should be. Another attempt would run."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One key as a store has it, without its answer.

    Attributes:
        name: the key as the store was given it, with host and principal; see `protocol.scoped`.
        id: by which the store finds it.
        token: of the attempt that claimed it.
        age: seconds since it was claimed, by the store's clock.
        left: seconds until the lease ends, or the answer is no longer kept. Not positive: it has ended.
        status: of the answer; `None` if there is none.
        size: bytes of the answer's body.
    """

    name: str
    id: str | bytes
    token: str
    age: float
    left: float
    status: int | None = None
    size: int = 0

    @property
    def state(self) -> State:
        """How it stands with the key."""
        if self.status is None:
            return State.RUNNING if self.left > 0 else State.ABANDONED
        return State.ANSWERED if self.left > 0 else State.ENDED

    @property
    def protects(self) -> bool:
        """Whether it keeps another attempt from running."""
        return self.left > 0

    @property
    def host(self) -> str:
        """Of the requests."""
        return protocol.unscoped(self.name)[0]

    @property
    def principal(self) -> str | None:
        """Whose key it is; `None`: nobody was signed in."""
        return protocol.unscoped(self.name)[1]

    @property
    def key(self) -> str:
        """The client's."""
        return protocol.unscoped(self.name)[2]


class Inspection(Protocol):
    """What a store's optional method `inspection(page=1000)` returns: a connection of its own, which blocks.

    It makes no file and no table: where there is none, the first call raises.

    Attributes:
        errors: the exceptions by which a call says that the store cannot be reached, or is none.
    """

    errors: tuple[type[Exception], ...]

    def records(self, key: str | None = None) -> Iterator[KeyRecord]:
        """Every key, in no particular order, or those that clients call `key`, of any host and principal.

        Clients' keys have no index: what is read is all, a page at a time, so that nobody is held up. What is
        claimed or forgotten meanwhile may be missing.
        """
        ...

    def find(self, name: str) -> KeyRecord | None:
        """One key, by its whole name; see `protocol.scoped`."""
        ...

    def answer(self, record: KeyRecord) -> StoredResponse | None:
        """The answer that is kept; `None` if there is none any more."""
        ...

    def forget(self, record: KeyRecord) -> bool:
        """Deletes a key. False, and it stays: since it was read another attempt claimed it, it was answered,
        or it protects again, as its lease was renewed late.

        The next attempt with the key runs, so the effect may happen again. One that is running goes on, and
        finds that its claim was lost.
        """
        ...

    def close(self) -> None:
        """Closes the connection."""
        ...


def of_client(records: Iterator[KeyRecord], key: str | None) -> Iterator[KeyRecord]:
    """Those that clients call `key`; all if it is `None`."""
    return (record for record in records if key is None or record.key == key)
