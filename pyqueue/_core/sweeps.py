"""Sweeps: rules that concern the whole queue, carried out in batches between which the owner still answers.

What a sweep has done is stored in the commit that does it, so that the next owner goes on with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .._ports import Query
from .._principal import is_principal
from .._queue import Queue
from .._record import JobError, JobRecord, is_count, is_number
from .._vocabulary import ErrorCode, Status
from .commands import Command
from .memory import Memory
from .rules import DECLARATION, LATER, NETWORK, Rules

REVIVE = "revive"
"""A new worker: jobs that failed because their task was not declared go on, if it is now."""

MEND = "mend"
"""A record was set aside: what stood behind it may have become the head of its line."""

CLOCK = "clock"
"""The clock was set back: no wait is longer, from now, than what was asked for."""

RETRY = "retry"
"""A person tries all failed jobs again."""

FLUSH, FLUSH_NETWORK = "flush", "flush_network"
"""A page cuts all waits after attempts short: those that only time ends, and those that a network ends."""

CLEAR = "clear"
"""Somebody's jobs are to go, whatever they are."""

RECONNECT = "reconnect"
"""A sign of a network: what waits or gave up for lack of one is due now."""

AT_A_TIME = 50
"""Jobs of a batch: in the slowest engine about as long as nobody notices that nothing else is attended to."""

_STATUSES = tuple(Status)

_STATUS = {RETRY: Status.FAILED, MEND: Status.PENDING}
_BACKOFF = {REVIVE: DECLARATION, FLUSH: LATER, FLUSH_NETWORK: NETWORK, RECONNECT: NETWORK}
_CONCERNED = {
    **dict.fromkeys((REVIVE, RETRY), (Status.FAILED,)),
    **dict.fromkeys((MEND, CLOCK, FLUSH, FLUSH_NETWORK), (Status.PENDING,)),
    RECONNECT: (Status.FAILED, Status.PENDING),
    CLEAR: _STATUSES,
}
"""The statuses of the jobs that a sweep is for, in the order in which sweeps are carried out."""


