"""A store in memory, as durable as the object it is given."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._errors import OwnershipLost, StoreError
from .._ports import Changes, Command, Query
from .._record import JobRecord, decode, encode


@dataclass
class Disk:
    """What survives a crash: the three stores of docs/architecture.md."""

    inbox: dict[int, dict[str, Any]] = field(default_factory=dict)
    jobs: dict[int, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    last_seq: int = 0

    def append(self, type: str, at: float, **fields: Any) -> int:
        """The page's half: appends one command to the inbox and returns its `seq`."""
        self.last_seq += 1
        self.inbox[self.last_seq] = {"seq": self.last_seq, "v": 1, "type": type, "at": at, **fields}
        if type == "enqueue":
            old = self.meta.get("appended", {"count": 0, "bytes": 0})
            size = old["bytes"] + fields.get("bytes", 0)
            self.meta["appended"] = {"count": old["count"] + 1, "bytes": size}
        return self.last_seq


class MemoryStore:
    """The Store port over a `Disk`. Records go through the codec, as they would to IndexedDB.

    Args:
        disk: what is stored. A second store over the same disk is a second owner.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self._epoch = 0

    async def take_over(self, now: float) -> Mapping[str, Any]:
        self._epoch = self.disk.meta.get("owner", {"epoch": 0})["epoch"] + 1
        self.disk.meta["owner"] = {"epoch": self._epoch, "beat_at": now}
        return copy.deepcopy(self.disk.meta)

    async def inbox(self, limit: int) -> Sequence[Command]:
        records = [self.disk.inbox[seq] for seq in sorted(self.disk.inbox)[:limit]]
        return [
            Command(
                record["seq"],
                record["type"],
                record["at"],
                {name: value for name, value in record.items() if name not in ("seq", "type", "at")},
            )
            for record in copy.deepcopy(records)
        ]

    async def load(self, query: Query) -> Sequence[JobRecord]:
        jobs = [decode(self.disk.jobs[seq]) for seq in sorted(self.disk.jobs)]
        found = [job for job in jobs if job.id in query.ids]
        found += [job for job in jobs if job.unique_key is not None and job.unique_key in query.unique_keys]
        due = [job for job in jobs if job.due is not None and job.due <= query.due_before]
        found += sorted(due, key=lambda job: (job.due, job.seq))[: query.due_limit]
        for key in query.heads:
            found += [job for job in jobs if job.open_key == key][: query.heads_depth]
        if query.status is not None:
            found += [job for job in jobs if job.status is query.status][: query.status_limit]
        if query.settled is not None:
            status, before, limit = query.settled
            settled = [
                job
                for job in jobs
                if job.status is status and job.settled_at is not None and job.settled_at < before
            ]
            found += sorted(settled, key=lambda job: (job.settled_at, job.seq))[:limit]
        return sorted({job.seq: job for job in found}.values(), key=lambda job: job.seq)

    async def next_due(self) -> float | None:
        return min((record["due"] for record in self.disk.jobs.values() if "due" in record), default=None)

    async def commit(self, changes: Changes, now: float) -> None:
        if self.disk.meta.get("owner", {"epoch": 0})["epoch"] != self._epoch:
            raise OwnershipLost(f"epoch {self._epoch} was overtaken")
        jobs = dict(self.disk.jobs)
        for job in changes.jobs:
            jobs[job.seq] = copy.deepcopy(encode(job))
        for seq in changes.deleted:
            jobs.pop(seq, None)
        if len({record["id"] for record in jobs.values()}) != len(jobs):
            raise StoreError("two jobs with one id")
        self.disk.jobs = jobs
        for seq in changes.taken:
            self.disk.inbox.pop(seq, None)
        self.disk.meta.update(copy.deepcopy(dict(changes.meta)))
        self.disk.meta["owner"] = {"epoch": self._epoch, "beat_at": now}
