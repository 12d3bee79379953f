"""JobRecord: one write that a person made, as it is stored, and the codec of its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from operator import attrgetter
from typing import Any, TypeGuard

from ._errors import StoreError
from ._principal import NOBODY, is_principal, scoped
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
class Refusal:
    """What a person asked of a job that could not be carried out any more.

    Attributes:
        command: `edit`, `cancel`, `discard` or `retry`.
        message: one sentence for a person.
        at: Unix time in seconds.
    """

    command: str
    message: str
    at: float


@dataclass(frozen=True, slots=True, eq=False)
class JobRecord:
    """One job as stored; a change returns a copy. docs/architecture.md describes every field.

    Times are Unix time in seconds, `bytes` is the payload's size. `payload` is opaque to the core but for
    the fields that templates name: in a browser it may hold `Blob`s that Python never copies. Records are
    compared by identity only: comparing payloads would convert them, and may never end.
    """

    seq: int
    id: str
    payload: Mapping[str, Any]
    created_at: float
    idempotency_key: str
    principal: str = NOBODY
    task: str | None = None
    bytes: int = 0
    status: Status = Status.PENDING
    certainty: Certainty = Certainty.NEVER_SENT
    ordering_key: str | None = None
    open_key: str | None = None
    due: float | None = None
    not_before: float = 0.0
    wait: float = 0.0
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
    waits_for: str | None = None
    cancel_requested: bool = False
    forgotten: bool = False
    edit_payload: Mapping[str, Any] | None = None
    edit_bytes: int = 0
    edit_seq: int = 0
    options: Mapping[str, Any] | None = None
    refusal: Refusal | None = None
    backoff: str | None = None
    retained: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether the job is still to be delivered."""
        return self.status in (Status.PENDING, Status.SENDING)

    @property
    def line(self) -> str | None:
        """The ordering key as its principal's own: `open_key` while the job takes part in the order."""
        return scoped(self.principal, self.ordering_key)

    def with_(self, **changes: Any) -> JobRecord:
        """A copy with these fields changed."""
        return JobRecord(**{**dict(zip(_NAMES, _values_of(self), strict=True)), **changes})


_DEFAULTS = {f.name: f.default for f in fields(JobRecord)}
_NAMES = tuple(_DEFAULTS)
_values_of = attrgetter(*_NAMES)
_PARTS = {"error": JobError, "refusal": Refusal}
"""Fields that are records themselves."""


def encode(job: JobRecord) -> dict[str, Any]:
    """The record of a job: plain values and payloads as they are; a field with its default is left out.

    `principal`, `status`, `certainty`, `attempts`, `bytes` and `not_before` are always there: pages read
    them.
    """
    record: dict[str, Any] = {"v": VERSION}
    for name, default, value in zip(_NAMES, _DEFAULTS.values(), _values_of(job), strict=True):
        if value is not None and (value is not default or name in _ALWAYS):
            record[name] = value
    record["status"] = job.status.value  # What is stored holds no Python types.
    record["certainty"] = job.certainty.value
    for name in _PARTS.keys() & record.keys():
        part = record[name]
        values = {f.name: getattr(part, f.name) for f in fields(part)}
        record[name] = {field: _plain(value) for field, value in values.items() if value is not None}
    return record


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


_ALWAYS = ("principal", "status", "certainty", "attempts", "bytes", "not_before")


def decode(record: Mapping[str, Any]) -> JobRecord:
    """The job of a record.

    Raises:
        StoreError: the record was written by a newer version, or is not a job.
    """
    try:
        if record.get("v") != VERSION:
            raise StoreError(f"its version is {record.get('v')!r}, not {VERSION}")
        values = {name: record[name] for name in _DEFAULTS if record.get(name) is not None}
        for name, value in values.items():
            if not _IS_RIGHT[name](value):
                raise StoreError(f"its {name} is {_excerpt(value)}")
        values["status"] = Status(values["status"])
        values["certainty"] = Certainty(values["certainty"])
        for name, kind in _PARTS.items():
            if name in values:
                values[name] = kind(**values[name])
        return JobRecord(**values)
    except StoreError as error:
        raise StoreError(f"the job cannot be read: {error}") from error
    except Exception as cause:
        raise StoreError(f"the job cannot be read: {type(cause).__name__}: {cause}") from cause


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a finite number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def is_count(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number, at least 0."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_error(value: Any) -> bool:
    return (
        _is_mapping(value)
        and _is_text(value.get("code"))
        and _is_text(value.get("message"))
        and (value.get("status") is None or is_count(value["status"]))
        and (value.get("body") is None or _is_text(value["body"]))
        and set(value) <= {"code", "message", "status", "body"}
    )


def _is_refusal(value: Any) -> bool:
    return (
        _is_mapping(value)
        and _is_text(value.get("command"))
        and _is_text(value.get("message"))
        and is_number(value.get("at"))
        and set(value) == {"command", "message", "at"}
    )


_TEXTS = (
    *("id", "idempotency_key", "task", "ordering_key", "open_key", "unique_key", "superseded_by"),
    *("waits_for", "backoff", "retained"),
)
_NUMBERS = (*("created_at", "due", "not_before", "wait", "expires_at", "sent_at", "settled_at", "timeout"),)
_IS_RIGHT: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(_TEXTS, _is_text),
    **dict.fromkeys(_NUMBERS, is_number),
    **dict.fromkeys(("seq", "bytes", "attempts", "edit_bytes", "edit_seq"), is_count),
    **dict.fromkeys(("payload", "edit_payload", "options", "retry"), _is_mapping),
    "status": _is_text,
    "certainty": _is_text,
    "result": lambda value: True,
    "error": _is_error,
    "refusal": _is_refusal,
    "principal": is_principal,
    **dict.fromkeys(("cancel_requested", "forgotten"), lambda value: isinstance(value, bool)),
}


def _excerpt(value: Any) -> str:
    """A value in a message; one that cannot be shown is named by its type."""
    try:
        return repr(value)[:100]
    except Exception:
        return type(value).__name__
