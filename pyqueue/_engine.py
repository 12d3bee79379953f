"""Engine: every rule by which jobs change, without any waiting, clock or storage.

The driver loads the jobs that `admission.reach` names into a `Plan`, feeds it commands and outcomes, lets it
claim what may be sent, and commits its `changes()` as one transaction. Nothing here imports `js`, waits or
draws its own time or randomness, so all of it runs on CPython in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, assert_never

from ._admission import terms_of
from ._errors import InvalidPayload
from ._outcome import Outcome, Verdict
from ._ports import Changes, Command
from ._queue import Queue
from ._record import JobError, JobRecord
from ._vocabulary import Certainty, Status

UNREACHABLE = frozenset({"network", "offline", "timeout"})
"""Error codes that say: no answer came, so the next job of the same key would fare no better."""

SETTLED = (Status.DONE, Status.FAILED, Status.CANCELLED, Status.EXPIRED)
"""How a job ends."""


class Plan:
    """The working set of one commit: loaded jobs in, `Changes` out.

    Args:
        queue: the declaration.
        meta: the owner's named values, as last committed.
        now: Unix time in seconds; the plan has one time throughout.
        random: for jitter.
    """

    def __init__(self, queue: Queue, meta: Mapping[str, Any], now: float, random: Random) -> None:
        self._queue = queue
        self._meta = meta
        self.now = now
        self._random = random
        self._loaded: dict[str, JobRecord] = {}
        self._jobs: dict[str, JobRecord] = {}
        self._taken: list[int] = []
        self._deleted: list[int] = []
        self._written: dict[str, Any] = {}

    # -- what goes in -------------------------------------------------------------------------------------

    def add(self, jobs: Iterable[JobRecord]) -> None:
        """Takes loaded jobs into the working set; those it has stay as they are."""
        for job in jobs:
            self._loaded.setdefault(job.id, job)
            self._jobs.setdefault(job.id, job)

    def keys(self) -> frozenset[str]:
        """The ordering keys of the jobs in the working set."""
        return frozenset(job.ordering_key for job in self._jobs.values() if job.ordering_key is not None)

    def recover(self) -> None:
        """Every `sending` job was left by an earlier owner: its outcome is unknown, send it again."""
        for job in self._with_status(Status.SENDING):
            self._put(
                job.with_(status=Status.PENDING, certainty=Certainty.MAYBE_APPLIED, not_before=self.now),
            )

    def reconnect(self, codes: frozenset[str] = UNREACHABLE) -> None:
        """There is a sign of a network: what waits or gave up for lack of one is due now.

        Args:
            codes: the error codes that the sign says are over.
        """
        for job in list(self._jobs.values()):
            if job.error is None or job.error.code not in codes:
                continue
            if job.status is Status.PENDING and job.not_before > self.now:
                self._put(job.with_(not_before=self.now))
            elif job.status is Status.FAILED:
                self._reopen(job)

    def revive_unknown(self) -> None:
        """Jobs that failed because their task was not declared go on, now that it is."""
        for job in self._with_status(Status.FAILED):
            if job.error is not None and job.error.code == "unknown_task" and self._queue.find(job.task):
                self._reopen(job)

    def admit(self, command: Command) -> None:
        """Carries out one command of the inbox and takes it out. It must be `understood`."""
        apply: Callable[[Command], None] = getattr(self, f"_on_{command.type}")
        apply(command)
        self._taken.append(command.seq)

    def settle(self, job_id: str, outcome: Outcome) -> None:
        """Applies the outcome of a claimed job's attempt, and promotes the next of its ordering key."""
        job = self._jobs[job_id]
        if not job.is_open:
            return  # Cancelled by a command of the same plan, before it was sent.
        attempts = job.attempts if outcome.spent else job.attempts - 1
        certainty = outcome.certainty
        if outcome.verdict in (Verdict.HOLD, Verdict.EXPIRE) and job.certainty is not Certainty.NEVER_SENT:
            certainty = job.certainty  # A login page tells nothing of what an earlier attempt did.
        job = job.with_(attempts=attempts, certainty=certainty)
        match outcome.verdict:
            case Verdict.DONE:
                done = job.with_(result=outcome.result, error=None)
                self._put(self._closed(done, Status.DONE))
            case Verdict.EXPIRE:
                self._expire(job)
            case Verdict.FAIL:
                self._fail(job, outcome.error)
            case Verdict.HOLD:
                self._hold("unauthorized", outcome.error.message if outcome.error else "")
                self._wait(job, outcome.error, self.now)
            case Verdict.RETRY:
                self._retry_or_fail(job, outcome)
            case _:
                assert_never(outcome.verdict)

    def claim(self, limit: int) -> list[JobRecord]:
        """Marks up to `limit` due jobs as `sending`, the longest due first; they may leave after the commit.

        Nothing is claimed while the queue is held. What expired is returned as it is, still `pending`, and
        to be settled as `Verdict.EXPIRE` in the next plan, which has the next job of its key at hand.
        """
        if self.holds:
            return []
        ready = [job for job in self._jobs.values() if job.due is not None and job.due <= self.now]
        ready.sort(key=lambda job: (job.due, job.seq))
        claimed = []
        for job in ready[:limit]:
            if not self._is_expired(job):
                job = job.with_(status=Status.SENDING, due=None, attempts=job.attempts + 1, sent_at=self.now)
                self._put(job)
                self._count("attempts")
                if job.attempts > 1:
                    self._count("retries")
            claimed.append(job)
        return claimed

    def prune(self, jobs: Iterable[JobRecord]) -> None:
        """Deletes settled jobs whose retention is over; they are counted."""
        for job in jobs:
            self._deleted.append(job.seq)
            self._keep(job.status, -1)
            self._count("pruned_failed" if job.status is Status.FAILED else "pruned")

    def control(self, paused: bool, reason: str) -> None:
        """Takes over the control flag's answer."""
        if paused:
            self._hold("control", reason)
        else:
            self._release("control")

    # -- what comes out -----------------------------------------------------------------------------------

    @property
    def holds(self) -> Mapping[str, Any]:
        """Why the queue is held: `paused`, `unauthorized`, `control`; empty when it is not."""
        holds: Mapping[str, Any] = self._value("holds", {})
        return holds

    def changes(self) -> Changes:
        """All that this plan writes."""
        jobs = [job for job in self._jobs.values() if self._loaded.get(job.id) != job]
        jobs.sort(key=lambda job: job.seq)
        return Changes(jobs, self._deleted, self._taken, self._written)

    # -- commands -----------------------------------------------------------------------------------------

    def _on_enqueue(self, command: Command) -> None:
        fields = command.fields
        size = int(fields.get("bytes", 0))
        self._tally("admitted", 1, size)
        if fields["id"] in self._jobs:
            return  # The same command twice in the inbox is one job.
        options = fields.get("options") or {}
        job = JobRecord(
            seq=command.seq,
            id=fields["id"],
            task=fields.get("task"),
            payload=fields["payload"],
            bytes=size,
            created_at=command.at,
            not_before=command.at,
            idempotency_key=options.get("idempotency_key") or fields["id"],
            timeout=options.get("timeout"),
            retry=options.get("retry"),
        )
        task = self._queue.find(job.task)
        if task is None:
            known = ", ".join(sorted(self._queue.tasks)) or "none"
            self._fail(job, JobError("unknown_task", f"no task {job.task!r} is declared; known: {known}"))
            return
        try:
            terms = terms_of(task, command)
        except InvalidPayload as invalid:
            self._fail(job, JobError("template", str(invalid)))
            return
        job = job.with_(
            ordering_key=terms.ordering_key,
            open_key=terms.ordering_key,
            unique_key=terms.unique_key,
            not_before=command.at + terms.delay,
            expires_at=None if terms.expires is None else command.at + terms.expires,
        )
        if terms.unique_key is not None and not self._make_unique(job, terms.on_conflict):
            return
        self._put(job)

    def _make_unique(self, job: JobRecord, on_conflict: str) -> bool:
        """Whether the job is to be added, after those with the same unique key have made room."""
        rivals = [
            other for other in self._jobs.values() if other.is_open and other.unique_key == job.unique_key
        ]
        if rivals and on_conflict == "keep":
            self._supersede(job, rivals[0])
            return False
        for rival in rivals:
            # One that is being sent cannot be taken back: the new one follows it.
            if rival.status is Status.PENDING:
                self._supersede(rival, job)
        return True

    def _supersede(self, job: JobRecord, by: JobRecord) -> None:
        error = JobError("superseded", f"job {by.id} with the same unique key stands for it")
        self._put(self._closed(job.with_(error=error, superseded_by=by.id), Status.CANCELLED))

    def _on_cancel(self, command: Command) -> None:
        job = self._jobs.get(command.fields["id"])
        if job is None:
            return
        if job.status is Status.SENDING:
            self._put(job.with_(cancel_requested=True))
        elif job.status is Status.PENDING:
            self._cancel(job, "cancelled", "cancelled by a person")

    def _on_retry(self, command: Command) -> None:
        job_id = command.fields.get("id")
        for job in self._with_status(Status.FAILED):
            if job_id is None or job.id == job_id:
                self._reopen(job)

    def _on_discard(self, command: Command) -> None:
        job = self._jobs.get(command.fields["id"])
        if job is not None and job.status is Status.FAILED:
            self._cancel(job, "discarded", "discarded by a person")

    def _on_edit(self, command: Command) -> None:
        job = self._jobs.get(command.fields["id"])
        if job is None or job.status is not Status.FAILED:
            return
        key = job.idempotency_key
        if job.certainty is not Certainty.MAYBE_APPLIED:
            # A new write. Where the old one may have been applied the key stays, so that the server
            # refuses a second effect (422) instead of making one.
            key = f"{job.id}:{command.seq}"
        payload, size = command.fields["payload"], int(command.fields.get("bytes", 0))
        self._reopen(job.with_(payload=payload, bytes=size, idempotency_key=key))

    def _on_pause(self, command: Command) -> None:
        self._hold("paused", command.fields.get("reason") or "paused by the site")

    def _on_resume(self, command: Command) -> None:
        self._release("paused")
        self._release("unauthorized")

    def _on_flush(self, command: Command) -> None:
        for job in self._with_status(Status.PENDING):
            # Only a wait after an attempt is cut short: a delay was asked for.
            if job.due is not None and job.error is not None and job.not_before > self.now:
                self._put(job.with_(not_before=self.now))

    # -- transitions --------------------------------------------------------------------------------------

    def _retry_or_fail(self, job: JobRecord, outcome: Outcome) -> None:
        task = self._queue.find(job.task)
        policy = (task.retry if task else self._queue.retry).with_options(job.retry)
        if job.attempts >= policy.max_attempts:
            error = outcome.error or JobError("retry_later", "the task asked to be retried")
            message = f"gave up after {job.attempts} attempts: {error.message}"
            self._fail(job, JobError(error.code, message, error.status, error.body))
            return
        if not outcome.spent and outcome.after is None:
            wait = policy.cap  # A sign of a network comes first, as a rule.
        else:
            wait = policy.wait(job.attempts, outcome.after, self._random.random())
        self._wait(job, outcome.error, self.now + wait)

    def _wait(self, job: JobRecord, error: JobError | None, not_before: float) -> None:
        if job.cancel_requested:
            self._cancel(job, "cancelled", "cancelled by a person while it was being sent")
            return
        self._put(job.with_(status=Status.PENDING, error=error, not_before=not_before))

    def _cancel(self, job: JobRecord, code: str, message: str) -> None:
        self._put(self._closed(job.with_(error=JobError(code, message)), Status.CANCELLED))

    def _expire(self, job: JobRecord) -> None:
        why = f" (last attempt: {job.error.message})" if job.error else ""
        self._put(
            self._closed(job.with_(error=JobError("expired", f"its time ran out{why}")), Status.EXPIRED)
        )

    def _fail(self, job: JobRecord, error: JobError | None) -> None:
        failed = self._closed(job.with_(error=error), Status.FAILED)
        task = self._queue.find(job.task)
        unreachable = error is not None and error.code in UNREACHABLE
        if task is not None and (task.on_failure == "block" or unreachable):
            failed = failed.with_(open_key=job.ordering_key)
        self._put(failed)

    def _reopen(self, job: JobRecord) -> None:
        self._put(
            job.with_(
                status=Status.PENDING,
                open_key=job.ordering_key,
                attempts=0,
                not_before=self.now,
                settled_at=None,
                cancel_requested=False,
            )
        )

    def _closed(self, job: JobRecord, status: Status) -> JobRecord:
        return job.with_(
            status=status,
            open_key=None,
            unique_key=None,
            due=None,
            settled_at=self.now,
            cancel_requested=False,
        )

    def _is_expired(self, job: JobRecord) -> bool:
        return job.expires_at is not None and job.expires_at <= self.now

    # -- the working set ----------------------------------------------------------------------------------

    def _with_status(self, status: Status) -> list[JobRecord]:
        return [job for job in self._jobs.values() if job.status is status]

    def _put(self, job: JobRecord) -> None:
        """Sets a job, keeps the tallies, and sees to it that only the head of its key is due."""
        before = self._jobs.get(job.id)
        self._jobs[job.id] = job
        was_open = before is not None and before.is_open
        old_size = before.bytes if before is not None and was_open else 0
        new_size = job.bytes if job.is_open else 0
        if job.is_open != was_open or old_size != new_size:
            self._tally("open", job.is_open - was_open, new_size - old_size)
        if before is None or before.status is not job.status:
            if job.status in SETTLED:
                self._count(job.status)
                self._keep(job.status, 1)
            if before is not None and before.status in SETTLED:
                self._keep(before.status, -1)
        if job.ordering_key is None:
            due = job.not_before if job.status is Status.PENDING else None
            self._jobs[job.id] = job.with_(due=due)
        else:
            self._arrange(job.ordering_key)

    def _arrange(self, key: str) -> None:
        line = sorted((job for job in self._jobs.values() if job.open_key == key), key=lambda job: job.seq)
        # A job that was retried may stand before one that is on its way: both at once would race.
        free = not any(job.status is Status.SENDING for job in line)
        for place, job in enumerate(line):
            head = place == 0 and free and job.status is Status.PENDING
            due = job.not_before if head else None
            if job.due != due:
                self._jobs[job.id] = job.with_(due=due)

    # -- named values -------------------------------------------------------------------------------------

    def _value(self, name: str, default: Any) -> Any:
        return self._written[name] if name in self._written else self._meta.get(name, default)

    def _count(self, counter: str) -> None:
        counter = str(counter)  # A status counts by its value: what is stored holds no Python types.
        counters = dict(self._value("counters", {}))
        counters[counter] = counters.get(counter, 0) + 1
        self._written["counters"] = counters

    def _keep(self, status: Status, change: int) -> None:
        kept = dict(self._value("kept", {}))
        kept[status.value] = kept.get(status.value, 0) + change
        self._written["kept"] = kept

    def _tally(self, name: str, count: int, size: int) -> None:
        old = self._value(name, {"count": 0, "bytes": 0})
        self._written[name] = {"count": old["count"] + count, "bytes": old["bytes"] + size}

    def _hold(self, kind: str, reason: str) -> None:
        if self.holds.get(kind, {}).get("reason") != reason:
            self._written["holds"] = {**self.holds, kind: {"reason": reason, "since": self.now}}

    def _release(self, kind: str) -> None:
        if kind in self.holds:
            self._written["holds"] = {name: hold for name, hold in self.holds.items() if name != kind}
