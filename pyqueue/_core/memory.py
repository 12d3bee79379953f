"""Memory: what an owner holds of the stored jobs, and what it has changed since its last commit.

The owner is the only writer of jobs, so what it has read stays true. It holds

- *lines*: for an ordering key, the first of the jobs that take part in the order, without a gap;
- *heads*: the jobs that may be sent, the first due first, without a gap up to a horizon.

Every change goes through `put`, which keeps the tallies. `promote_heads` then sees to it that only the head
of a line is due. A change costs what it touches, however many jobs are stored.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Any

from .._ports import Query
from .._record import JobRecord, is_count, is_number
from .._vocabulary import SETTLED, Status

LINE_DEPTH = 32
"""Jobs of one ordering key that are read at a time."""

LINE_LOW = 12
"""A line that may have more on disk is read on when fewer of it are left."""

HEADS = 128
"""Heads that are read at a time."""

MOST_HEADS = 1024
"""Heads that are remembered; more are left on disk."""

MOST_LINES = 2048
"""Lines that are remembered."""

Place = tuple[float, int]
"""(due, seq): heads are sent in this order."""

NOWHERE: Place = (-inf, -1)
EVERYWHERE: Place = (inf, 0)


@dataclass(slots=True)
class Line:
    """The first jobs of an ordering key.

    Attributes:
        seqs: of the jobs, in order: all up to `read_to`, and further ones only if `complete`.
        read_to: the `seq` up to which the line was read.
        complete: all of it is known.
        sending: those that are being sent.
        due: the one that is due.
        beyond: those that were put since the last commit and lie behind what is known.
    """

    seqs: list[int] = field(default_factory=list)
    read_to: int = -1
    complete: bool = False
    sending: set[int] = field(default_factory=set)
    due: int | None = None
    beyond: set[int] = field(default_factory=set)


class Memory:
    """The jobs that one owner knows.

    Args:
        tallies: `meta.tallies` as stored; anything malformed counts as zero.
    """

    def __init__(self, tallies: Any) -> None:
        self.tallies = _tallies(tallies)
        self.jobs: dict[int, JobRecord] = {}
        self.horizon: Place = NOWHERE
        self._seq_of: dict[str, int] = {}
        self._holders: dict[str, set[int]] = {}
        self._lines: dict[str, Line] = {}
        self._places: dict[int, Place] = {}
        self._heap: list[Place] = []
        self._ages: list[tuple[float, int]] = []
        self._dirty: set[int] = set()
        self._deleted: set[int] = set()
        self._touched: set[str] = set()
        self._starved: set[str] = set()
        self._has_beyond: set[str] = set()
        self._orphans: dict[str, set[int]] = {}
        self._fresh: set[int] = set()
        self._counted = False
        self.pinned: set[int] = set()
        """`seq` of the jobs that are being sent, or are claimed."""

    # -- what is known ------------------------------------------------------------------------------------

    def find(self, job_id: str) -> JobRecord | None:
        """The remembered job with this id."""
        seq = self._seq_of.get(job_id)
        return None if seq is None else self.jobs[seq]

    def holders(self, unique_key: str) -> list[JobRecord]:
        """The remembered jobs that have this unique key, by `seq`."""
        return [self.jobs[seq] for seq in sorted(self._holders.get(unique_key, ()))]

    def knows(self, key: str) -> bool:
        """Whether the front of this line is remembered."""
        return key in self._lines

    def line(self, key: str) -> Iterator[JobRecord]:
        """The remembered jobs of a line, in order."""
        line = self._lines.get(key)
        return (self.jobs[seq] for seq in line.seqs) if line else iter(())

    def lines_to_read(self) -> dict[str, int]:
        """Lines at work of which little is left in memory: the key, and the last `seq` that is known."""
        at_work = {self.jobs[seq].open_key for seq in self.pinned}
        return {
            key: line.read_to
            for key in at_work
            if key is not None
            and (line := self._lines.get(key)) is not None
            and not line.complete
            and len(line.seqs) < LINE_LOW
        }

    def starved_lines(self) -> dict[str, int]:
        """Lines that were changed and of which nothing is in memory, but perhaps on disk: none of them may be
        committed so."""
        known = {key: self._lines[key].read_to for key in self._starved}
        return {**known, **dict.fromkeys(self._orphans, -1)}

    def read_to(self, key: str) -> int:
        """The `seq` up to which a line is known."""
        line = self._lines.get(key)
        return line.read_to if line else -1

    def heads(self, now: float) -> Iterator[JobRecord]:
        """The remembered heads that are due, the longest due first. Changes end the iteration's truth."""
        for place in self._sorted_places():
            if place[0] > now:
                return
            yield self.jobs[place[1]]

    def next_head(self) -> JobRecord | None:
        """The remembered head that is due first."""
        while self._heap:
            place = self._heap[0]
            if self._places.get(place[1]) == place:
                return self.jobs[place[1]]
            heappop(self._heap)
        return None

    def oldest_at(self) -> float:
        """When the oldest remembered job that is not settled was enqueued; infinite: there is none.

        The front of each line that is at work is remembered, and so is every head up to the horizon.
        """
        while self._ages:
            at, seq = self._ages[0]
            job = self.jobs.get(seq)
            if job is not None and job.is_open:
                return at
            heappop(self._ages)
        return inf

    def all_heads(self) -> list[JobRecord]:
        """The remembered heads, the first due first."""
        return [self.jobs[place[1]] for place in self._sorted_places()]

    def head_count(self) -> int:
        """How many heads are remembered."""
        return len(self._places)

    def _sorted_places(self) -> list[Place]:
        return sorted(self._places.values())

    # -- what was read ------------------------------------------------------------------------------------

    def take_in(
        self, records: Sequence[Mapping[str, Any]], jobs: Iterable[JobRecord], query: Query, whole: bool
    ) -> None:
        """Remembers what a query found. What is remembered already stays as it is.

        Args:
            records: as they are stored, by `seq`. They tell how far was read, whatever was changed since.
            jobs: those that can be read.
            query: what was asked.
            whole: nothing that the query names is missing among the records.
        """
        for job in jobs:
            if job.seq not in self.jobs and job.seq not in self._deleted:
                self._remember(job)
        for key, after in query.lines.items():
            found = [record["seq"] for record in records if record.get("open_key") == key]
            members = [seq for seq in found if seq > after]
            is_all = whole and len(members) < query.line_depth
            self._extend_line(key, members[: query.line_depth], is_all)
        if query.due_after is not None:
            self._extend_heads(records, query.due_after, query.due_limit, whole)

    def _extend_heads(
        self, records: Iterable[Mapping[str, Any]], after: Place, limit: int, whole: bool
    ) -> None:
        places = [(due, record["seq"]) for record in records if is_number(due := record.get("due"))]
        heads = sorted(place for place in places if place > after)
        for place in heads[:limit]:
            job = self.jobs.get(place[1])
            if job is None:
                continue  # It cannot be read, or was deleted since.
            self._set_place(job, place)
            # Whoever is due is the first of its line.
            if job.open_key is not None and job.due is not None and job.open_key not in self._lines:
                self._lines[job.open_key] = Line([job.seq], read_to=job.seq, due=job.seq)
        if len(heads) >= limit:
            self.horizon = heads[limit - 1]
        elif whole:
            self.horizon = EVERYWHERE

    def touch(self, job: JobRecord) -> None:
        """The job may have become due by what is not remembered: it is arranged anew."""
        if job.open_key is not None:
            self._touched.add(job.open_key)
        else:
            self.put(job)

    def _extend_line(self, key: str, members: list[int], complete: bool) -> None:
        line = self._lines.setdefault(key, Line())
        if members:
            line.read_to = max(line.read_to, members[-1])
        line.complete = line.complete or complete
        self._starved.discard(key)
        self._touched.add(key)
        beyond, line.beyond = line.beyond | self._orphans.pop(key, set()), set()
        for seq in (*members, *beyond):
            if (job := self.jobs.get(seq)) is not None:
                self._move(line, job, key)

    def _remember(self, job: JobRecord) -> None:
        before = self.jobs.get(job.seq)
        if before is None:
            self._fresh.add(job.seq)
        if job.is_open and not (before is not None and before.is_open):
            heappush(self._ages, (job.created_at, job.seq))
        self.jobs[job.seq] = job
        self._seq_of[job.id] = job.seq
        if job.unique_key is not None:
            self._holders.setdefault(job.unique_key, set()).add(job.seq)

    # -- what is changed ----------------------------------------------------------------------------------

    def put(self, job: JobRecord) -> JobRecord:
        """Sets a job."""
        before = self.jobs.get(job.seq)
        self._remember(job)
        self._dirty.add(job.seq)
        if before is not None and before.unique_key is not None and before.unique_key != job.unique_key:
            self._release_holder(before)
        self._count_change(before, job)
        old_key = before.open_key if before is not None else None
        for key in {old_key, job.open_key} - {None}:
            assert key is not None
            self._touched.add(key)
            if (line := self._lines.get(key)) is not None:
                self._move(line, job, key)
            else:
                self._orphans.setdefault(key, set()).add(job.seq)
        if job.open_key is None:
            may_leave = job.status is Status.PENDING and job.ordering_key is None and job.waits_for is None
            self._set_due(job, job.not_before if may_leave else None)
        return self.jobs[job.seq]

    def _move(self, line: Line, job: JobRecord, key: str) -> None:
        at = bisect_left(line.seqs, job.seq)
        is_member = at < len(line.seqs) and line.seqs[at] == job.seq
        belongs = job.open_key == key
        if belongs and not is_member and (line.complete or job.seq <= line.read_to):
            insort(line.seqs, job.seq)
            is_member = True
        elif belongs and not is_member:
            line.beyond.add(job.seq)
            self._has_beyond.add(key)
        elif is_member and not belongs:
            del line.seqs[at]
            is_member = False
        if not belongs:
            line.beyond.discard(job.seq)
        if is_member and job.due is not None:
            line.due = job.seq
        if is_member and job.status is Status.SENDING:
            line.sending.add(job.seq)
        else:
            line.sending.discard(job.seq)

    def delete(self, job: JobRecord) -> None:
        """Deletes a settled job that takes part in no line."""
        self._count_change(job, None)
        self._forget(job)
        self._dirty.discard(job.seq)
        self._deleted.add(job.seq)

    def count(self, counter: str, change: int = 1) -> None:
        """Adds to a counter."""
        counters = self.tallies["counters"]
        counters[counter] = counters.get(counter, 0) + change
        self._counted = True

    def admit(self, size: int) -> None:
        """Counts an `enqueue` that leaves the inbox."""
        self.tallies["admitted"]["count"] += 1
        self.tallies["admitted"]["bytes"] += size
        self._counted = True

    def leave_inbox(self, seq: int) -> None:
        """Notes that no command up to this one is left in the inbox."""
        self._counted = self._counted or self.tallies["admitted"]["seq"] != seq
        self.tallies["admitted"]["seq"] = seq

    def forget_unreadable(self, record: Mapping[str, Any]) -> None:
        """Takes a job that cannot be read out of the tallies, as far as it can be told what it was."""
        status, size = record.get("status"), record.get("bytes")
        if status in self.tallies["depth"]:
            self.tallies["depth"][status] -= 1
            if status not in SETTLED:
                self.tallies["open"]["count"] -= 1
                self.tallies["open"]["bytes"] -= size if is_count(size) else 0
        self._counted = True

    def promote_heads(self, now: float) -> None:
        """Sees to it that of every changed line only the head is due.

        Args:
            now: Unix time in seconds. However the clock was set meanwhile, no wait is longer than asked.
        """
        for key in self._touched:
            line = self._lines.get(key)
            if line is None:
                continue
            head = self.jobs[line.seqs[0]] if line.seqs else None
            if line.due is not None and (head is None or line.due != head.seq) and line.due in self.jobs:
                self._set_due(self.jobs[line.due], None)
            line.due = None
            if head is not None:
                # A job that was retried may stand before one that is on its way: both at once would race.
                may_leave = head.status is Status.PENDING and not line.sending and head.waits_for is None
                if may_leave and head.not_before > now + head.wait:
                    head = self.jobs[head.seq] = head.with_(not_before=now + head.wait)
                    self._dirty.add(head.seq)
                self._set_due(head, head.not_before if may_leave else None)
                line.due = head.seq if may_leave else None
            if not line.seqs and not line.complete:
                self._starved.add(key)
        self._touched.clear()

    def _set_due(self, job: JobRecord, due: float | None) -> None:
        if job.due != due:
            job = job.with_(due=due)
            self.jobs[job.seq] = job
            self._dirty.add(job.seq)
        if due is None:
            self._places.pop(job.seq, None)
        else:
            self._set_place(job, (due, job.seq))

    def _set_place(self, job: JobRecord, place: Place) -> None:
        if self.jobs[job.seq].due != place[0] or self._places.get(job.seq) == place:
            return
        self._places[job.seq] = place
        heappush(self._heap, place)

    def _count_change(self, before: JobRecord | None, after: JobRecord | None) -> None:
        old = before.status if before else None
        new = after.status if after else None
        depth, open_ = self.tallies["depth"], self.tallies["open"]
        if old is not new:
            if old is not None:
                depth[old.value] -= 1
            if new is not None:
                depth[new.value] += 1
                if new in SETTLED:
                    self.count(new.value)
            self._counted = True
        was_open, is_open = before is not None and before.is_open, after is not None and after.is_open
        old_size = before.bytes if before is not None and was_open else 0
        new_size = after.bytes if after is not None and is_open else 0
        if was_open != is_open or old_size != new_size:
            open_["count"] += is_open - was_open
            open_["bytes"] += new_size - old_size
            self._counted = True

    # -- what is committed --------------------------------------------------------------------------------

    def changed(self) -> list[JobRecord]:
        """The jobs that were put since the last commit, by `seq`, as they are now."""
        return [self.jobs[seq] for seq in sorted(self._dirty)]

    def deleted(self) -> list[int]:
        """`seq` of the jobs that were deleted since the last commit."""
        return sorted(self._deleted)

    def counts_changed(self) -> bool:
        """Whether the tallies have to be written."""
        return self._counted

    def committed(self) -> None:
        """All changes are with the store."""
        self._counted = False
        self._deleted.clear()
        self._fresh |= self._dirty
        self._dirty = set()
        for key in self._has_beyond:
            if (line := self._lines.get(key)) is not None:
                line.beyond.clear()
        self._has_beyond.clear()
        self._orphans.clear()

    def tidy(self) -> None:
        """Forgets what was remembered and turned out not to be needed."""
        if len(self._places) > MOST_HEADS:
            self._leave_heads_on_disk()
        if len(self._lines) > MOST_LINES:
            self._forget_idle_lines()
        if len(self._ages) > 2 * len(self.jobs) + LINE_DEPTH:
            self._ages = sorted({place for place in self._ages if place[1] in self.jobs})
        fresh, self._fresh = self._fresh, set()
        for seq in fresh:
            self._forget_if_idle(seq)

    def unpin(self, seq: int) -> None:
        """No attempt needs this job any more."""
        self.pinned.discard(seq)
        self._fresh.add(seq)

    def _forget_if_idle(self, seq: int) -> None:
        """Forgets a job that no line, no head and no attempt needs."""
        job = self.jobs.get(seq)
        if job is None or seq in self._dirty or seq in self.pinned or seq in self._places:
            return
        line = self._lines.get(job.open_key) if job.open_key is not None else None
        if line is not None:
            at = bisect_left(line.seqs, seq)
            if at < len(line.seqs) and line.seqs[at] == seq:
                if at < 2 * LINE_DEPTH:
                    return
                # The end of a long line is left on disk.
                gone = line.seqs[at:]
                if any(other in self.pinned or other in self._dirty for other in gone):
                    return
                del line.seqs[at:]
                line.complete = False
                line.read_to = line.seqs[-1]
                for other in gone:
                    self._forget(self.jobs[other])
                return
        self._forget(job)

    def _leave_heads_on_disk(self) -> None:
        places = self._sorted_places()
        for place in places[MOST_HEADS // 2 :]:
            del self._places[place[1]]
        self._heap = places[: MOST_HEADS // 2]
        self.horizon = min(self.horizon, places[MOST_HEADS // 2 - 1])
        for place in places[MOST_HEADS // 2 :]:
            self._forget_if_idle(place[1])

    def _forget_idle_lines(self) -> None:
        for key in list(self._lines)[: MOST_LINES // 2]:
            seqs = self._lines[key].seqs
            if any(seq in self.pinned or seq in self._places or seq in self._dirty for seq in seqs):
                continue
            del self._lines[key]
            for seq in seqs:
                self._forget(self.jobs[seq])

    def _forget(self, job: JobRecord) -> None:
        self.jobs.pop(job.seq, None)
        self._seq_of.pop(job.id, None)
        self._places.pop(job.seq, None)
        self._release_holder(job)

    def _release_holder(self, job: JobRecord) -> None:
        if job.unique_key is not None and (holders := self._holders.get(job.unique_key)) is not None:
            holders.discard(job.seq)
            if not holders:
                del self._holders[job.unique_key]


def _tallies(stored: Any) -> dict[str, dict[str, int]]:
    """Tallies as stored, with zero for all that is missing or malformed."""
    kinds: dict[str, tuple[str, ...]] = {
        "open": ("count", "bytes"),
        "admitted": ("count", "bytes", "seq"),
        "depth": tuple(status.value for status in Status),
        "counters": (),
    }
    found = stored if isinstance(stored, Mapping) else {}
    tallies = {}
    for kind, names in kinds.items():
        values = found.get(kind)
        values = values if isinstance(values, Mapping) else {}
        counts = {str(name): value for name, value in values.items() if is_count(value)}
        tallies[kind] = {**dict.fromkeys(names, 0), **counts}
    return tallies