@dataclass(slots=True)
class _Sweep:
    """A sweep under way.

    Attributes:
        after: the place up to which it has come: a `seq`, for `CLOCK` a `due`.
        after_seq: for `CLOCK`, the `seq` that goes with it; for `CLEAR`, the position of the status.
        at: when it was asked for, Unix time in seconds.
        whose: for `RETRY` and `CLEAR`, whose jobs it is for, the latter in turn: by principal, the `seq` of
            the command. What was written after a `CLEAR` stays.
    """

    after: float
    at: float
    after_seq: int = -1
    whose: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Jobs that a sweep has read.

    Attributes:
        name: of the sweep.
        seqs: of the jobs.
        reached: the sweep's `after` and `after_seq` once they are done.
        is_last: nothing follows.
    """

    name: str
    seqs: list[int]
    reached: tuple[float, int]
    is_last: bool


class Sweeps:
    """The sweeps of one owner.

    Args:
        stored: `meta.sweeps`; what is malformed counts as none.
        queue: the declaration.
        memory: the owner's.
    """

    def __init__(self, stored: Any, queue: Queue, memory: Memory) -> None:
        self._queue = queue
        self._memory = memory
        self._sweeps = _read(stored)
        self._asked: str | None = None
        self._batch: _Batch | None = None
        self.has_changed = False
        """Whether `stored` is to be written."""

    def __contains__(self, name: str) -> bool:
        return name in self._sweeps

    def __bool__(self) -> bool:
        return bool(self._sweeps)

    def stored(self) -> Mapping[str, Any]:
        """What `meta.sweeps` is to hold."""
        return {name: asdict(sweep) for name, sweep in self._sweeps.items()}

    def begin(self, name: str, now: float, asked_by: Command | None = None) -> None:
        """Begins a sweep, or begins it again.

        Args:
            name: of the sweep.
            now: Unix time in seconds.
            asked_by: the command whose principal's jobs it is for, besides those for whom it is under way;
                `None`: everybody's.
        """
        depth = self._memory.tallies["depth"]
        if any(depth[status.value] for status in _CONCERNED[name]):
            before = self._sweeps[name].whose if name in self._sweeps else {}
            added = {} if asked_by is None else {asked_by.principal: asked_by.seq}
            self._sweeps[name] = _Sweep(-1, now, whose={**before, **added})
            if self._batch is not None and self._batch.name == name:
                self._batch = None
            if self._asked == name:
                self._asked = None
            self.has_changed = True

    def has_fresh(self) -> bool:
        """Whether a sweep has begun of which no batch was read yet."""
        return self._batch is None and any(sweep.after == -1 for sweep in self._sweeps.values())

    def ask(self, now: float) -> dict[str, Any]:
        """The part of a `Query` that reads the next batch; empty if there is none to read."""
        if self._batch is not None or not self._sweeps:
            return {}
        waiting = [name for name in _CONCERNED if name in self._sweeps]
        self._asked = name = next((name for name in waiting if self._sweeps[name].after == -1), waiting[0])
        after, after_seq = self._sweeps[name].after, self._sweeps[name].after_seq
        if name == CLEAR:
            whose = next(iter(self._sweeps[name].whose))
            status = _STATUSES[max(0, after_seq)]
            return {"mine": (whose, status, int(after), AT_A_TIME)}
        if name == CLOCK:
            return {
                "principal": self._memory.principal,
                "late": (max((after, after_seq), (now, -1)), AT_A_TIME),
            }
        if name in _STATUS:
            return {"status": (_STATUS[name], int(after), AT_A_TIME)}
        return {"backoff": (_BACKOFF[name], int(after), AT_A_TIME)}

    def take_in(self, query: Query, records: Sequence[Mapping[str, Any]]) -> None:
        """Takes what was read.

        Args:
            query: that was asked.
            records: that it found, as they are stored; those that can be read are in the memory.
        """
        name, self._asked = self._asked, None
        if name == CLEAR and query.mine is not None:
            self._take_in_own(query.mine, records)
            return
        if name == CLOCK and query.late is not None:
            after, limit = query.late
            places = [(record["due"], record["seq"]) for record in records if is_number(record.get("due"))]
        elif name in _STATUS and query.status is not None:
            status, above, limit = query.status
            after = (above, -1)
            places = [(record["seq"], -1) for record in records if record.get("status") == status]
        elif name in _BACKOFF and query.backoff is not None:
            kind, above, limit = query.backoff
            after = (above, -1)
            places = [(record["seq"], -1) for record in records if record.get("backoff") == kind]
        else:
            return
        found = sorted(place for place in places if place > after)[:limit]
        seqs = [int(place[1] if name == CLOCK else place[0]) for place in found]
        seqs = [seq for seq in seqs if seq in self._memory.jobs]
        self._batch = _Batch(name, seqs, found[-1] if found else after, len(found) < limit)

    def _take_in_own(self, asked: tuple[str, Status, int, int], records: Sequence[Mapping[str, Any]]) -> None:
        """Takes a batch of one principal's jobs; after those of one status come those of the next."""
        principal, status, after, limit = asked
        found = [
            record["seq"]
            for record in records
            if record.get("principal") == principal
            and record.get("status") == status
            and record["seq"] > after
        ][:limit]
        seqs = [seq for seq in found if seq in self._memory.jobs]
        position = _STATUSES.index(status)
        is_whole = len(found) < limit
        reached = (0.0, position + 1) if is_whole else (float(found[-1]), position)
        self._batch = _Batch(CLEAR, seqs, reached, is_whole and position == len(_STATUSES) - 1)

    def touched(self) -> list[JobRecord]:
        """The jobs of the batch that was read: their lines have to be known before it is applied."""
        return [self._memory.jobs[seq] for seq in self._batch.seqs] if self._batch else []

    def apply(self, rules: Rules) -> None:
        """Carries the rule out for the batch that was read."""
        batch, self._batch = self._batch, None
        if batch is None or (sweep := self._sweeps.get(batch.name)) is None:
            return
        for seq in batch.seqs:
            job = self._memory.jobs[seq]
            try:
                self._apply_to(batch.name, job, sweep, rules)
            except Exception as error:
                rules.give_up(job, JobError(ErrorCode.EXCEPTION, f"{type(error).__name__}: {error}"))
        if batch.is_last and batch.name == CLEAR and len(sweep.whose) > 1:
            self._sweeps[CLEAR] = _Sweep(0, sweep.at, 0, dict([*sweep.whose.items()][1:]))
        elif batch.is_last:
            del self._sweeps[batch.name]
        else:
            sweep.after, sweep.after_seq = batch.reached
        self.has_changed = True

    def _apply_to(self, name: str, job: JobRecord, sweep: _Sweep, rules: Rules) -> None:
        code = job.error.code if job.error else None
        is_failed = job.status is Status.FAILED
        if name == CLEAR:
            if job.seq < sweep.whose.get(job.principal, 0):
                rules.forget(job)
        elif name == RETRY and job.principal not in sweep.whose:
            pass
        elif name == CLOCK:
            rules.correct_wait(job)
        elif name == MEND:
            self._memory.touch(job)
        elif name == REVIVE:
            if is_failed and code == ErrorCode.UNKNOWN_TASK and self._queue.find(job.task) is not None:
                rules.reopen(job)
        elif is_failed and name in (RETRY, RECONNECT) and (job.settled_at or 0.0) <= sweep.at:
            rules.reopen(job)
        elif job.status is Status.PENDING and name != RETRY:
            rules.hasten(job)


def _read(stored: Any) -> dict[str, _Sweep]:
    sweeps = stored if isinstance(stored, Mapping) else {}
    return {
        name: _Sweep(sweep["after"], sweep["at"], sweep.get("after_seq", -1), _whose(sweep))
        for name in _CONCERNED
        if isinstance(sweep := sweeps.get(name), Mapping)
        and (is_number if name == CLOCK else _is_place)(sweep.get("after"))
        and is_number(sweep.get("at"))
        and _is_place(sweep.get("after_seq", -1))
        and (name != CLEAR or (_whose(sweep) and sweep.get("after_seq", -1) < len(_STATUSES)))
    }


def _is_place(value: Any) -> bool:
    """Whether a value is a `seq`, or before all of them."""
    return is_number(value) and (value == -1 or (value >= 0 and is_count(int(value)) and value == int(value)))


def _whose(sweep: Mapping[str, Any]) -> dict[str, int]:
    whose = sweep.get("whose")
    items = whose.items() if isinstance(whose, Mapping) else ()
    return {principal: seq for principal, seq in items if is_principal(principal) and is_count(seq)}
