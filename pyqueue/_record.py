"""JobRecord: one write that a person made, and the codec of its stored record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from ._errors import StoreError
from ._vocabulary import Certainty, Status

VERSION = 1


@dataclass(frozen=True, slots=True)
class JobError:
    """Why an attempt, or the job, did not succeed.

    Attributes:
        code: a stable word to branch on: one of `ErrorCode`, or what a route's `classify` names.
        message: one sentence for a person.
        status: the HTTP status, where there was an answer.
        body: the first characters of the answer's body.
    """

    code: str
    message: str
    status: int | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
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
    error: JobError | None = None
    superseded_by: str | None = None
    cancel_requested: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the job is still to be delivered."""
        return self.status in (Status.PENDING, Status.SENDING)

    def with_(self, **changes: Any) -> JobRecord:
        """A copy with these fields changed."""
        return replace(self, **changes)


_NAMES = tuple(f.name for f in fields(JobRecord))
_DEFAULT_FALSE = ("cancel_requested",)


def encode(job: JobRecord) -> dict[str, Any]:
    """The record of a job: plain values and the payload as it is; a field without a value is left out."""
    record: dict[str, Any] = {"v": VERSION}
    for name in _NAMES:
        value = getattr(job, name)
        if value is None or (name in _DEFAULT_FALSE and not value):
            continue
        if isinstance(value, JobError):
            value = {f.name: v for f in fields(JobError) if (v := getattr(value, f.name)) is not None}
        elif isinstance(value, StrEnum):
            value = value.value
        record[name] = value
    return record


def decode(record: Mapping[str, Any]) -> JobRecord:
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
            values["error"] = JobError(**values["error"])
        return JobRecord(**values)
    except (KeyError, TypeError, ValueError) as cause:
        raise StoreError(f"job {record.get('id')!r} cannot be read: {cause}") from cause
