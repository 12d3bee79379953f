"""Retention: which settled jobs are to be deleted."""

from __future__ import annotations

from .._ports import Query
from .._queue import Retention
from .._vocabulary import BATCH, SETTLED, Status
from .memory import Memory
from .rules import UNSENT


def outlived(retention: Retention, memory: Memory, now: float, has_pruned: bool) -> Query | None:
    """What has outlived its retention; `None`: nothing more is to be looked for.

    Args:
        retention: as declared.
        memory: the owner's, whose tallies say how many are stored.
        now: Unix time in seconds.
        has_pruned: a look in this ownership has found nothing.
    """
    asked: list[tuple[str, float, int]] = []
    if not has_pruned:
        for group in (*(status.value for status in SETTLED), UNSENT):
            age = retention.failed if group in (Status.FAILED, UNSENT) else retention.settled
            asked.append((group, now - age, BATCH))
    for status in SETTLED:
        surplus = memory.tallies["depth"][status.value] - retention.count
        # Some of what failed or expired is not to be deleted by a count: once is enough to find out.
        may_be_kept = status in (Status.FAILED, Status.EXPIRED)
        if surplus > 0 and not (has_pruned and may_be_kept):
            asked.append((status.value, now + 1, min(surplus, BATCH)))
    return Query(retained=tuple(asked)) if asked else None
