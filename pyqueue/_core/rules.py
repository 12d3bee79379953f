"""Rules: every transition of a job.

They change jobs in a `Memory` that holds all that they touch; `needs` says what that is. They wait for
nothing, draw no time and no randomness of their own, and hold no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidPayload
from .._outcome import Outcome, Verdict
from .._principal import scoped
from .._queue import Queue
from .._record import JobError, JobRecord, Refusal
from .._retry import LONGEST_RETRY_AFTER, Retry
from .._sift import sift
from .._task import Task
from .._vocabulary import UNREACHABLE, Certainty, CommandType, ErrorCode, OnConflict, Status
from .commands import Command
from .memory import Memory

NETWORK, LATER, DECLARATION = "network", "later", "declaration"
"""What a job's `backoff` says: what ends its wait. A sign of a network; only time or a person; a worker that
knows its task."""

UNSENT = "unsent"
"""The retention group of jobs that ended without ever having been sent: they are not deleted by a count."""

_KEEPS_UNIQUE_KEY = (Status.PENDING, Status.SENDING, Status.FAILED)


@dataclass(frozen=True, slots=True)
class EffectiveOptions:
    """What a job's own options and its task's make together.

    Attributes:
        ordering_key: `None`: no order.
        line: the ordering key as its principal's own.
        unique_key: as its principal's own; `None`: as many as there are.
        on_conflict: which of two with the same unique key stays.
        delay: seconds.
        expires: seconds; `None`: never.
    """

    ordering_key: str | None
    line: str | None
    unique_key: str | None
    on_conflict: str
    delay: float
    expires: float | None


def effective_options(
    task: Task, principal: str, options: Mapping[str, Any], payload: Mapping[str, Any]
) -> EffectiveOptions:
    """The options that hold for a job.

    Raises:
        InvalidPayload: the payload does not fill a template.
    """

    def fill(name: str, template: Any) -> str | None:
        if name in options:
            given: str | None = options[name]
            return given
        return None if template is None else str(template.fill(payload))

    ordering_key = fill("ordering_key", task.ordering_key)
    return EffectiveOptions(
        ordering_key=ordering_key,
        line=scoped(principal, ordering_key),
        unique_key=scoped(principal, fill("unique_key", task.unique_key)),
        on_conflict=options.get("on_conflict") or task.on_conflict,
        delay=options.get("delay", task.delay),
        expires=options.get("expires", task.expires),
    )


class Rules:
    """The transitions of jobs, at one moment.

    Args:
        queue: the declaration.
        memory: holds every job that is touched, and the front of its line.
        now: Unix time in seconds.
    """

    def __init__(self, queue: Queue, memory: Memory, now: float) -> None:
        self._queue = queue
        self._memory = memory
        self._now = now

    # -- what a page asked for ----------------------------------------------------------------------------

    def enqueue(self, command: Command) -> None:
        """Makes a job of a command. The same command twice is one job."""
        self._memory.admit(command.bytes)
        assert command.id is not None
        if self._memory.find(command.id) is not None:
            return
        payload, refusal = self._sifted(command.task, command.payload)
        # A clock that was set back since must not delay it.
        created_at = min(command.at, self._now)
        job = JobRecord(
            seq=command.seq,
            id=command.id,
            principal=command.principal,
            task=command.task,
            payload=payload,
            bytes=command.bytes,
            created_at=created_at,
            not_before=created_at,
            idempotency_key=command.options.get("idempotency_key") or command.id,
            timeout=command.options.get("timeout"),
            retry=command.options.get("retry"),
            options=command.options,
        )
        if refusal is None:
            self._apply_options(job)
        else:
            self._end(job.with_(error=JobError(ErrorCode.REJECTED, refusal)), Status.FAILED)

    def _sifted(self, task: str | None, payload: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
        """What may be stored of a payload, and why it is refused as it was given."""
        try:
            sifted = sift(task, payload, self._queue.csrf)
        except InvalidPayload as invalid:
            return {}, str(invalid)
        return sifted.payload, sifted.refusal

    def _apply_options(self, job: JobRecord) -> None:
        """Puts a job whose options are not worked out yet: as waiting, or as failed where they cannot be."""
        task = self._queue.find(job.task)
        if task is None:
            known = ", ".join(sorted(self._queue.tasks)) or "none"
            message = f"no task {job.task!r} is declared; known: {known}"
            self._end(job.with_(error=JobError(ErrorCode.UNKNOWN_TASK, message)), Status.FAILED)
            return
        try:
            effective = effective_options(task, job.principal, job.options or {}, job.payload)
        except InvalidPayload as invalid:
            self._end(job.with_(error=JobError(ErrorCode.TEMPLATE, str(invalid))), Status.FAILED)
            return
        job = job.with_(
            status=Status.PENDING,
            settled_at=None,
            retained=None,
            error=None,
            options=None,
            ordering_key=effective.ordering_key,
            open_key=effective.line,
            unique_key=effective.unique_key,
            not_before=job.created_at + effective.delay,
            wait=effective.delay,
            expires_at=None if effective.expires is None else job.created_at + effective.expires,
        )
        if effective.unique_key is None or self._make_unique(job, effective.on_conflict):
            waits_for = self._still_out(job)
            self._memory.put(job.with_(waits_for=waits_for))

    def _make_unique(self, job: JobRecord, on_conflict: str) -> bool:
        """Whether the job is to be added, after those with the same unique key have made room."""
        assert job.unique_key is not None
        for other in self._memory.holders(job.unique_key):
            if other.status is Status.PENDING and self.is_expired(other):
                self.expire(other)  # It ended before, though nobody has looked.
        holders = [other for other in self._memory.holders(job.unique_key) if other.seq != job.seq]
        standing = [other for other in holders if other.superseded_by is None]
        if standing and on_conflict == OnConflict.KEEP:
            self._supersede(job, standing[-1])
            return False
        for holder in holders:
            if holder.status is Status.SENDING:
                # It cannot be taken back, but it is not sent again, and the new one follows it.
                self._memory.put(holder.with_(superseded_by=job.id))
            else:
                self._supersede(holder, job)
        return True

    def _still_out(self, job: JobRecord) -> str | None:
        """The id of the job with the same unique key that is being sent."""
        if job.unique_key is None:
            return None
        out = [other.id for other in self._memory.holders(job.unique_key) if other.status is Status.SENDING]
        return out[0] if out else None

    def _supersede(self, job: JobRecord, by: JobRecord) -> None:
        error = JobError(ErrorCode.SUPERSEDED, f"job {by.id} with the same unique key stands for it")
        self._end(job.with_(error=error, superseded_by=by.id), Status.CANCELLED)

    def cancel(self, job: JobRecord, command: Command) -> None:
        """Takes a job back, or gives a failed one up."""
        if job.status is Status.SENDING:
            self._memory.put(job.with_(cancel_requested=True, edit_payload=None, edit_bytes=0))
        elif job.status is Status.PENDING:
            self._cancel(job, ErrorCode.CANCELLED, "cancelled by a person")
        elif job.status is Status.FAILED:
            self._cancel(job, ErrorCode.DISCARDED, "discarded by a person")
        else:
            self._refuse(job, command.type)

    def retry(self, job: JobRecord, command: Command) -> None:
        """Tries a job now that has failed, or that waits for its next attempt."""
        if job.status is Status.FAILED:
            self.reopen(job)
        elif job.status is Status.PENDING:
            self.hasten(job)
        elif job.status is not Status.SENDING:
            self._refuse(job, command.type)

    def edit(self, job: JobRecord, command: Command) -> None:
        """Replaces a job's payload. One that is being sent is edited if this attempt does not succeed."""
        payload, refusal = self._sifted(job.task, command.payload)
        if refusal is not None:
            self._memory.count("refused")
            refused = Refusal(command.type.value, f"the edit was refused: {refusal}", self._now)
            self._memory.put(job.with_(refusal=refused))
        elif job.status is Status.SENDING and not job.cancel_requested:
            edit = {"edit_payload": payload, "edit_bytes": command.bytes, "edit_seq": command.seq}
            self._memory.put(job.with_(**edit))
        elif job.status in (Status.PENDING, Status.FAILED):
            self._rewrite(job, payload, command.bytes, command.seq)
        else:
            self._refuse(job, command.type)

    def _rewrite(self, job: JobRecord, payload: Mapping[str, Any], size: int, seq: int) -> None:
        key, certainty = job.idempotency_key, job.certainty
        if certainty is Certainty.REJECTED:
            # A new write. Where the old one may have been applied the key stays, so that the server refuses
            # a second effect instead of making one.
            key, certainty = f"{job.id}:{seq}", Certainty.NEVER_SENT
        edited = job.with_(payload=payload, bytes=size, idempotency_key=key, certainty=certainty)
        edited = edited.with_(edit_payload=None, edit_bytes=0, edit_seq=0, refusal=None)
        if job.status is Status.PENDING:
            self._memory.put(edited.with_(not_before=min(job.not_before, self._now + job.wait)))
        else:
            self.reopen(edited)

    def _refuse(self, job: JobRecord, asked: CommandType) -> None:
        why = "it was delivered before" if job.status is Status.DONE else f"it was {job.status} before"
        self._memory.put(job.with_(refusal=self._refusal(asked, why)))

    def _refusal(self, asked: CommandType, why: str = "it was delivered before") -> Refusal:
        self._memory.count("refused")
        return Refusal(asked.value, f"the {asked.value} came too late: {why}", self._now)

    # -- what became of an attempt ------------------------------------------------------------------------

    def claim(self, job: JobRecord) -> JobRecord:
        """Marks a job as being sent; it may leave once that is committed."""
        self._memory.count("attempts")
        if job.attempts:
            self._memory.count("retries")
        return self._memory.put(
            job.with_(
                status=Status.SENDING,
                attempts=job.attempts + 1,
                sent_at=self._now,
                backoff=None,
                wait=0.0,
                due=None,
            )
        )

    def withdraw(self, job: JobRecord) -> None:
        """Takes back the claim of a job that has not left."""
        self._memory.count("attempts", -1)
        if job.attempts > 1:
            self._memory.count("retries", -1)
        self._after_attempt(
            job.with_(attempts=job.attempts - 1, sent_at=None, not_before=min(job.not_before, self._now)),
            job.error,
            0.0,
        )

    def settle(self, job: JobRecord, outcome: Outcome, spent: bool, jitter: float) -> None:
        """Applies the outcome of an attempt.

        Args:
            job: being sent.
            outcome: of the attempt.
            spent: whether the attempt counts.
            jitter: a random number from 0 up to 1.
        """
        attempts = job.attempts if spent else job.attempts - 1
        certainty = _certainty(job, outcome)
        if outcome.verdict is Verdict.DONE:
            self._deliver(job, outcome, attempts, certainty)
            return
        job = job.with_(attempts=attempts, certainty=certainty)
        if outcome.verdict is Verdict.EXPIRE:
            self.expire(job)
        elif outcome.verdict is Verdict.FAIL:
            self._fail(job, outcome.error or JobError(ErrorCode.REJECTED, "the task gave no reason"))
        elif outcome.verdict is Verdict.HOLD:
            self._after_attempt(job, outcome.error, 0.0)
        else:
            self._retry_or_fail(job, outcome, spent, jitter)

    def _deliver(self, job: JobRecord, outcome: Outcome, attempts: int, certainty: Certainty) -> None:
        refusal = None
        if job.edit_payload is not None:
            refusal = self._refusal(CommandType.EDIT)
        elif job.cancel_requested:
            refusal = self._refusal(CommandType.CANCEL)
        known = {"attempts": attempts, "certainty": certainty, "result": outcome.result, "error": None}
        self._end(job, Status.DONE, **known, refusal=refusal)

    def _retry_or_fail(self, job: JobRecord, outcome: Outcome, spent: bool, jitter: float) -> None:
        error = outcome.error or JobError(ErrorCode.RETRY_LATER, "the task asked to be retried")
        policy = self._policy(job)
        if job.attempts >= policy.max_attempts:
            message = f"gave up after {job.attempts} attempts: {error.message}"
            self._fail(job, JobError(error.code, message, error.status, error.body))
        elif spent:
            self._after_attempt(job, error, policy.wait(max(1, job.attempts), outcome.after, jitter))
        else:
            self._after_attempt(job, error, min(outcome.after or 0.0, LONGEST_RETRY_AFTER))

    def _policy(self, job: JobRecord) -> Retry:
        task = self._queue.find(job.task)
        return (task.retry if task else self._queue.retry).with_options(job.retry)

    def _after_attempt(self, job: JobRecord, error: JobError | None, wait: float) -> None:
        """The job waits again, unless a person or a newer job said meanwhile that it must not."""
        if self._is_taken_back(job):
            return
        waiting = job.with_(
            status=Status.PENDING,
            error=error,
            not_before=self._now + wait,
            wait=wait,
            backoff=_backoff(error) if wait > 0 else None,
        )
        if job.edit_payload is None:
            self._memory.put(waiting)
        else:
            self._rewrite(waiting, job.edit_payload, job.edit_bytes, job.edit_seq)

    def _fail(self, job: JobRecord, error: JobError) -> None:
        if self._is_taken_back(job):
            return
        job = job.with_(error=error)
        if job.edit_payload is not None:
            self._rewrite(job.with_(status=Status.FAILED), job.edit_payload, job.edit_bytes, job.edit_seq)
        else:
            self._end(job, Status.FAILED)

    def _is_taken_back(self, job: JobRecord) -> bool:
        if job.superseded_by is not None:
            message = f"job {job.superseded_by} with the same unique key stands for it"
            self._end(job.with_(error=JobError(ErrorCode.SUPERSEDED, message)), Status.CANCELLED)
            return True
        if job.cancel_requested:
            self._cancel(job, ErrorCode.CANCELLED, "cancelled by a person while it was being sent")
            return True
        return False

    def recover(self, found: list[JobRecord]) -> None:
        """Takes up jobs that an earlier owner was sending: what became of them is unknown.

        Of those of one ordering key the first had certainly left. It, and any that has no order, bears the
        blame if the owner died of it: its attempt is spent, and it is sent alone.
        """
        blamed: set[str] = set()
        for job in found:
            is_first = job.line is None or job.line not in blamed
            blamed.add(job.line or job.id)
            job = job.with_(certainty=Certainty.MAYBE_APPLIED)
            if not is_first:
                self._after_attempt(job.with_(attempts=max(0, job.attempts - 1)), job.error, 0.0)
                continue
            error = JobError(ErrorCode.INTERRUPTED, "the worker stopped while it was being sent")
            if job.attempts >= self._policy(job).max_attempts:
                message = f"gave up: {error.message}, {job.attempts} times"
                self._fail(job, JobError(error.code, message))
            else:
                self._after_attempt(job, error, 0.0)

    # -- what time and the network bring ------------------------------------------------------------------

    def reopen(self, job: JobRecord) -> None:
        """A failed job goes on, with all its attempts."""
        job = job.with_(attempts=0, cancel_requested=False, refusal=None, backoff=None)
        if job.options is not None:
            self._apply_options(job)
            return
        self._memory.put(
            job.with_(
                status=Status.PENDING,
                open_key=job.line,
                not_before=self._now,
                wait=0.0,
                settled_at=None,
                retained=None,
                waits_for=self._still_out(job),
            )
        )

    def hasten(self, job: JobRecord) -> None:
        """A job that waits for its next attempt is due now; a delay that was asked for stays."""
        if job.error is not None:
            self._memory.put(job.with_(not_before=min(job.not_before, self._now), wait=0.0, backoff=None))

    def correct_wait(self, job: JobRecord) -> None:
        """The clock was set back: no wait is longer, from now, than what was asked for."""
        if job.status is Status.PENDING and job.not_before > self._now + job.wait:
            self._memory.put(job.with_(not_before=self._now + job.wait))

    def is_expired(self, job: JobRecord) -> bool:
        """Whether it is too late to send the job."""
        return job.expires_at is not None and job.expires_at <= self._now

    def expire(self, job: JobRecord) -> None:
        """Ends a job whose time ran out."""
        why = f" (last attempt: {job.error.message})" if job.error else ""
        self._end(job.with_(error=JobError(ErrorCode.EXPIRED, f"its time ran out{why}")), Status.EXPIRED)

    def give_up(self, job: JobRecord, error: JobError) -> None:
        """Fails a job for a reason of our own."""
        self._end(job.with_(error=error), Status.FAILED)

    def prune(self, job: JobRecord) -> None:
        """Deletes a settled job whose retention is over; it is counted."""
        self._memory.count("pruned_failed" if job.status is Status.FAILED else "pruned")
        self._memory.delete(job)

    def forget(self, job: JobRecord) -> None:
        """Deletes a job, whatever it is, once it is not being sent any more."""
        self._memory.count("cleared")
        if job.status is Status.SENDING:
            self._memory.put(
                job.with_(forgotten=True, cancel_requested=True, edit_payload=None, edit_bytes=0)
            )
        elif job.is_open or job.open_key is not None:
            self._cancel(job.with_(forgotten=True), ErrorCode.DISCARDED, "its principal's jobs were cleared")
        else:
            self._memory.delete(job)

    # -- how jobs end -------------------------------------------------------------------------------------

    def _cancel(self, job: JobRecord, code: ErrorCode, message: str) -> None:
        self._end(job.with_(error=JobError(code, message)), Status.CANCELLED)

    def _end(self, job: JobRecord, status: Status, **known: Any) -> None:
        """Settles a job, with what else is known of it now, and lets whoever waits for it go on."""
        holds_key = status is Status.FAILED and self._holds_its_key(job)
        never_sent = job.certainty is Certainty.NEVER_SENT and status in (Status.FAILED, Status.EXPIRED)
        ended = job.with_(
            status=status,
            open_key=job.line if holds_key else None,
            unique_key=job.unique_key if status in _KEEPS_UNIQUE_KEY else None,
            settled_at=self._now,
            cancel_requested=False,
            edit_payload=None,
            edit_bytes=0,
            edit_seq=0,
            waits_for=None,
            superseded_by=None if status is Status.DONE else job.superseded_by,
            wait=0.0,
            backoff=_revived_by(job.error) if status is Status.FAILED else None,
            # What holds a key is never pruned: what stands behind it would wait for ever.
            retained=None if holds_key else UNSENT if never_sent else status.value,
            **known,
        )
        self._memory.put(ended)
        self._release_waiting(job)
        if ended.forgotten:
            self._memory.delete(self._memory.jobs[ended.seq])

    def _holds_its_key(self, job: JobRecord) -> bool:
        task = self._queue.find(job.task)
        unreachable = job.error is not None and job.error.code in UNREACHABLE
        return (
            task is not None and job.ordering_key is not None and (task.on_failure == "block" or unreachable)
        )

    def _release_waiting(self, job: JobRecord) -> None:
        """The job with the same unique key that was to follow this one may leave."""
        if job.superseded_by is None:
            return
        follower = self._memory.find(job.superseded_by)
        if follower is not None and follower.waits_for == job.id:
            self._memory.put(follower.with_(waits_for=None))


def _certainty(job: JobRecord, outcome: Outcome) -> Certainty:
    """What is known after an attempt. It never falls back: see docs/guarantees.md."""
    said = outcome.certainty
    if said is Certainty.NEVER_SENT:
        return job.certainty
    if job.certainty is Certainty.MAYBE_APPLIED and said is Certainty.REJECTED and not outcome.confirmed:
        return job.certainty
    return said


def _revived_by(error: JobError | None) -> str | None:
    """What lets a failed job go on by itself, if anything does."""
    if error is not None and error.code == ErrorCode.UNKNOWN_TASK:
        return DECLARATION
    return NETWORK if _backoff(error) == NETWORK else None


def _backoff(error: JobError | None) -> str:
    # A page that is opened brings a token, or a secret, and that is a sign of a network as well.
    ends = (*UNREACHABLE, ErrorCode.NO_TOKEN, ErrorCode.LOCKED)
    return NETWORK if error is not None and error.code in ends else LATER
