"""Owner: all that one owner of the queue knows and decides. Events in, actions out.

It is told what happened and returns what to do. It never waits, draws no time and no randomness of its own
and imports nothing of a browser, so a plain loop can drive it: see `pyqueue._driver` and
`pyqueue.testing.simulate`.

    owner = Owner(queue, version)
    for action in owner.handle(Started(meta), now): ...

At most one `Load` or `Commit` is on its way at a time. What happens meanwhile is kept, and goes into the
next commit; only the next job of a line that was claimed ahead leaves at once when the one before it is done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, assert_never

from .._errors import InvalidPayload, StoreError
from .._outcome import Outcome, Verdict
from .._ports import Changes, Loaded, Query, Unreadable
from .._queue import Queue, Task
from .._record import JobError, JobRecord, decode, is_number
from .._vocabulary import BATCH, SETTLED, UNREACHABLE, Certainty, CommandType, ErrorCode, HoldKind, Status
from .commands import Command, Damaged, parse
from .events import (
    Action,
    Answered,
    Arm,
    Commit,
    Committed,
    Event,
    Finish,
    FlagRead,
    Load,
    Publish,
    ReadFlag,
    Rest,
    Send,
    Started,
    TimePassed,
    Withdraw,
    Woken,
)
from .memory import EVERYWHERE, HEADS, LINE_DEPTH, Memory
from .outage import Breaker
from .rules import LATER, NETWORK, UNSENT, Rules, Terms, terms_of

INBOX = 200
"""Commands that are read at a time."""

AHEAD = 8
"""Jobs of one ordering key that are claimed ahead of the one that is being sent."""

HEARTBEAT = 20.0
"""Seconds: the longest that an owner lets pass without a commit. One that is silent for a minute is taken
for frozen, and its lock may be stolen."""

REVIVAL = 60.0
"""Seconds after which the worker is woken again, should it die with a job on its way."""

FLAG_INTERVAL = 60.0
"""Seconds after which the kill switch is read again."""

ATTEMPT_MARGIN = 30.0
"""Seconds beyond its timeout after which a request that did not end is withdrawn."""

FUNCTION_REQUESTS = 10
"""A task's function may take as long as so many of its requests."""

CLOCK_TOLERANCE = 2.0
"""Seconds by which the clock may step back unnoticed."""

SIGNS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("load", "online", "visible"), frozenset(UNREACHABLE)),
    "sync": frozenset({ErrorCode.OFFLINE}),
}
"""Wake-ups that are a sign of a network, and the errors after which a wait is then over.

A `sync` event comes at once wherever the browser believes that there is a network, again and again: an
attempt that failed in spite of that network keeps its backoff.
"""


@dataclass(slots=True)
class _Chain:
    """Jobs of one line (or one job without order) that are sent one after the other.

    Attributes:
        waiting: `seq` of those that are claimed and have not left.
        out: of the one that is being sent.
        is_broken: one of them did not succeed, so those behind it must not leave.
    """

    waiting: deque[int] = field(default_factory=deque)
    out: int | None = None
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    """An attempt that has ended and is not settled yet."""

    seq: int
    outcome: Outcome
    jitter: float
    was_probe: bool


@dataclass(slots=True)
class _Sweep:
    """A rule that concerns the whole queue, carried out in batches by `seq`. Stored in `meta.sweeps`.

    Attributes:
        after: the place up to which it has come.
        at: when it was asked for, Unix time in seconds.
    """

    after: float
    at: float


@dataclass(frozen=True, slots=True)
class _Batch:
    """Jobs that a sweep has read.

    Attributes:
        name: of the sweep.
        seqs: of the jobs.
        reached: the sweep's `after` once they are done.
        is_last: nothing follows.
    """

    name: str
    seqs: list[int]
    reached: float
    is_last: bool


