"""What the queues in the browsers say of themselves, in headers of the requests that they send anyway."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 1_000_000
MAX_AGE: Final = 10 * 366 * 86_400
MAX_ATTEMPT: Final = 100_000
"""Above these a value is no queue's, and is ignored: one client must not spoil everybody's chart."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The state of one client's queue when it sent a request. `None`: it did not say, or not in earnest.

    A client may say what it likes: this is for charts, and nothing is decided by it.

    Attributes:
        depth: jobs not yet settled, this one included (`Pyqueue-Depth`).
        oldest_age: seconds since the oldest of them was enqueued (`Pyqueue-Oldest-Age`).
        attempt: which attempt of its job the request is, 1 for the first (`Pyqueue-Attempt`).
    """

    depth: int | None = None
    oldest_age: int | None = None
    attempt: int | None = None


def fleet_of(values: Callable[[bytes], Sequence[bytes]]) -> Fleet:
    """What a request's headers say.

    Args:
        values: the values of the header of a name in lower case.
    """
    return Fleet(
        depth=_whole(values(b"pyqueue-depth"), 0, MAX_DEPTH),
        oldest_age=_whole(values(b"pyqueue-oldest-age"), 0, MAX_AGE),
        attempt=_whole(values(b"pyqueue-attempt"), 1, MAX_ATTEMPT),
    )


def _whole(values: Sequence[bytes], low: int, high: int) -> int | None:
    if len(values) != 1 or not values[0].isdigit() or len(values[0]) > len(str(high)):
        return None
    number = int(values[0])
    return number if low <= number <= high else None
