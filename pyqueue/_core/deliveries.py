"""Deliveries: what is claimed, what is on its way, and what has come back and is not settled yet.

The jobs of one ordering key that were claimed together make a chain: they leave one after the other, each as
soon as the one before it is done, so that no answer waits for a disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from .._outcome import Outcome, Verdict
from .._queue import Queue
from .._record import JobError, JobRecord
from .._vocabulary import BATCH, Certainty, ErrorCode, Status
from .memory import Memory
from .outage import Breaker
from .rules import Rules

AHEAD = 16
"""Jobs of one ordering key that are claimed ahead of the one that is being sent."""

LOW = 4
"""Jobs claimed ahead of which a line at work has too few left, if there are more to claim."""

GATHER = 32
"""Attempts that have ended and are settled in one commit, at the most."""

PATIENCE = 0.05
"""Seconds for which a success may wait for others to be settled with. If the owner dies meanwhile, they are
sent again with their keys."""

ATTEMPT_MARGIN = 30.0
"""Seconds beyond its timeout after which a request that did not end is withdrawn."""

FUNCTION_REQUESTS = 10
"""A task's function may take as long as so many of its requests."""


@dataclass(slots=True)
class _Chain:
    """Jobs of one line (or one job without order) that are sent one after the other.

    Attributes:
        waiting: `seq` of those that are claimed and have not left.
        out: of the one that is being sent.
        is_broken: one of them did not succeed, so those behind it must not leave.
        is_whole: nothing of the line is left to claim, as far as is known.
    """

    waiting: deque[int] = field(default_factory=deque)
    out: int | None = None
    is_broken: bool = False
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended and is not settled yet.

    Attributes:
        seq: of the job.
        principal: whose it was.
        outcome: of the attempt.
        jitter: a random number from 0 up to 1.
        was_probe: it was sent to find out whether an outage is over.
    """

    seq: int
    principal: str
    outcome: Outcome
    jitter: float
    was_probe: bool


class Deliveries:
    """The attempts of one owner.

    Args:
        queue: the declaration.
        memory: the owner's.
        breaker: the owner's.
    """

    def __init__(self, queue: Queue, memory: Memory, breaker: Breaker) -> None:
        self._queue = queue
        self._memory = memory
        self._breaker = breaker
        self._chains: dict[str | int, _Chain] = {}
        self._out: dict[int, float] = {}
        self._durable: set[int] = set()
        self._probe: int | None = None
        self._gathered_at = 0.0
        self.ended: list[Ended] = []
        """Attempts to settle, in the order in which they ended."""

    def __bool__(self) -> bool:
        return bool(self._chains)

    def deadlines(self) -> Iterator[float]:
        """When the attempts on their way are withdrawn, Unix time in seconds."""
        return iter(self._out.values())

    def set_back(self, seconds: float) -> None:
        """The clock was set back so far: attempts are withdrawn as long from now as before."""
        self._out = {seq: until - seconds for seq, until in self._out.items()}

    # -- claims -------------------------------------------------------------------------------------------

    def claim(self, rules: Rules, now: float, *, one: bool = False) -> bool:
        """Claims what may leave, and ends what came too late. True if heads have to be read first.

        Args:
            rules: at this moment.
            now: Unix time in seconds.
            one: only one job, to see what becomes of it.
        """
        if self._expire_due(rules, now):
            return False  # What follows them has to be known first.
        if one or self._breaker.outage is not None:
            return self._claim_probe(rules, now)
        while len(self._chains) < self._room():
            head = self._next_due(now)
            if head is not None:
                self._claim_line(head, rules, now)
            elif self._memory.horizon < (now, inf):
                return True
            else:
                break
        if not self._others_wait(now):
            for key, chain in self._chains.items():
                if len(chain.waiting) <= AHEAD // 2 and isinstance(key, str):
                    self._claim_ahead(key, chain, rules, now)
        return False

    def _room(self) -> int:
        """Chains that may be claimed: for each that is about to end another stands ready."""
        ending = sum(not chain.waiting for chain in self._chains.values())
        return self._queue.max_in_flight + min(self._queue.max_in_flight, ending)

    def _others_wait(self, now: float) -> bool:
        """Whether another line, or a job without order, waits for its turn."""
        return self._next_due(now) is not None or self._memory.horizon < (now, inf)

    def gather_until(self, now: float) -> float | None:
        """Until when what has ended may wait to be settled with what ends next; `None`: no longer.

        A commit costs about as much as a request. Nothing may wait for it that could leave.
        """
        if not self.ended or len(self.ended) >= GATHER:
            return None
        if not self._gathered_at <= now < self._gathered_at + PATIENCE:
            return None  # Long enough; or the clock was set back.
        if any(ended.outcome.verdict is not Verdict.DONE for ended in self.ended):
            return None
        others_wait = self._others_wait(now)
        if others_wait and len(self._out) < self._queue.max_in_flight:
            return None
        chains = self._chains.values()
        if others_wait:
            stand_by = any(chain.out is None and chain.waiting for chain in chains)
            is_urgent = not stand_by and not all(chain.waiting for chain in chains)
        else:
            is_urgent = any(len(chain.waiting) < (1 if chain.is_whole else LOW) for chain in chains)
        return None if is_urgent else self._gathered_at + PATIENCE

    def _expire_due(self, rules: Rules, now: float) -> bool:
        late = [head for head in self._memory.heads(now) if rules.is_expired(head)][:BATCH]
        for head in late:
            rules.expire(head)
        return bool(late)

    def _next_due(self, now: float) -> JobRecord | None:
        """The longest due head that may leave now."""
        head = self._memory.next_head()
        if head is None or head.due is None or head.due > now:
            return None
        if _is_suspect(head) and any(_is_suspect(self._memory.jobs[seq]) for seq in self._memory.pinned):
            # What an owner may have died of is sent alone: the first other head goes before it.
            return next((other for other in self._memory.heads(now) if not _is_suspect(other)), None)
        return head

    def _claim_probe(self, rules: Rules, now: float) -> bool:
        if self._chains or not self._breaker.may_send(now, len(self._out)):
            return False
        due = list(self._memory.heads(now))
        if not due:
            return self._memory.horizon < (now, inf)
        # In turn, so that one that is refused alone does not keep the others from being tried.
        probe = min(due, key=lambda head: (head.sent_at or 0.0, head.due, head.seq))
        self._claim_one(probe, self._chains.setdefault(_chain_key(probe), _Chain()), rules, now)
        self._probe = probe.seq
        return False

    def _claim_line(self, head: JobRecord, rules: Rules, now: float) -> None:
        key = _chain_key(head)
        chain = self._chains.setdefault(key, _Chain())
        self._claim_one(head, chain, rules, now)
        if isinstance(key, str):
            self._claim_ahead(key, chain, rules, now)

    def _claim_ahead(self, key: str, chain: _Chain, rules: Rules, now: float) -> None:
        """Claims the next jobs of a line.

        Only first attempts of jobs of which nothing is known yet: if the owner dies, it is plain who was out.
        """
        at_work = [*([] if chain.out is None else [chain.out]), *chain.waiting]
        chain.is_whole = True
        if chain.is_broken or not all(_is_first_attempt(self._memory.jobs[seq]) for seq in at_work):
            return
        room = AHEAD - len(chain.waiting)
        for job in list(self._memory.line(key)):
            if job.seq in self._memory.pinned:
                continue
            if not _is_untouched(job) or job.not_before > now or rules.is_expired(job):
                return
            if room <= 0:
                chain.is_whole = False
                return
            self._claim_one(job, chain, rules, now)
            room -= 1

    def _claim_one(self, job: JobRecord, chain: _Chain, rules: Rules, now: float) -> None:
        rules.claim(job)
        chain.waiting.append(job.seq)
        self._memory.pinned.add(job.seq)
        self._memory.promote_heads(now)

    def committed(self) -> None:
        """The claims are durable."""
        for chain in self._chains.values():
            self._durable.update(chain.waiting)

    # -- what leaves and comes back -----------------------------------------------------------------------

    def leaving(self, now: float) -> Iterator[JobRecord]:
        """The jobs that leave now: the first of each chain whose claim is durable."""
        if any(ended.outcome.verdict in (Verdict.RETRY, Verdict.HOLD) for ended in self.ended):
            return  # It may be the network's, or the session's: that is to be judged first.
        for chain in self._chains.values():
            if len(self._out) >= self._queue.max_in_flight:
                return
            if chain.out is not None or chain.is_broken or not chain.waiting:
                continue
            seq = chain.waiting[0]
            if seq not in self._durable or (self._breaker.outage is not None and seq != self._probe):
                continue
            chain.waiting.popleft()
            chain.out = seq
            job = self._memory.jobs[seq]
            self._out[seq] = now + self._limit_of(job)
            if job.expires_at is not None and job.expires_at <= now:
                self._end(seq, Outcome(Verdict.EXPIRE, spent=False, certainty=Certainty.NEVER_SENT), 0.0, now)
            else:
                yield job

    def _limit_of(self, job: JobRecord) -> float:
        """Seconds after which an attempt is withdrawn that has not ended by itself."""
        task = self._queue.find(job.task)
        timeout = job.timeout or (task.timeout if task else self._queue.timeout)
        if task is not None and task.function is not None:
            timeout *= FUNCTION_REQUESTS
        return timeout + ATTEMPT_MARGIN

    def answered(self, job_id: str, outcome: Outcome, jitter: float, now: float) -> None:
        """An attempt has ended. One that was withdrawn is not heard any more."""
        job = self._memory.find(job_id)
        if job is not None and job.seq in self._out:
            self._end(job.seq, outcome, jitter, now)

    def withdraw_overdue(self, now: float) -> list[str]:
        """Ends the attempts that take too long, and returns the ids of their jobs."""
        overdue = [seq for seq, until in self._out.items() if until <= now]
        for seq in overdue:
            error = JobError(ErrorCode.TIMEOUT, "the attempt did not end")
            self._end(seq, Outcome(Verdict.RETRY, error=error), 0.5, now)
        return [self._memory.jobs[seq].id for seq in overdue]

    def _end(self, seq: int, outcome: Outcome, jitter: float, now: float) -> None:
        del self._out[seq]
        if not self.ended:
            self._gathered_at = now
        job = self._memory.jobs[seq]
        self.ended.append(Ended(seq, job.principal, outcome, jitter, seq == self._probe))
        if seq == self._probe:
            self._probe = None
        chain = self._chains[_chain_key(job)]
        chain.out = None
        chain.is_broken = outcome.verdict is not Verdict.DONE

    def settle(self, rules: Rules, now: float) -> list[Ended]:
        """Settles what has ended; what goes wrong with one job ends with it.

        Returns:
            What was settled, in order.
        """
        ended, self.ended = self.ended, []
        for attempt in ended:
            self._settle(attempt, rules, now)
        return ended

    def _settle(self, attempt: Ended, rules: Rules, now: float) -> None:
        job = self._memory.jobs[attempt.seq]
        outcome = attempt.outcome
        # Where another line can probe too, the outage is not this job's to pay for.
        is_sole = next(self._memory.heads(now), None) is None and self._memory.horizon >= (now, inf)
        pays = attempt.was_probe and is_sole
        for_outage = self._breaker.judge(job.seq, outcome, now, attempt.jitter, probe=attempt.was_probe)
        chain = self._chains.get(_chain_key(job))
        if chain is not None and outcome.verdict is not Verdict.DONE:
            self._withdraw_waiting(chain, rules)
        try:
            rules.settle(job, outcome, outcome.spent and (pays or not for_outage), attempt.jitter)
        except Exception as error:
            failure = JobError(ErrorCode.EXCEPTION, f"the outcome cannot be applied: {type(error).__name__}")
            rules.give_up(job.with_(certainty=Certainty.MAYBE_APPLIED), failure)
        self._memory.unpin(job.seq)
        self._durable.discard(job.seq)
        if chain is not None:
            self._drop_if_empty(_chain_key(job), chain)

    # -- what is taken back -------------------------------------------------------------------------------

    def withdraw_blocked(self, is_held: bool, rules: Rules) -> None:
        """Takes back what was claimed ahead and must not leave now."""
        for key, chain in list(self._chains.items()):
            first = next(self._memory.line(key), None) if isinstance(key, str) else None
            # A failed job that was retried goes before what still waits.
            is_overtaken = first is not None and first.status is not Status.SENDING
            is_sealed = any(self._is_sealed(seq) for seq in chain.waiting)
            is_probe = self._probe is not None and self._probe in chain.waiting
            in_outage = self._breaker.outage is not None and not is_probe
            if is_held or is_sealed or is_overtaken or in_outage:
                self._withdraw_waiting(chain, rules)
                self._drop_if_empty(key, chain)

    def withdraw_of(self, principal: str, rules: Rules) -> None:
        """Takes back the claims of one principal's jobs that have not left."""
        for key, chain in list(self._chains.items()):
            if any(self._memory.jobs[seq].principal == principal for seq in chain.waiting):
                self._withdraw_waiting(chain, rules)
                self._drop_if_empty(key, chain)

    def _is_sealed(self, seq: int) -> bool:
        return self._memory.jobs[seq].principal != self._memory.principal

    def withdraw_from(self, job: JobRecord, rules: Rules) -> None:
        """Takes back the claim of a job that has not left, and of those behind it."""
        key = _chain_key(job)
        chain = self._chains.get(key)
        if chain is not None and job.seq in chain.waiting:
            self._withdraw_waiting(chain, rules, job.seq)
            self._drop_if_empty(key, chain)

    def _withdraw_waiting(self, chain: _Chain, rules: Rules, first: int = -1) -> None:
        for seq in [seq for seq in chain.waiting if seq >= first]:
            chain.waiting.remove(seq)
            self._durable.discard(seq)
            rules.withdraw(self._memory.jobs[seq])
            self._memory.unpin(seq)
            if seq == self._probe:
                self._probe = None

    def _drop_if_empty(self, key: str | int, chain: _Chain) -> None:
        if chain.out is None and not chain.waiting and self._chains.get(key) is chain:
            del self._chains[key]


def _chain_key(job: JobRecord) -> str | int:
    return job.seq if job.line is None else job.line


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
