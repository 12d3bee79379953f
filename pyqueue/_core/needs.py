"""Needs: what has to be in the memory before the rules can be applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._ports import Query
from .._queue import Queue
from .._record import JobRecord
from .._vocabulary import CommandType
from .commands import Command
from .inbox import Inbox, options_or_none
from .memory import LINE_DEPTH, Memory


class Needs:
    """What one step needs of the store.

    Args:
        queue: the declaration.
        memory: the owner's; what it holds need not be read.
    """

    def __init__(self, queue: Queue, memory: Memory) -> None:
        self._queue = queue
        self._memory = memory
        self._ids: set[str] = set()
        self._unique_keys: set[str] = set()
        self._lines: set[str] = set()

    def add_command(self, command: Command, inbox: Inbox) -> None:
        """A command is to be carried out."""
        if command.id is not None:
            self._ids.add(command.id)
            if (job := self._memory.find(command.id)) is not None:
                self.add_reopened(job, command.payload if command.type is CommandType.EDIT else job.payload)
        if command.type is CommandType.ENQUEUE and (effective := inbox.effective(command)) is not None:
            self._add_keys(effective.line, effective.unique_key)

    def add_job(self, job: JobRecord) -> None:
        """A job may end or wait again: the front of its line has to be known, and who follows it."""
        self._add_keys(job.line, None)
        if job.superseded_by is not None:
            self._ids.add(job.superseded_by)

    def add_reopened(self, job: JobRecord, payload: Mapping[str, Any]) -> None:
        """A job may be reopened, with this payload: whoever has its unique key has to be known as well."""
        self.add_job(job)
        self._add_keys(None, job.unique_key)
        if job.options is not None:
            effective = options_or_none(self._queue, job.principal, job.task, job.options, payload)
            if effective is not None:
                self._add_keys(effective.line, effective.unique_key)

    def _add_keys(self, line: str | None, unique_key: str | None) -> None:
        if line is not None:
            self._lines.add(line)
        if unique_key is not None:
            self._unique_keys.add(unique_key)

    def query(self, looked_up: set[str], **parts: Any) -> Query | None:
        """What is to be read; `None`: nothing.

        Args:
            looked_up: ids and unique keys that were read already, whatever was found.
            parts: of the query, besides.
        """
        for key in self._unique_keys:
            for job in self._memory.holders(key):
                self.add_job(job)
        ids = {job_id for job_id in self._ids - looked_up if self._memory.find(job_id) is None}
        unique_keys = self._unique_keys - looked_up
        lines = {key: -1 for key in self._lines if not self._memory.knows(key)}
        if not (ids or unique_keys or lines or parts):
            return None
        return Query(
            ids=frozenset(ids),
            unique_keys=frozenset(unique_keys),
            lines=lines,
            line_depth=LINE_DEPTH,
            **parts,
        )
