"""Admission: what a command asks for, and which jobs it may touch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._errors import InvalidPayload
from ._ports import Command, Query
from ._queue import Queue
from ._record import JobRecord
from ._task import Task
from ._vocabulary import Status

VERSION = 1
"""The newest inbox record that is understood."""

ALL = 1_000_000
"""A limit that no queue reaches: `Limits.jobs` is far below."""

_TYPES = frozenset({"enqueue", "cancel", "retry", "discard", "edit", "pause", "resume", "flush"})
_NAMED = frozenset({"enqueue", "cancel", "discard", "edit"})
_WITH_PAYLOAD = frozenset({"enqueue", "edit"})


def understood(command: Command) -> bool:
    """Whether this version knows the command, and it is whole.

    One from a newer page stays in the inbox for a newer worker; one that is damaged stays for a person.
    """
    fields = command.fields
    known = command.type in _TYPES and fields.get("v", 1) <= VERSION
    named = command.type not in _NAMED or isinstance(fields.get("id"), str)
    whole = command.type not in _WITH_PAYLOAD or isinstance(fields.get("payload"), Mapping)
    return known and named and whole


@dataclass(frozen=True, slots=True)
class Terms:
    """What a job's own options and its task's make together.

    Attributes:
        ordering_key: `None`: no order.
        unique_key: `None`: as many as there are.
        on_conflict: `keep` or `replace`.
        delay: seconds.
        expires: seconds; `None`: never.
    """

    ordering_key: str | None
    unique_key: str | None
    on_conflict: str
    delay: float
    expires: float | None


def terms_of(task: Task, command: Command) -> Terms:
    """The terms of an `enqueue` command.

    Raises:
        InvalidPayload: the payload lacks what a template names, or an option is not what it should be.
    """
    options: Mapping[str, Any] = command.fields.get("options") or {}
    payload: Mapping[str, Any] = command.fields["payload"]

    def fill(name: str, template: Any) -> str | None:
        if name in options:
            return None if options[name] is None else str(options[name])
        return None if template is None else str(template.fill(payload))

    try:
        expires = options.get("expires", task.expires)
        return Terms(
            ordering_key=fill("ordering_key", task.ordering_key),
            unique_key=fill("unique_key", task.unique_key),
            on_conflict=options.get("on_conflict") or task.on_conflict,
            delay=float(options.get("delay", task.delay)),
            expires=None if expires is None else float(expires),
        )
    except (AttributeError, TypeError, ValueError) as cause:
        raise InvalidPayload(f"the options {options!r} cannot be read: {cause}") from cause


@dataclass(frozen=True, slots=True)
class Reach:
    """Which jobs the commands and outcomes of one plan may touch: what the driver has to load.

    Attributes:
        query: the jobs that are named directly.
        keys: the ordering keys that are known beforehand. Those of loaded jobs come on top.
        depth: how many jobs may leave the front of one ordering key, plus the one that follows them.
    """

    query: Query
    keys: frozenset[str]
    depth: int

    @property
    def named(self) -> bool:
        """Whether the query asks for anything."""
        return self.query != Query()


def reach(queue: Queue, commands: Iterable[Command], settled: Iterable[JobRecord] = ()) -> Reach:
    """What to load before commands are admitted and attempts settled.

    Args:
        queue: the declaration.
        commands: the commands to admit.
        settled: the jobs whose attempts ended.
    """
    ids: set[str] = set()
    unique: set[str] = set()
    keys = {job.ordering_key for job in settled if job.ordering_key is not None}
    named, all_failed, all_due = len(keys), False, False
    for command in commands:
        if "id" in command.fields:
            ids.add(command.fields["id"])
            named += command.type != "enqueue"
        elif command.type == "retry":
            all_failed = True
        if command.type == "flush":
            all_due = True
        if command.type == "enqueue" and (task := queue.find(command.fields.get("task"))) is not None:
            try:
                terms = terms_of(task, command)
            except InvalidPayload:
                continue
            if terms.unique_key is not None:
                unique.add(terms.unique_key)
                named += 1
            if terms.ordering_key is not None:
                keys.add(terms.ordering_key)
    query = Query(
        ids=frozenset(ids),
        unique_keys=frozenset(unique),
        status=Status.FAILED if all_failed else None,
        due_limit=ALL if all_due else 0,
    )
    return Reach(query, frozenset(keys), named + 1)
