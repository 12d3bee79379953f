"""Commands: what pages append to the inbox, read with suspicion.

A page may be older or newer than this worker, or hostile. A record that is not understood never raises
later: it is told here whether it is a command, one of a newer page, or damaged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .._principal import NOBODY, is_principal
from .._record import is_count, is_number
from .._vocabulary import (
    COMMAND_VERSION,
    MAX_ATTEMPTS,
    MAX_KEY,
    MAX_SECONDS,
    MAX_TIMEOUT,
    CommandType,
    OnConflict,
)


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """One record of the inbox: what a page asked for.

    Attributes:
        seq: its place in the total order of commands.
        type: what is asked for.
        at: when the page made it, Unix time in seconds.
        id: of the job; `None` where the command names none.
        task: the declared name; `None` for a job with a request of its own.
        payload: of `enqueue` and `edit`.
        bytes: the payload's size.
        options: of `enqueue`, each checked, as docs/architecture.md names them.
        reason: of `pause`.
        principal: who made it. Of `identify`: who is signed in from now on; of `clear`: whose jobs are to go.
    """

    seq: int
    type: CommandType
    at: float
    id: str | None = None
    task: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    bytes: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    principal: str = NOBODY


class Damaged(Exception):
    """A record is not what its version says; the message tells why."""


_NAMED = (CommandType.ENQUEUE, CommandType.CANCEL, CommandType.DISCARD, CommandType.EDIT)
_WITH_PAYLOAD = (CommandType.ENQUEUE, CommandType.EDIT)


def parse(record: Mapping[str, Any]) -> Command | None:
    """The command of an inbox record.

    Args:
        record: with `seq`, a whole number; everything else may be anything.

    Returns:
        `None` for a command of a newer page, which stays for a newer worker.

    Raises:
        Damaged: it is no command.
    """
    version, name = record.get("v"), record.get("type")
    if not is_count(version) or not isinstance(name, str):
        raise Damaged("it has no version or no type")
    if version > COMMAND_VERSION or name not in _TYPES:
        return None
    kind = CommandType(name)
    for wanted, value, is_right in (
        ("at", record.get("at"), is_number),
        ("id", record.get("id"), _is_id if kind in _NAMED else _is_id_or_absent),
        ("task", record.get("task"), _is_text_or_absent),
        ("reason", record.get("reason"), _is_text_or_absent),
        ("bytes", record.get("bytes", 0), is_count),
        ("principal", record.get("principal", NOBODY), is_principal),
        ("payload", record.get("payload"), _is_mapping if kind in _WITH_PAYLOAD else _anything),
    ):
        if not is_right(value):
            raise Damaged(f"its {wanted} is not what it should be")
    return Command(
        seq=record["seq"],
        type=kind,
        at=float(record["at"]),
        id=record.get("id"),
        task=record.get("task"),
        payload=record["payload"] if kind in _WITH_PAYLOAD else {},
        bytes=record.get("bytes", 0),
        options=_options(record.get("options")),
        reason=record.get("reason"),
        principal=record.get("principal", NOBODY),
    )


def _options(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Damaged("its options are no object")
    options = {name: value[name] for name in _OPTIONS if name in value}
    for name, given in options.items():
        if not _OPTIONS[name](given):
            raise Damaged(f"its option {name} is not what it should be")
    return options


def _is_text_or_absent(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_KEY


def _is_id_or_absent(value: Any) -> bool:
    return value is None or _is_id(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _anything(value: Any) -> bool:
    return True


def _within(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: is_number(value) and low <= value <= high


def _is_idempotency_key(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_KEY and value.isascii() and value.isprintable()


def _is_retry(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and set(value) <= {"max_attempts", "base", "cap"}
        and _within(1, MAX_ATTEMPTS)(value.get("max_attempts", 1))
        and _within(0, MAX_TIMEOUT)(value.get("base", 0))
        and _within(0, MAX_TIMEOUT)(value.get("cap", 0))
    )


_TYPES = frozenset(str(kind) for kind in CommandType)
_OPTIONS: Mapping[str, Callable[[Any], bool]] = {
    "ordering_key": _is_text_or_absent,
    "idempotency_key": _is_idempotency_key,
    "unique_key": _is_text_or_absent,
    "on_conflict": lambda value: value in tuple(OnConflict),
    "delay": _within(0, MAX_SECONDS),
    "expires": lambda value: value is None or _within(0, MAX_SECONDS)(value),
    "timeout": _within(0.001, MAX_TIMEOUT),
    "retry": _is_retry,
}