class Owner:
    """One owner of the queue.

    Args:
        queue: the declaration.
        version: of the package, to notice a new worker.
    """

    def __init__(self, queue: Queue, version: str) -> None:
        self._queue = queue
        self._version = version
        self._now = 0.0
        self._actions: list[Action] = []
        self._memory = Memory(None)
        self._breaker = Breaker(None, queue.retry)
        self._meta: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._holds: dict[str, Any] = {}
        self._busy = False
        self._query = Query()
        self._finished = False
        # The inbox.
        self._has_news = True
        self._inbox_after = -1
        self._commands: list[Command] = []
        self._terms: dict[int, Terms | None] = {}
        self._taken: list[int] = []
        self._aside: list[Unreadable] = []
        self._looked_up: set[str] = set()
        # What is on its way.
        self._chains: dict[str | int, _Chain] = {}
        self._out: dict[int, float] = {}
        self._probe: int | None = None
        self._ended: list[_Ended] = []
        self._durable: set[int] = set()
        self._found_sending: list[int] | None = None
        # Rules over the whole queue.
        self._sweeps: dict[str, _Sweep] = {}
        self._batch: _Batch | None = None
        self._has_pruned = False
        self._publish_next: tuple[list[JobRecord], bool] = ([], False)
        # Wake-ups.
        self._linger_until = 0.0
        self._armed: float | None = None
        self._is_armed = False
        self._arm_next: tuple[float | None] | None = None
        self._asked_at = 0.0
        self._committed_at = 0.0
        self._flag_at: float | None = None
        self._is_reading_flag = False

    def handle(self, event: Event, now: float) -> list[Action]:
        """Takes an event in, and returns what to do, in order.

        Args:
            event: what happened.
            now: Unix time in seconds.
        """
        self._actions = []
        if self._finished:
            return self._actions
        if now < self._now - CLOCK_TOLERANCE:
            self._begin_sweep("clock", now)
        self._now = now
        match event:
            case Started(meta):
                self._start(meta)
            case Woken(reason, linger):
                self._wake(reason, linger)
            case Loaded():
                self._busy = False
                self._take_in(event)
            case Committed():
                self._busy = False
                self._on_committed()
            case Answered(job_id, outcome, jitter):
                self._on_answer(job_id, outcome, jitter)
            case FlagRead(flag):
                self._on_flag(flag)
            case TimePassed():
                pass
            case _:
                assert_never(event)
        self._withdraw_overdue()
        self._ask_flag()
        if not self._busy:
            self._step()
        return self._actions

    # -- events -------------------------------------------------------------------------------------------

    def _start(self, meta: Mapping[str, Any]) -> None:
        self._meta = dict(meta)
        self._memory = Memory(meta.get("tallies"))
        self._breaker = Breaker(meta.get("outage"), self._queue.retry)
        self._holds = _read_holds(meta.get("holds"))
        self._sweeps = _read_sweeps(meta.get("sweeps"))
        self._committed_at = self._now
        self._found_sending = []
        schedule = meta.get("schedule")
        if (
            isinstance(schedule, Mapping)
            and is_number(at := schedule.get("at"))
            and at > self._now + CLOCK_TOLERANCE
        ):
            self._begin_sweep("clock", self._now)
        worker = {"version": self._version}
        declaration = self._queue.declaration()
        if meta.get("worker") != worker or meta.get("declaration") != declaration:
            self._write("worker", worker)
            self._write("declaration", declaration)
            self._begin_sweep("revive", self._now)
        self._load(
            Query(
                inbox_after=self._inbox_after,
                inbox_limit=INBOX,
                due_after=self._memory.horizon,
                due_limit=HEADS,
                status=(Status.SENDING, -1, 10_000),
            )
        )

    def _wake(self, reason: str, linger: float) -> None:
        self._has_news = True
        self._linger_until = max(self._linger_until, self._now + linger)
        codes = SIGNS.get(reason, frozenset())
        if codes:
            self._breaker.probe_now(self._now, codes)
        if ErrorCode.NETWORK in codes:
            self._begin_sweep(NETWORK, self._now)
        if HoldKind.KILL_SWITCH in self._holds:
            self._flag_at = None

    def _on_answer(self, job_id: str, outcome: Outcome, jitter: float) -> None:
        job = self._memory.find(job_id)
        if job is None or job.seq not in self._out:
            return  # It was withdrawn.
        self._end_attempt(job.seq, outcome, jitter)

    def _end_attempt(self, seq: int, outcome: Outcome, jitter: float) -> None:
        del self._out[seq]
        self._ended.append(_Ended(seq, outcome, jitter, seq == self._probe))
        if seq == self._probe:
            self._probe = None
        chain = self._chains[self._chain_key(self._memory.jobs[seq])]
        chain.out = None
        chain.is_broken = outcome.verdict is not Verdict.DONE
        self._let_leave(chain)

    def _on_flag(self, flag: Mapping[str, Any] | None) -> None:
        self._is_reading_flag = False
        self._flag_at = self._now
        if not isinstance(flag, Mapping):
            return  # The last known answer is in `holds`.
        if flag.get("paused"):
            self._hold(HoldKind.KILL_SWITCH, str(flag.get("reason") or "paused by the site's kill switch"))
        else:
            self._release(HoldKind.KILL_SWITCH)

    def _on_committed(self) -> None:
        self._committed_at = self._asked_at
        jobs, is_news = self._publish_next
        if jobs or is_news:
            self._actions.append(Publish(jobs, self._holds))
        if self._arm_next is not None:
            self._arm(*self._arm_next)
            self._arm_next = None
        for chain in self._chains.values():
            self._durable.update(chain.waiting)
        for chain in list(self._chains.values()):
            self._let_leave(chain)

    def _take_in(self, loaded: Loaded) -> None:
        query = self._query
        for command in loaded.commands:
            self._read_command(command)
        for unreadable in loaded.unreadable:
            if unreadable.source == "inbox":
                self._inbox_after = max(self._inbox_after, unreadable.seq)
                self._memory.admit(0)  # Nothing but an enqueue is large enough to be unreadable.
            self._memory.count("set_aside")
        if query.inbox_after is not None:
            self._has_news = self._has_news or len(loaded.commands) >= query.inbox_limit
        self._aside += loaded.unreadable
        jobs, whole = [], not any(found.source == "jobs" for found in loaded.unreadable)
        for record in loaded.jobs:
            known = self._memory.jobs.get(record["seq"])
            try:
                jobs.append(known or decode(record))
            except StoreError as error:
                whole = False
                self._set_job_aside(record, str(error))
        self._memory.take_in(jobs, query, whole)
        jobs = [job for job in jobs if job.seq in self._memory.jobs]  # Not what was deleted since.
        self._looked_up |= query.ids | query.unique_keys
        rules = self._rules()
        for job in jobs:
            rules.correct_wait(self._memory.jobs[job.seq])
        if self._found_sending is not None and query.status is not None:
            self._found_sending = [job.seq for job in jobs if job.status is Status.SENDING]
        self._take_batch(query, len(loaded.jobs), jobs)
        if query.retained:
            self._has_pruned = self._has_pruned or not jobs
            for job in jobs:
                rules.prune(job)

    def _read_command(self, record: Mapping[str, Any]) -> None:
        seq = record["seq"]
        self._inbox_after = max(self._inbox_after, seq)
        try:
            command = parse(record)
        except Damaged as damaged:
            self._set_command_aside(seq, f"the command cannot be read: {damaged}", record.get("type"))
            return
        except Exception as error:
            self._set_command_aside(seq, f"the command cannot be read: {type(error).__name__}", None)
            return
        if command is not None:  # One of a newer page stays for a newer worker.
            self._commands.append(command)

    # -- one step -----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Asks for the next transaction, or rests."""
        if query := self._needs():
            self._load(query)
            return
        self._apply()
        memory = self._memory
        memory.arrange(self._now)
        if starved := memory.starved_lines():
            self._load(Query(lines=starved, line_depth=LINE_DEPTH))
            return
        if self._claim():
            self._load(Query(due_after=memory.horizon, due_limit=HEADS))
            return
        memory.arrange(self._now)
        if starved := memory.starved_lines():  # Something expired.
            self._load(Query(lines=starved, line_depth=LINE_DEPTH))
            return
        if self._commit():
            return
        memory.tidy()
        if (query := self._prefetch()) is not None:
            self._load(query)
            return
        self._idle()

    def _prefetch(self) -> Query | None:
        """What will be needed soon, so that no answer waits for it."""
        lines = self._memory.lines_to_read()
        few_heads = self._memory.head_count() < 2 * self._queue.max_in_flight
        if self._chains and few_heads and self._may_have_due():
            return Query(lines=lines, line_depth=LINE_DEPTH, due_after=self._memory.horizon, due_limit=HEADS)
        return Query(lines=lines, line_depth=LINE_DEPTH) if lines else None

    def _needs(self) -> Query | None:
        """What has to be read before what happened can be applied."""
        ids: set[str] = set()
        unique_keys: set[str] = set()
        lines: set[str] = set()

        def with_line(job: JobRecord) -> None:
            if job.ordering_key is not None:
                lines.add(job.ordering_key)
            if job.superseded_by is not None:
                ids.add(job.superseded_by)

        for command in self._commands:
            if command.id is not None:
                ids.add(command.id)
                if (job := self._memory.find(command.id)) is not None:
                    with_line(job)
                    unique_keys |= {job.unique_key} - {None}
                    if job.options is not None and (terms := self._terms_for(job)) is not None:
                        lines |= {terms.ordering_key} - {None}
                        unique_keys |= {terms.unique_key} - {None}
            if command.type is CommandType.ENQUEUE and (terms := self._terms_of(command)) is not None:
                if terms.ordering_key is not None:
                    lines.add(terms.ordering_key)
                if terms.unique_key is not None:
                    unique_keys.add(terms.unique_key)
        for ended in self._ended:
            with_line(self._memory.jobs[ended.seq])
        for seq in self._found_sending or ():
            with_line(self._memory.jobs[seq])
        if self._batch is not None:
            for seq in self._batch.seqs:
                job = self._memory.jobs[seq]
                with_line(job)
                unique_keys |= {job.unique_key} - {None}
                if job.options is not None and (terms := self._terms_for(job)) is not None:
                    lines |= {terms.ordering_key} - {None}
                    unique_keys |= {terms.unique_key} - {None}
        for key in unique_keys:
            for job in self._memory.holders(key):
                with_line(job)
        ids = {job_id for job_id in ids - self._looked_up if self._memory.find(job_id) is None}
        unique_keys -= self._looked_up
        unknown = {key: -1 for key in lines if not self._memory.knows(key)}
        query = Query(
            inbox_after=self._inbox_after if self._has_news else None,
            inbox_limit=INBOX,
            ids=frozenset(ids),
            unique_keys=frozenset(unique_keys),
            lines=unknown,
            line_depth=LINE_DEPTH,
            **self._next_batch(),
        )
        asks = ids or unique_keys or unknown or self._has_news or query.status or query.backoff or query.late
        return query if asks else None

    def _terms_of(self, command: Command) -> Terms | None:
        """The terms of an `enqueue`, worked out once; `None`: they cannot be."""
        if command.seq not in self._terms:
            task = self._queue.find(command.task)
            self._terms[command.seq] = _terms_or_none(task, command.options, command.payload)
        return self._terms[command.seq]

    def _terms_for(self, job: JobRecord) -> Terms | None:
        return _terms_or_none(self._queue.find(job.task), job.options or {}, job.payload)

    def _apply(self) -> None:
        """Carries out what was asked, and settles what has ended. What goes wrong with one job ends with it."""
        rules = self._rules()
        if self._found_sending is not None:
            found = [self._memory.jobs[seq] for seq in self._found_sending]
            self._found_sending = None
            rules.recover(found)
        commands, self._commands = self._commands, []
        for command in commands:
            try:
                self._carry_out(command, rules)
                self._taken.append(command.seq)
            except Exception as error:
                self._set_command_aside(command.seq, f"{type(error).__name__}: {error}", command.type)
        ended, self._ended = self._ended, []
        for attempt in ended:
            self._settle(attempt, rules)
        batch, self._batch = self._batch, None
        if batch is not None:
            self._apply_batch(batch, rules)
        self._withdraw_what_must_wait(rules)
        self._terms.clear()
        self._looked_up.clear()

    def _carry_out(self, command: Command, rules: Rules) -> None:
        match command.type:
            case CommandType.ENQUEUE:
                if (terms := self._terms_of(command)) is not None and terms.unique_key is not None:
                    for holder in self._memory.holders(terms.unique_key):
                        self._withdraw_from(holder, rules)
                rules.enqueue(command)
            case CommandType.PAUSE:
                self._hold(HoldKind.PAUSED, command.reason or "paused by the site")
            case CommandType.RESUME:
                self._release(HoldKind.PAUSED)
                self._release(HoldKind.UNAUTHORIZED)
                self._breaker.probe_now(self._now)
            case CommandType.FLUSH:
                self._breaker.probe_now(self._now)
                self._begin_sweep("flush", self._now)
                self._begin_sweep("flush_network", self._now)
            case CommandType.RETRY if command.id is None:
                self._breaker.probe_now(self._now)
                self._begin_sweep("retry", self._now)
            case _:
                self._carry_out_on_job(command, rules)

    def _carry_out_on_job(self, command: Command, rules: Rules) -> None:
        job = self._memory.find(command.id or "")
        if job is None:
            self._memory.count("refused")  # Its retention was over before the command was read.
            return
        self._withdraw_from(job, rules)
        job = self._memory.jobs[job.seq]
        match command.type:
            case CommandType.CANCEL | CommandType.DISCARD:
                rules.cancel(job, command)
            case CommandType.EDIT:
                rules.edit(job, command)
            case _:
                self._breaker.probe_now(self._now)
                rules.retry(job, command)

    def _settle(self, attempt: _Ended, rules: Rules) -> None:
        job = self._memory.jobs[attempt.seq]
        key = self._chain_key(job)
        chain = self._chains.get(key)
        outcome = attempt.outcome
        is_sole = self._is_sole()
        for_outage = self._breaker.judge(job.seq, outcome, self._now, attempt.jitter, probe=attempt.was_probe)
        spent = outcome.spent and not (for_outage and not (attempt.was_probe and is_sole))
        if outcome.verdict is Verdict.HOLD:
            self._hold(HoldKind.UNAUTHORIZED, outcome.error.message if outcome.error else "")
        if outcome.verdict is not Verdict.DONE and chain is not None:
            self._withdraw_waiting(chain, rules)
        try:
            rules.settle(job, outcome, spent, attempt.jitter)
        except Exception as error:
            failure = JobError(ErrorCode.EXCEPTION, f"the outcome cannot be applied: {type(error).__name__}")
            rules.give_up(job.with_(certainty=Certainty.MAYBE_APPLIED), failure)
        self._memory.unpin(job.seq)
        self._durable.discard(job.seq)
        if chain is not None and chain.out is None and not chain.waiting:
            self._chains.pop(key, None)

    def _is_sole(self) -> bool:
        """Whether no other line could probe in an outage."""
        return next(self._memory.heads(self._now), None) is None and not self._may_have_due()

    # -- claims -------------------------------------------------------------------------------------------

    def _claim(self) -> bool:
        """Claims what may leave. True if heads have to be read before more can be."""
        if not self._may_claim():
            return False
        rules = self._rules()
        if self._expire_due(rules):
            return False  # What follows them has to be known first.
        if self._breaker.outage is not None:
            return self._claim_probe(rules)
        while len(self._chains) < self._queue.max_in_flight:
            head = self._next_due()
            if head is not None:
                self._claim_line(head, rules)
            elif self._may_have_due():
                return True
            else:
                break
        if self._next_due() is None and not self._may_have_due():
            # Nobody else waits for a slot.
            for key, chain in self._chains.items():
                if len(chain.waiting) <= AHEAD // 2 and isinstance(key, str):
                    self._claim_ahead(key, chain, rules)
        return False

    def _expire_due(self, rules: Rules) -> bool:
        """Ends what came too late."""
        late = [head for head in self._memory.heads(self._now) if rules.is_expired(head)][:BATCH]
        for head in late:
            rules.expire(head)
        return bool(late)

    def _may_have_due(self) -> bool:
        """Whether there may be heads on disk that are due and not remembered."""
        return self._memory.horizon < (self._now, inf)

    def _may_claim(self) -> bool:
        is_first_read = self._queue.kill_switch is not None and self._flag_at is None
        return not (self._holds or is_first_read or "revive" in self._sweeps)

    def _next_due(self) -> JobRecord | None:
        """The longest due head that may leave now."""
        head = self._memory.next_head()
        if head is None or head.due is None or head.due > self._now:
            return None
        if _is_suspect(head) and any(_is_suspect(self._memory.jobs[seq]) for seq in self._memory.pinned):
            # What an owner may have died of is sent alone: the first other head goes before it.
            heads = self._memory.heads(self._now)
            return next((other for other in heads if not _is_suspect(other)), None)
        return head

    def _claim_probe(self, rules: Rules) -> bool:
        if self._chains or not self._breaker.may_send(self._now, len(self._out)):
            return False
        due = list(self._memory.heads(self._now))
        if not due:
            return self._may_have_due()
        # In turn, so that one that is refused alone does not keep the others from being tried.
        probe = min(due, key=lambda head: (head.sent_at or 0.0, head.due, head.seq))
        self._claim_one(probe, self._chains.setdefault(self._chain_key(probe), _Chain()), rules)
        self._probe = probe.seq
        return False

    def _claim_line(self, head: JobRecord, rules: Rules) -> None:
        key = self._chain_key(head)
        chain = self._chains.setdefault(key, _Chain())
        self._claim_one(head, chain, rules)
        if isinstance(key, str):
            self._claim_ahead(key, chain, rules)

    def _claim_ahead(self, key: str, chain: _Chain, rules: Rules) -> None:
        """Claims the next jobs of a line, so that no answer waits for a disk.

        Only first attempts of jobs of which nothing is known yet: if the owner dies, it is plain who was out.
        """
        at_work = [*([] if chain.out is None else [chain.out]), *chain.waiting]
        if not all(_is_first_attempt(self._memory.jobs[seq]) for seq in at_work):
            return
        room = AHEAD - len(chain.waiting)
        for job in list(self._memory.line(key)):
            if room <= 0:
                return
            if job.seq in at_work or job.seq in self._memory.pinned:
                continue
            if not _is_untouched(job) or job.not_before > self._now or rules.is_expired(job):
                return
            self._claim_one(job, chain, rules)
            room -= 1

    def _claim_one(self, job: JobRecord, chain: _Chain, rules: Rules) -> None:
        rules.claim(job)
        chain.waiting.append(job.seq)
        self._memory.pinned.add(job.seq)
        self._memory.arrange(self._now)

    def _let_leave(self, chain: _Chain) -> None:
        """Sends the next job of a chain, if its claim is durable and nothing speaks against it."""
        if chain.out is not None or chain.is_broken or not chain.waiting:
            return
        if chain.waiting[0] not in self._durable:
            return
        seq = chain.waiting[0]
        if self._holds or (self._breaker.outage is not None and seq != self._probe):
            return  # It is withdrawn in the next step.
        if self._is_stale():
            return  # Another owner may have taken the queue over: the next commit finds out.
        chain.waiting.popleft()
        chain.out = seq
        job = self._memory.jobs[seq]
        self._out[seq] = self._now + self._limit_of(job)
        self._actions.append(Send(job))

    def _is_stale(self) -> bool:
        """Whether the last sign of this owner is so old that it may have been taken for frozen."""
        return self._now - self._committed_at > 2 * HEARTBEAT

    def _limit_of(self, job: JobRecord) -> float:
        """Seconds after which an attempt is withdrawn that has not ended by itself."""
        task = self._queue.find(job.task)
        timeout = job.timeout or (task.timeout if task else self._queue.timeout)
        if task is not None and task.function is not None:
            timeout *= FUNCTION_REQUESTS
        return timeout + ATTEMPT_MARGIN

    def _withdraw_overdue(self) -> None:
        for seq in [seq for seq, until in self._out.items() if until <= self._now]:
            self._actions.append(Withdraw(self._memory.jobs[seq].id))
            error = JobError(ErrorCode.TIMEOUT, "the attempt did not end")
            self._end_attempt(seq, Outcome(Verdict.RETRY, error=error), 0.5)

    def _withdraw_what_must_wait(self, rules: Rules) -> None:
        """Takes back what was claimed ahead and must not leave now."""
        for key, chain in list(self._chains.items()):
            first = next(self._memory.line(key), None) if isinstance(key, str) else None
            is_overtaken = (
                first is not None and first.status is not Status.SENDING
            )  # A retried job goes first.
            is_probe = self._probe is not None and self._probe in chain.waiting
            if self._holds or is_overtaken or (self._breaker.outage is not None and not is_probe):
                self._withdraw_waiting(chain, rules)

    def _withdraw_from(self, job: JobRecord, rules: Rules) -> None:
        """Takes back the claim of a job that has not left, and of those behind it."""
        chain = self._chains.get(self._chain_key(job))
        if chain is not None and job.seq in chain.waiting:
            self._withdraw_waiting(chain, rules, job.seq)

    def _withdraw_waiting(self, chain: _Chain, rules: Rules, first: int = -1) -> None:
        key: str | int | None = None
        for seq in [seq for seq in chain.waiting if seq >= first]:
            chain.waiting.remove(seq)
            self._durable.discard(seq)
            job = self._memory.jobs[seq]
            key = self._chain_key(job)
            rules.withdraw(job)
            self._memory.unpin(seq)
            if seq == self._probe:
                self._probe = None
        if key is not None and chain.out is None and not chain.waiting:
            self._chains.pop(key, None)

    @staticmethod
    def _chain_key(job: JobRecord) -> str | int:
        return job.seq if job.ordering_key is None else job.ordering_key

    # -- rules over the whole queue -----------------------------------------------------------------------

    def _begin_sweep(self, name: str, at: float) -> None:
        depth = self._memory.tallies["depth"]
        concerned = {"retry": ("failed",), "revive": ("failed",), NETWORK: ("failed", "pending")}
        if any(depth[status] for status in concerned.get(name, ("pending",))):
            self._sweeps[name] = _Sweep(-1, at)
            self._batch = None if self._batch and self._batch.name == name else self._batch
            self._write_sweeps()

    def _next_batch(self) -> dict[str, Any]:
        """The part of a query that reads the next batch of a sweep."""
        if self._batch is not None or self._has_news or self._found_sending is not None:
            return {}
        for name in ("revive", "clock", "retry", "flush", "flush_network", NETWORK):
            if name not in self._sweeps:
                continue
            after = self._sweeps[name].after
            if name == "clock":
                return {"late": ((max(after, self._now), -1), BATCH)}
            if name in ("revive", "retry"):
                return {"status": (Status.FAILED, int(after), BATCH)}
            return {"backoff": (LATER if name == "flush" else NETWORK, int(after), BATCH)}
        return {}

    def _take_batch(self, query: Query, count: int, jobs: list[JobRecord]) -> None:
        asked = self._sweep_of(query)
        if asked is None:
            return
        name, limit = asked
        if query.late is not None:
            batch = [job for job in jobs if job.due is not None and (job.due, job.seq) > query.late[0]]
            batch.sort(key=lambda job: (job.due, job.seq))
        elif query.status is not None:
            after = query.status[1]
            batch = [job for job in jobs if job.status is Status.FAILED and job.seq > after]
        else:
            assert query.backoff is not None
            kind, after, _ = query.backoff
            batch = [job for job in jobs if job.backoff == kind and job.seq > after]
        batch = batch[:limit]
        reached = (batch[-1].due or 0.0 if query.late is not None else batch[-1].seq) if batch else inf
        self._batch = _Batch(name, [job.seq for job in batch], reached, count < limit)

    def _sweep_of(self, query: Query) -> tuple[str, int] | None:
        if query.late is not None and "clock" in self._sweeps:
            return "clock", query.late[1]
        if query.status is not None and query.status[0] is Status.FAILED:
            return next(
                ((name, query.status[2]) for name in ("revive", "retry") if name in self._sweeps), None
            )
        if query.backoff is not None:
            names = ("flush",) if query.backoff[0] == LATER else ("flush_network", NETWORK)
            return next(((name, query.backoff[2]) for name in names if name in self._sweeps), None)
        return None

    def _apply_batch(self, batch: _Batch, rules: Rules) -> None:
        sweep = self._sweeps.get(batch.name)
        if sweep is None:
            return
        for seq in batch.seqs:
            job = self._memory.jobs[seq]
            try:
                self._sweep_job(batch.name, job, sweep.at, rules)
            except Exception as error:
                rules.give_up(job, JobError(ErrorCode.EXCEPTION, f"{type(error).__name__}: {error}"))
        if batch.is_last or not batch.seqs:
            del self._sweeps[batch.name]
        else:
            sweep.after = batch.reached
        self._write_sweeps()

    def _sweep_job(self, name: str, job: JobRecord, at: float, rules: Rules) -> None:
        code = job.error.code if job.error else None
        is_failed = job.status is Status.FAILED
        if name == "clock":
            rules.correct_wait(job)
        elif name == "revive":
            if is_failed and code == ErrorCode.UNKNOWN_TASK and self._queue.find(job.task) is not None:
                rules.reopen(job)
        elif is_failed and name in ("retry", NETWORK) and (job.settled_at or 0.0) <= at:
            rules.reopen(job)
        elif job.status is Status.PENDING and name != "retry":
            rules.hasten(job)

    def _write_sweeps(self) -> None:
        self._write("sweeps", {name: {"after": s.after, "at": s.at} for name, s in self._sweeps.items()})

    def _prune_query(self) -> Query | None:
        """What has outlived its retention."""
        retention, depth = self._queue.retention, self._memory.tallies["depth"]
        asked: list[tuple[str, float, int]] = []
        if not self._has_pruned:
            for group in (*(status.value for status in SETTLED), UNSENT):
                age = retention.failed if group in (Status.FAILED, UNSENT) else retention.settled
                asked.append((group, self._now - age, BATCH))
        for status in SETTLED:
            surplus = depth[status.value] - retention.count
            # Some of what failed or expired is not to be deleted by a count: once is enough to find out.
            may_be_kept = status in (Status.FAILED, Status.EXPIRED)
            if surplus > 0 and not (self._has_pruned and may_be_kept):
                asked.append((status.value, self._now + 1, min(surplus, BATCH)))
        return Query(retained=tuple(asked)) if asked else None

    # -- transactions -------------------------------------------------------------------------------------

    def _rules(self) -> Rules:
        return Rules(self._queue, self._memory, self._now)

    def _load(self, query: Query) -> None:
        if query.inbox_after is not None:
            self._has_news = False
        self._busy = True
        self._query = query
        self._actions.append(Load(query))

    def _commit(self) -> bool:
        """Commits what has changed. False if nothing has."""
        memory = self._memory
        if memory.counts_changed():
            self._write("tallies", {kind: dict(counts) for kind, counts in memory.tallies.items()})
        if (outage := self._breaker.stored()) != self._meta.get("outage"):
            self._write("outage", outage)
        jobs = memory.changed()
        if self._chains and not self._is_armed_by(self._now + REVIVAL):
            self._schedule(self._now + REVIVAL)
        changes = Changes(
            jobs=jobs,
            deleted=memory.deleted(),
            taken=self._taken,
            aside=self._aside,
            meta=self._written,
        )
        if not changes:
            return False
        is_news = bool(self._aside or self._written.keys() & {"holds", "outage"})
        self._publish_next = (jobs, is_news)
        self._taken, self._aside, self._written = [], [], {}
        memory.committed()
        self._ask_commit(changes)
        return True

    def _ask_commit(self, changes: Changes) -> None:
        self._busy = True
        # From here, not from its end: an owner that froze while it waited is as silent as any other.
        self._asked_at = self._now
        self._actions.append(Commit(changes))

    def _write(self, name: str, value: Any) -> None:
        self._meta[name] = value
        self._written[name] = value

    def _hold(self, kind: HoldKind, reason: str) -> None:
        if self._holds.get(kind, {}).get("reason") != reason:
            self._holds = {**self._holds, kind.value: {"reason": reason, "since": self._now}}
            self._write("holds", self._holds)

    def _release(self, kind: HoldKind) -> None:
        if kind in self._holds:
            self._holds = {name: hold for name, hold in self._holds.items() if name != kind}
            self._write("holds", self._holds)

    def _set_command_aside(self, seq: int, reason: str, type: Any) -> None:
        if type == CommandType.ENQUEUE:
            self._memory.admit(0)
        self._memory.count("set_aside")
        self._aside.append(Unreadable("inbox", seq, reason))

    def _set_job_aside(self, record: Mapping[str, Any], reason: str) -> None:
        self._memory.forget_unreadable(record)
        self._memory.count("set_aside")
        self._aside.append(Unreadable("jobs", record["seq"], reason))
        if isinstance(key := record.get("open_key"), str):
            self._memory.forget_line(key)

    # -- rest ---------------------------------------------------------------------------------------------

    def _idle(self) -> None:
        """Nothing can be done now: waits, or ends the ownership."""
        now, memory = self._now, self._memory
        if self._may_claim() and memory.next_head() is None and memory.horizon < EVERYWHERE:
            self._load(Query(due_after=memory.horizon, due_limit=HEADS))
            return
        if self._breaker.outage is not None and memory.tallies["open"]["count"] == 0:
            self._breaker.end()
            self._commit()
            return
        wake_at = self._wake_at()
        if self._chains:
            if self._is_stale():
                self._beat_or_rest(now)
                return
            later = [wake_at] if wake_at is not None and wake_at > now else []
            self._beat_or_rest(min(now + HEARTBEAT, *self._out.values(), *later))
            return
        if self._is_reading_flag:
            self._actions.append(Rest(now + HEARTBEAT))
            return
        if (query := self._prune_query()) is not None:
            self._load(query)
            return
        if not (self._is_armed and self._armed == wake_at):
            self._schedule(wake_at)
            self._commit()
            return
        if wake_at is not None and wake_at <= self._linger_until:
            self._beat_or_rest(min(wake_at, now + HEARTBEAT))
            return
        self._finished = True
        self._actions.append(Finish(wake_at))

    def _beat_or_rest(self, until: float) -> None:
        if self._now - self._committed_at >= HEARTBEAT:
            self._publish_next = ([], False)
            self._ask_commit(Changes())
        else:
            self._actions.append(Rest(until))

    def _wake_at(self) -> float | None:
        """When there is work next that nothing on its way will bring."""
        if self._holds:
            return (
                (self._flag_at or self._now) + FLAG_INTERVAL if HoldKind.KILL_SWITCH in self._holds else None
            )
        head = self._memory.next_head()
        if head is None or head.due is None:
            return None
        if self._breaker.outage is not None:
            return max(head.due, self._breaker.probe_at(self._now))
        return head.due

    def _schedule(self, wake_at: float | None) -> None:
        """Stores when there is work next, and arms the wake-up once that is durable."""
        at = {"at": self._now}
        self._write("schedule", at if wake_at is None else {**at, "wake_at": wake_at})
        self._arm_next = (wake_at,)

    def _arm(self, wake_at: float | None) -> None:
        self._armed, self._is_armed = wake_at, True
        self._actions.append(Arm(wake_at))

    def _is_armed_by(self, latest: float) -> bool:
        return self._is_armed and self._armed is not None and self._now <= self._armed <= latest

    def _ask_flag(self) -> None:
        """Reads the kill switch: first, at wake-ups while it holds the queue, and now and then."""
        url = self._queue.kill_switch
        is_due = self._flag_at is None or self._now >= self._flag_at + FLAG_INTERVAL
        if url is not None and is_due and not self._is_reading_flag:
            self._is_reading_flag = True
            self._actions.append(ReadFlag(url))


