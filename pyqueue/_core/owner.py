"""Owner: all that one owner of the queue knows and decides. Events in, actions out.

It is told what happened and returns what to do. It never waits, draws no time and no randomness of its own
and imports nothing of a browser, so a plain loop can drive it: see `pyqueue._driver` and
`pyqueue.testing.simulate`.

    owner = Owner(queue, version)
    for action in owner.handle(Started(meta), now): ...

At most one `Load` or `Commit` is on its way at a time. What happens meanwhile is kept, and goes into the
next commit; only the next job of a chain leaves at once when the one before it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any, assert_never

from .._errors import StoreError
from .._ports import Changes, Loaded, Query, Unreadable
from .._principal import NOBODY, is_principal
from .._queue import Queue
from .._record import JobRecord, decode, is_number
from .._vocabulary import SILENCE, UNREACHABLE, CommandType, ErrorCode, HoldKind, Status
from .commands import Command
from .deliveries import Deliveries
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
from .holds import Holds
from .inbox import Inbox
from .memory import EVERYWHERE, HEADS, LINE_DEPTH, Memory
from .needs import Needs
from .outage import Breaker
from .retention import outlived
from .rules import Rules
from .sweeps import CLEAR, CLOCK, FLUSH, FLUSH_NETWORK, MEND, RECONNECT, RETRY, REVIVE, Sweeps

HEARTBEAT = 20.0
"""Seconds: the longest that an owner lets pass without a commit. One that is silent for a minute is taken
for frozen, and its lock may be stolen."""

REST = 0.5
"""Seconds for which an owner with nothing left to do waits for more before it ends: to begin costs as much as
ten jobs."""

FLAG_INTERVAL = 60.0
"""Seconds after which the kill switch is read again."""

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
        self._set_up({})
        self._meta: dict[str, Any] = {}
        self._written: dict[str, Any] = {}
        self._busy = False
        self._query = Query()
        self._finished = False
        self._aside: list[Unreadable] = []
        self._looked_up: set[str] = set()
        self._found_sending: list[int] | None = None
        self._has_pruned = False
        self._must_correct = False
        self._publish_next: tuple[list[JobRecord], bool] = ([], False)
        # Wake-ups.
        self._linger_until = 0.0
        self._armed: float | None = None
        self._is_armed = False
        self._arm_next: tuple[float | None] | None = None
        self._asked_at = 0.0
        self._active_at = -inf
        self._committed_at = 0.0
        self._flag_at: float | None = None
        self._is_reading_flag = False

    def _set_up(self, meta: Mapping[str, Any]) -> None:
        # Whether the site has ever said who is signed in: requests then tell whose they are.
        self._identifies, principal = _read_identity(meta.get("identity"))
        self._memory = Memory(meta.get("tallies"), principal)
        self._holds = Holds(meta.get("holds"))
        self._breaker = Breaker(meta.get("outage"), self._queue.retry)
        self._sweeps = Sweeps(meta.get("sweeps"), self._queue, self._memory)
        self._deliveries = Deliveries(self._queue, self._memory, self._breaker)
        self._inbox = Inbox(self._queue, self._memory)

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
            self._set_back(self._now - now, now)
        self._now = now
        self._breaker.correct_wait(now)
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
                self._deliveries.answered(job_id, outcome, jitter, now)
            case FlagRead(flag):
                self._on_flag(flag)
            case TimePassed():
                pass
            case _:
                assert_never(event)
        for job_id in self._deliveries.withdraw_overdue(now):
            self._actions.append(Withdraw(job_id))
        self._let_leave()
        self._ask_flag()
        if not self._busy:
            self._step_or_gather()
        return self._actions

    def _set_back(self, seconds: float, now: float) -> None:
        """The clock was set back: what waits until a time waits as long as before, and no job any longer."""
        self._linger_until -= seconds
        self._committed_at = min(self._committed_at, now)
        self._deliveries.set_back(seconds)
        self._sweeps.begin(CLOCK, now)
        self._must_correct = True  # What is not stored yet, no sweep will find.

    # -- events -------------------------------------------------------------------------------------------

    def _start(self, meta: Mapping[str, Any]) -> None:
        self._meta = dict(meta)
        self._set_up(meta)
        self._committed_at = self._now
        self._found_sending = []
        schedule = meta.get("schedule")
        if (
            isinstance(schedule, Mapping)
            and is_number(at := schedule.get("at"))
            and at > self._now + CLOCK_TOLERANCE
        ):
            self._sweeps.begin(CLOCK, self._now)
        worker = {"version": self._version}
        declaration = self._queue.declaration()
        if meta.get("worker") != worker or meta.get("declaration") != declaration:
            self._write("worker", worker)
            self._write("declaration", declaration)
            self._sweeps.begin(REVIVE, self._now)
        self._load(
            Query(
                **self._inbox.ask(),
                **self._heads(),
                status=(Status.SENDING, -1, 10_000),
            )
        )

    def _wake(self, reason: str, linger: float) -> None:
        self._inbox.has_news = True
        self._linger_until = max(self._linger_until, self._now + linger)
        codes = SIGNS.get(reason, frozenset())
        if codes:
            self._breaker.probe_now(self._now, codes)
        if ErrorCode.NETWORK in codes:
            self._sweeps.begin(RECONNECT, self._now)
            self._holds.let_probe()
        if HoldKind.KILL_SWITCH in self._holds:
            self._flag_at = None

    def _on_flag(self, flag: Mapping[str, Any] | None) -> None:
        self._is_reading_flag = False
        self._flag_at = self._now
        if not isinstance(flag, Mapping):
            return  # The last known answer is in `holds`.
        if flag.get("paused"):
            reason = flag.get("reason") or "paused by the site's kill switch"
            self._holds.begin(HoldKind.KILL_SWITCH, reason, self._now)
        else:
            self._holds.end(HoldKind.KILL_SWITCH)

    def _on_committed(self) -> None:
        self._committed_at = self._asked_at
        jobs, is_news = self._publish_next
        if jobs or is_news:
            self._actions.append(Publish(jobs, self._holds.stored()))
        if self._arm_next is not None:
            self._arm(*self._arm_next)
            self._arm_next = None
        self._deliveries.committed()

    def _take_in(self, loaded: Loaded) -> None:
        query = self._query
        self._inbox.take_in(loaded.commands, [one for one in loaded.unreadable if one.source == "inbox"])
        lost = [one for one in loaded.unreadable if one.source == "jobs"]
        for one in lost:
            self._memory.count("set_aside")
            self._aside.append(one)
            self._sweeps.begin(MEND, self._now)
        jobs = []
        for record in loaded.jobs:
            known = self._memory.jobs.get(record["seq"])
            try:
                jobs.append(known or decode(record))
            except StoreError as error:
                self._set_job_aside(record, str(error))
        self._memory.take_in(loaded.jobs, jobs, query, whole=not lost)
        jobs = [job for job in jobs if job.seq in self._memory.jobs]  # Not what was deleted since.
        self._sweeps.take_in(query, loaded.jobs)
        self._looked_up |= query.ids | query.unique_keys
        rules = self._rules()
        for job in jobs:
            rules.correct_wait(self._memory.jobs[job.seq])
        if self._found_sending is not None and query.status is not None:
            self._found_sending = [job.seq for job in jobs if job.status is Status.SENDING]
        if query.retained:
            self._has_pruned = self._has_pruned or not jobs
            for job in jobs:
                rules.prune(job)

    # -- one step -----------------------------------------------------------------------------------------

    def _step_or_gather(self) -> None:
        """Lets successes wait for others, as long as all that may be sent is on its way."""
        inbox = self._inbox
        is_asked = self._may_read() or inbox.commands or self._aside or self._holds or self._sweeps
        until = None if is_asked or self._is_stale() else self._deliveries.gather_until(self._now)
        if until is not None and inbox.has_news:
            until = min(until, inbox.next_look())
        if until is None:
            self._step()
        else:
            self._actions.append(Rest(until))

    def _step(self) -> None:
        """Asks for the next transaction, or rests."""
        if self._aside:
            self._commit()  # Else it would be found again.
            return
        if query := self._needs():
            self._load(query)
            return
        self._apply()
        memory = self._memory
        if self._sweeps.has_fresh():
            # What was asked for is begun in the commit that takes the command: nobody sees a state between.
            self._load(Query(**self._sweeps.ask(self._now)))
            return
        memory.promote_heads(self._now)
        if starved := memory.starved_lines():
            self._load(Query(lines=starved, line_depth=LINE_DEPTH))
            return
        if self._may_claim() and self._deliveries.claim(
            self._rules(), self._now, one=HoldKind.UNAUTHORIZED in self._holds
        ):
            self._load(Query(**self._heads()))
            return
        memory.promote_heads(self._now)
        if starved := memory.starved_lines():  # Something expired.
            self._load(Query(lines=starved, line_depth=LINE_DEPTH))
            return
        is_committing = self._commit()
        memory.tidy()
        if is_committing:
            return
        if (query := self._prefetch()) is not None:
            self._load(query)
            return
        self._idle()

    def _prefetch(self) -> Query | None:
        """What will be needed soon, so that no answer waits for it."""
        lines = self._memory.lines_to_read()
        few_heads = self._memory.head_count() < 2 * self._queue.max_in_flight
        if self._deliveries and few_heads and self._memory.horizon < (self._now, inf):
            return Query(lines=lines, line_depth=LINE_DEPTH, **self._heads())
        return Query(lines=lines, line_depth=LINE_DEPTH) if lines else None

    def _needs(self) -> Query | None:
        """What has to be read before what happened can be applied; `None`: nothing."""
        inbox = self._inbox
        reads_inbox = self._may_read()
        # What people asked for comes first.
        may_sweep = not (inbox.has_news or inbox.commands or self._found_sending)
        needs = Needs(self._queue, self._memory)
        for command in inbox.commands:
            needs.add_command(command, inbox)
        for ended in self._deliveries.ended:
            needs.add_job(self._memory.jobs[ended.seq])
        for seq in self._found_sending or ():
            needs.add_job(self._memory.jobs[seq])
        for job in self._sweeps.touched():
            needs.add_reopened(job, job.payload)
        return needs.query(
            self._looked_up,
            **(inbox.ask() if reads_inbox else {}),
            **(self._sweeps.ask(self._now) if may_sweep else {}),
        )

    def _may_read(self) -> bool:
        return self._inbox.may_read(self._now, busy=bool(self._deliveries))

    def _apply(self) -> None:
        """Carries out what was asked, and settles what has ended."""
        rules = self._rules()
        if self._must_correct:
            self._must_correct = False
            for job in list(self._memory.jobs.values()):
                rules.correct_wait(job)
        if self._found_sending is not None:
            found = [self._memory.jobs[seq] for seq in self._found_sending]
            self._found_sending = None
            rules.recover(found)
        for command in self._inbox.take_all():
            try:
                self._carry_out(command, rules)
                self._inbox.taken.append(command.seq)
            except Exception as error:
                self._inbox.set_aside(command.seq, f"{type(error).__name__}: {error}", command.type)
        for ended in self._deliveries.settle(rules, self._now):
            if ended.principal == self._memory.principal:  # Else it says nothing of whoever is signed in now.
                self._holds.judge(ended.outcome, self._now, probe=ended.was_probe)
        self._sweeps.apply(rules)
        self._deliveries.withdraw_blocked(self._holds.block(), rules)
        self._inbox.applied()
        self._looked_up.clear()

    def _carry_out(self, command: Command, rules: Rules) -> None:
        match command.type:
            case CommandType.ENQUEUE:
                effective = self._inbox.effective(command)
                if effective is not None and effective.unique_key is not None:
                    for holder in self._memory.holders(effective.unique_key):
                        self._deliveries.withdraw_from(holder, rules)
                rules.enqueue(command)
            case CommandType.PAUSE:
                self._holds.begin(HoldKind.PAUSED, command.reason or "paused by the site", self._now)
            case CommandType.RESUME:
                self._holds.end(HoldKind.PAUSED)
                self._holds.end(HoldKind.UNAUTHORIZED)
                self._breaker.probe_now(self._now)
            case CommandType.FLUSH:
                self._breaker.probe_now(self._now)
                self._sweeps.begin(FLUSH, self._now)
                self._sweeps.begin(FLUSH_NETWORK, self._now)
            case CommandType.RETRY if command.id is None:
                self._breaker.probe_now(self._now)
                self._sweeps.begin(RETRY, self._now, command)
            case CommandType.IDENTIFY:
                self._identify(command.principal)
            case CommandType.CLEAR:
                self._clear(command, rules)
            case _:
                self._carry_out_on_job(command, rules)

    def _identify(self, principal: str) -> None:
        """Somebody has signed in, or out: from here on their jobs are sent, and nobody else's."""
        if not self._identifies or principal != self._memory.principal:
            self._identifies = True
            self._write("identity", {"principal": principal})
            self._memory.change_principal(principal)
            self._sweeps.begin(CLOCK, self._now)  # What was sealed while the clock was set back.
        self._holds.end(HoldKind.UNAUTHORIZED)

    def _clear(self, command: Command, rules: Rules) -> None:
        self._deliveries.withdraw_of(command.principal, rules)
        for job in self._memory.changed():  # What is not stored yet, no sweep will find.
            if job.principal == command.principal:
                rules.forget(job)
        self._sweeps.begin(CLEAR, self._now, command)

    def _carry_out_on_job(self, command: Command, rules: Rules) -> None:
        job = self._memory.find(command.id or "")
        if job is None or job.principal != command.principal:
            # Its retention was over before the command was read, or it is somebody else's.
            self._memory.count("refused")
            return
        self._deliveries.withdraw_from(job, rules)
        job = self._memory.jobs[job.seq]
        match command.type:
            case CommandType.CANCEL | CommandType.DISCARD:
                rules.cancel(job, command)
            case CommandType.EDIT:
                rules.edit(job, command)
            case _:
                self._breaker.probe_now(self._now)
                rules.retry(job, command)

    def _may_claim(self) -> bool:
        is_first_read = self._queue.kill_switch is not None and self._flag_at is None
        # What is to go, or to go on, has to be known first.
        is_sweeping = CLEAR in self._sweeps or REVIVE in self._sweeps
        return not (self._holds.block() or is_first_read or is_sweeping)

    def _let_leave(self) -> None:
        """Sends what is claimed, unless the queue is held or may have been taken over meanwhile."""
        if not self._holds.block() and not self._is_stale():
            memory = self._memory
            for job in self._deliveries.leaving(self._now):
                oldest_at = min(memory.oldest_at(), job.created_at)
                principal = job.principal if self._identifies else None
                self._actions.append(Send(job, memory.tallies["open"]["count"], oldest_at, principal))

    def _is_stale(self) -> bool:
        """Whether the last sign of this owner is so old that it may have been taken for frozen."""
        return self._now - self._committed_at > 2 * HEARTBEAT

    def _heads(self) -> dict[str, Any]:
        """The part of a `Query` that reads on in the heads of whoever is signed in."""
        memory = self._memory
        return {"principal": memory.principal, "due_after": memory.horizon, "due_limit": HEADS}

    # -- transactions -------------------------------------------------------------------------------------

    def _rules(self) -> Rules:
        return Rules(self._queue, self._memory, self._now)

    def _load(self, query: Query) -> None:
        if query.inbox_after is not None:
            self._inbox.asked(self._now)
        self._busy = True
        self._query = query
        self._actions.append(Load(query))

    def _commit(self) -> bool:
        """Commits what has changed. False if nothing has."""
        memory = self._memory
        if memory.counts_changed():
            self._write("tallies", memory.counted())
        if (outage := self._breaker.stored()) != self._meta.get("outage"):
            self._write("outage", outage)
        if self._holds.has_changed:
            self._write("holds", self._holds.stored())
            self._holds.has_changed = False
        if self._sweeps.has_changed:
            self._write("sweeps", self._sweeps.stored())
            self._sweeps.has_changed = False
        jobs = memory.changed()
        if self._deliveries and not self._is_armed_by(self._now + SILENCE):
            self._schedule(self._now + SILENCE)
        changes = Changes(
            jobs=jobs,
            deleted=memory.deleted(),
            taken=self._inbox.taken,
            aside=[*self._inbox.aside, *self._aside],
            meta=self._written,
        )
        if not changes:
            return False
        if changes.jobs or changes.taken:
            self._active_at = self._now
        is_news = bool(changes.aside or self._written.keys() & {"holds", "identity", "outage"})
        self._publish_next = (jobs, is_news)
        self._inbox.taken, self._inbox.aside, self._aside, self._written = [], [], [], {}
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

    def _set_job_aside(self, record: Mapping[str, Any], reason: str) -> None:
        self._memory.forget_unreadable(record)
        self._memory.count("set_aside")
        self._aside.append(Unreadable("jobs", record["seq"], reason))
        self._sweeps.begin(MEND, self._now)

    # -- rest ---------------------------------------------------------------------------------------------

    def _idle(self) -> None:
        """Nothing can be done now: waits, or ends the ownership."""
        now, memory = self._now, self._memory
        if self._inbox.has_news:  # Else it would have been read.
            self._actions.append(Rest(self._inbox.next_look()))
            return
        if self._may_claim() and memory.next_head() is None and memory.horizon < EVERYWHERE:
            self._load(Query(**self._heads()))
            return
        if self._breaker.outage is not None and memory.tallies["open"]["count"] == 0:
            self._breaker.end()
            self._commit()
            return
        wake_at = self._wake_at()
        if self._deliveries:
            if self._is_stale():
                self._beat_or_rest(now)
                return
            later = [wake_at] if wake_at is not None and wake_at > now else []
            self._beat_or_rest(min(now + HEARTBEAT, *self._deliveries.deadlines(), *later))
            return
        if self._is_reading_flag:
            self._actions.append(Rest(now + HEARTBEAT))
            return
        if wake_at is None and self._active_at <= now < self._active_at + REST:
            self._actions.append(Rest(self._active_at + REST))
            return
        if not self._inbox.is_searched:
            self._load(Query(**self._inbox.search()))
            return
        if (query := outlived(self._queue.retention, self._memory, now, self._has_pruned)) is not None:
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
            return max(head.due, self._breaker.outage.probe_at)
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


def _read_identity(stored: Any) -> tuple[bool, str]:
    """`meta.identity`: whether the site has ever said who is signed in, and who is."""
    principal = stored.get("principal") if isinstance(stored, Mapping) else None
    return (True, principal) if is_principal(principal) else (False, NOBODY)
