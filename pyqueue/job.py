"""Job: one write that a person made, and the codec of its stored record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from .errors import StoreError

VERSION = 1


class Status(StrEnum):
    """Where a job stands. Every job ends in one of the last four."""

    PENDING = "pending"
    """Waits: for its turn, its time, or the queue."""

    SENDING = "sending"
    """An attempt was committed and may be on its way."""

    DONE = "done"
    """The server accepted it."""

    FAILED = "failed"
    """Will not be tried again by itself; a person may retry, edit or discard it."""

    CANCELLED = "cancelled"
    """A person, or a later job with the same unique key, took it back."""

    EXPIRED = "expired"
    """Its time ran out before it could be sent."""


class Certainty(StrEnum):
    """What is known about the job's effect on the server."""

    NEVER_SENT = "never_sent"
    """No attempt has left."""

    MAYBE_APPLIED = "maybe_applied"
    """An attempt left and no answer settled what became of it."""

    APPLIED = "applied"
    """The server said that it did it."""

    REJECTED = "rejected"
    """The server said that it did not do it."""


@dataclass(frozen=True, slots=True)
class Error:
    """Why an attempt, or the job, did not succeed.

    Attributes:
        code: a stable word to branch on: `network`, `offline`, `timeout`, `http`, `rejected`, `exception`,
            `unauthorized`, `unknown_task`, `template`, `expired`, `cancelled`, `discarded`, `superseded`.
        message: one sentence for a person.
        status: the HTTP status, where there was an answer.
        body: the first characters of the answer's body.
    """

    code: str
    message: str
    status: int | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job as stored; a change returns a copy. docs/architecture.md describes every field.

    Times are Unix time in seconds, `bytes` is the payload's size. `payload` is opaque to the core but for
    the fields that templates name: in a browser it may hold `Blob`s that Python never copies.
    """

    seq: int
    id: str
    payload: Mapping[str, Any]
    created_at: float
    idempotency_key: str
    task: str | None = None
    bytes: int = 0
    status: Status = Status.PENDING
    certainty: Certainty = Certainty.NEVER_SENT
    ordering_key: str | None = None
    open_key: str | None = None
    due: float | None = None
    not_before: float = 0.0
    expires_at: float | None = None
    sent_at: float | None = None
    settled_at: float | None = None
    unique_key: str | None = None
    attempts: int = 0
    timeout: float | None = None
    retry: Mapping[str, float] | None = None
    result: Any = None
    error: Error | None = None
    superseded_by: str | None = None
    cancel_requested: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the job is still to be delivered."""
        return self.status in (Status.PENDING, Status.SENDING)

    def with_(self, **changes: Any) -> Job:
        """A copy with these fields changed."""
        return replace(self, **changes)


_NAMES = tuple(f.name for f in fields(Job))
_DEFAULT_FALSE = ("cancel_requested",)


def encode(job: Job) -> dict[str, Any]:
    """The record of a job: plain values and the payload as it is; a field without a value is left out."""
    record: dict[str, Any] = {"v": VERSION}
    for name in _NAMES:
        value = getattr(job, name)
        if value is None or (name in _DEFAULT_FALSE and not value):
            continue
        if isinstance(value, Error):
            value = {f.name: v for f in fields(Error) if (v := getattr(value, f.name)) is not None}
        elif isinstance(value, StrEnum):
            value = value.value
        record[name] = value
    return record


def decode(record: Mapping[str, Any]) -> Job:
    """The job of a record.

    Raises:
        StoreError: the record was written by a newer version, or is not a job.
    """
    version = record.get("v")
    if version != VERSION:
        raise StoreError(f"job {record.get('id')!r} has record version {version!r}, not {VERSION}")
    try:
        values = {name: record[name] for name in _NAMES if name in record}
        values["status"] = Status(values["status"])
        values["certainty"] = Certainty(values["certainty"])
        if "error" in values:
            values["error"] = Error(**values["error"])
        return Job(**values)
    except (KeyError, TypeError, ValueError) as cause:
        raise StoreError(f"job {record.get('id')!r} cannot be read: {cause}") from cause