def _is_suspect(job: JobRecord) -> bool:
    return job.error is not None and job.error.code == ErrorCode.INTERRUPTED


def _is_first_attempt(job: JobRecord) -> bool:
    return job.attempts == 1 and job.error is None and job.certainty is Certainty.NEVER_SENT


def _is_untouched(job: JobRecord) -> bool:
    return (
        job.status is Status.PENDING
        and job.attempts == 0
        and job.error is None
        and job.certainty is Certainty.NEVER_SENT
        and job.waits_for is None
    )


def _terms_or_none(task: Task | None, options: Mapping[str, Any], payload: Mapping[str, Any]) -> Terms | None:
    if task is None:
        return None
    try:
        return terms_of(task, options, payload)
    except InvalidPayload:
        return None


def _read_holds(stored: Any) -> dict[str, Any]:
    """`meta.holds`, without what is malformed."""
    holds = stored if isinstance(stored, Mapping) else {}
    return {
        kind.value: {"reason": str(hold.get("reason") or ""), "since": hold["since"]}
        for kind in HoldKind
        if isinstance(hold := holds.get(kind.value), Mapping) and is_number(hold.get("since"))
    }


def _read_sweeps(stored: Any) -> dict[str, _Sweep]:
    """`meta.sweeps`, without what is malformed."""
    sweeps = stored if isinstance(stored, Mapping) else {}
    return {
        str(name): _Sweep(sweep["after"], sweep["at"])
        for name, sweep in sweeps.items()
        if isinstance(sweep, Mapping) and is_number(sweep.get("after")) and is_number(sweep.get("at"))
    }
