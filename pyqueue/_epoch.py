"""The epoch: which owner of the queue it is, in the order in which they took over."""

from __future__ import annotations

from typing import Any

from ._record import is_count
from ._vocabulary import MAX_INTEGER


def epoch_after(stored: Any) -> int:
    """The epoch of whoever takes over.

    Args:
        stored: the last owner's, as stored. What is no epoch, or leaves none above it, counts as none: owners
            begin anew then, and one that still has a higher one overtakes once more.
    """
    return stored + 1 if is_count(stored) and stored < MAX_INTEGER else 1
