"""A store in memory, as durable as the object it is given."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from math import inf
from typing import Any

from .._epoch import epoch_after
from .._errors import OwnershipLost, StoreError
from .._ports import Changes, Loaded, Query
from .._record import encode
from .._vocabulary import COMMAND_VERSION

Record = dict[str, Any]
Place = tuple[Any, ...]

_INDEXES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "seq"),
    "due": ("principal", "due", "seq"),
    "order": ("open_key", "seq"),
    "status": ("status", "seq"),
    "mine": ("principal", "status", "seq"),
    "unique_key": ("unique_key", "seq"),
    "backoff": ("backoff", "seq"),
    "retained": ("retained", "settled_at", "seq"),
}
"""The indexes of web/schema.js. A record without one of an index's fields is not in it."""


class _Index:
    """The sorted places of the records that have all of an index's fields."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self._places: list[Place] = []

    def add(self, record: Record) -> None:
        if (place := self._place_of(record)) is not None:
            insort(self._places, place)

    def remove(self, record: Record) -> None:
        if (place := self._place_of(record)) is not None:
            del self._places[bisect_left(self._places, place)]

    def between(self, low: Place, high: Place) -> Iterator[int]:
        """`seq` of what lies above `low` and below `high`, in order."""
        start, end = bisect_right(self._places, low), bisect_left(self._places, high)
        return (self._places[at][-1] for at in range(start, end))

    def _place_of(self, record: Record) -> Place | None:
        place = tuple(record.get(name) for name in self._names)
        return None if any(part is None for part in place) else place


@dataclass
class Disk:
    """What survives a crash: the stores of docs/architecture.md."""

    inbox: dict[int, Record] = field(default_factory=dict)
    jobs: dict[int, Record] = field(default_factory=dict)
    aside: list[Record] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    appended: dict[str, int] = field(default_factory=lambda: {"count": 0, "bytes": 0})
    last_seq: int = 0

    def __post_init__(self) -> None:
        self._indexes = {name: _Index(fields) for name, fields in _INDEXES.items()}

    def append(self, type: str, at: float, **fields: Any) -> int:
        """The page's half: appends one command to the inbox and returns its `seq`."""
        self.last_seq += 1
        command = {"v": COMMAND_VERSION, "type": type, "at": at, **fields, "seq": self.last_seq}
        self.inbox[self.last_seq] = command
        if type == "enqueue":
            size = fields.get("bytes", 0)
            self.appended["count"] += 1
            self.appended["bytes"] += size if isinstance(size, int) else 0
        return self.last_seq

    def put(self, record: Record) -> None:
        """Stores a job's record, whatever it holds."""
        self.remove(record["seq"])
        self.jobs[record["seq"]] = record
        for index in self._indexes.values():
            index.add(record)

    def remove(self, seq: int) -> None:
        """Deletes a job's record, if there is one."""
        if (old := self.jobs.pop(seq, None)) is not None:
            for index in self._indexes.values():
                index.remove(old)

    def select(self, index: str, low: Place, high: Place, limit: float = inf) -> Iterator[int]:
        """`seq` of the first jobs of a range of an index."""
        for count, seq in enumerate(self._indexes[index].between(low, high)):
            if count >= limit:
                return
            yield seq


class MemoryStore:
    """The Store port over a `Disk`, and the same without awaiting. Records go through the codec, as they
    would to IndexedDB.

    Args:
        disk: what is stored. A second store over the same disk is a second owner.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk or Disk()
        self._epoch = 0

    async def take_over(self, now: float) -> Mapping[str, Any]:
        return self.take_over_now(now)

    async def load(self, query: Query) -> Loaded:
        return self.load_now(query)

    async def commit(self, changes: Changes, now: float) -> None:
        self.commit_now(changes, now)

    def take_over_now(self, now: float) -> Mapping[str, Any]:
        """`take_over`, at once."""
        self._epoch = epoch_after(self._stored_epoch())
        self.disk.meta["owner"] = {"epoch": self._epoch, "beat_at": now}
        return deepcopy(self.disk.meta)

    def _stored_epoch(self) -> Any:
        owner = self.disk.meta.get("owner")
        return owner.get("epoch") if isinstance(owner, Mapping) else None

    def load_now(self, query: Query) -> Loaded:
        """`load`, at once."""
        commands: list[Record] = []
        if query.inbox_after is not None:
            seqs = sorted(seq for seq in self.disk.inbox if seq > query.inbox_after)
            commands = [_copy(self.disk.inbox[seq]) for seq in seqs[: query.inbox_limit]]
        found = sorted(set(self._select(query)))
        return Loaded(commands, [_copy(self.disk.jobs[seq]) for seq in found])

    def _select(self, query: Query) -> Iterable[int]:
        select = self.disk.select
        for job_id in query.ids:
            yield from select("id", (job_id, -1), (job_id, inf))
        for key in query.unique_keys:
            yield from select("unique_key", (key, -1), (key, inf))
        whose = query.principal
        if query.due_after is not None:
            yield from select("due", (whose, *query.due_after), (whose, inf), query.due_limit)
        if query.late is not None:
            yield from select("due", (whose, *query.late[0]), (whose, inf), query.late[1])
        for key, after in query.lines.items():
            yield from select("order", (key, after), (key, inf), query.line_depth)
        if query.status is not None:
            status, after, limit = query.status
            yield from select("status", (status.value, after), (status.value, inf), limit)
        if query.mine is not None:
            principal, status, after, limit = query.mine
            yield from select("mine", (principal, status.value, after), (principal, status.value, inf), limit)
        if query.backoff is not None:
            kind, after, limit = query.backoff
            yield from select("backoff", (kind, after), (kind, inf), limit)
        for group, before, limit in query.retained:
            yield from select("retained", (group, -inf), (group, before), limit)

    def commit_now(self, changes: Changes, now: float) -> None:
        """`commit`, at once."""
        if self._stored_epoch() != self._epoch:
            raise OwnershipLost(f"epoch {self._epoch} was overtaken")
        self._check_ids(changes)
        disk = self.disk
        for source in changes.aside:
            stored = disk.inbox if source.source == "inbox" else disk.jobs
            record = stored.get(source.seq)
            aside = {"from": source.source, "seq": source.seq, "reason": source.reason, "at": now}
            disk.aside.append({**aside, "record": record})
            if source.source == "inbox":
                disk.inbox.pop(source.seq, None)
            else:
                disk.remove(source.seq)
        for job in changes.jobs:
            disk.put(_copy(encode(job)))
        for seq in changes.deleted:
            disk.remove(seq)
        for seq in changes.taken:
            disk.inbox.pop(seq, None)
        disk.meta.update(deepcopy(dict(changes.meta)))
        disk.meta["owner"] = {"epoch": self._epoch, "beat_at": now}

    def _check_ids(self, changes: Changes) -> None:
        for job in changes.jobs:
            for seq in self.disk.select("id", (job.id, -1), (job.id, inf)):
                if seq != job.seq and seq not in changes.deleted:
                    raise StoreError("two jobs with one id")


def _copy(record: Record) -> Record:
    """A record of its own. Payloads are shared: nobody changes them."""
    return {
        name: value if name in ("payload", "edit_payload") else _copy_value(value)
        for name, value in record.items()
    }


def _copy_value(value: Any) -> Any:
    return deepcopy(value) if isinstance(value, (dict, list)) else value
