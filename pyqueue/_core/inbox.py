"""Inbox: what people asked for, from when it was read until it is dealt with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from .._errors import InvalidPayload
from .._ports import Unreadable
from .._queue import Queue
from .._vocabulary import CommandType
from .commands import Command, Damaged, parse
from .memory import Memory
from .rules import EffectiveOptions, effective_options

AT_A_TIME = 200
"""Commands that are read at a time."""

GAP = 0.1
"""Seconds between two looks into the inbox while jobs are on their way: pages wait while it is read. What is
appended meanwhile is dealt with together."""


class Inbox:
    """The commands of one owner.

    Args:
        queue: the declaration.
        memory: the owner's; it counts what leaves the inbox.
    """

    def __init__(self, queue: Queue, memory: Memory) -> None:
        self._queue = queue
        self._memory = memory
        # Behind the commands that are gone: an engine may look at each that was deleted lately.
        self._after = memory.tallies["admitted"]["seq"]
        self._read_at = -inf
        self._left = inf
        self._effective: dict[int, EffectiveOptions | None] = {}
        self.is_searched = self._after == 0
        """Whether it was read from its very beginning: no number may hide a command for ever."""
        self.has_news = True
        """Whether there may be more than what was read."""
        self.commands: list[Command] = []
        """Read, and not carried out yet."""
        self.taken: list[int] = []
        """`seq` of those that were carried out since the last commit."""
        self.aside: list[Unreadable] = []
        """Commands that are to be set aside with the next commit."""

    def may_read(self, now: float, busy: bool) -> bool:
        """Whether to look for news now: at once, but while jobs are on their way only now and then.

        Args:
            now: Unix time in seconds.
            busy: jobs are on their way.
        """
        return self.has_news and not (busy and self._read_at <= now < self.next_look())

    def next_look(self) -> float:
        """When it may be read again, Unix time in seconds."""
        return self._read_at + GAP

    def ask(self) -> dict[str, Any]:
        """The part of a `Query` that reads on."""
        return {"inbox_after": self._after, "inbox_limit": AT_A_TIME}

    def search(self) -> dict[str, Any]:
        """The part of a `Query` that reads it from the beginning."""
        self.is_searched = True
        self._after = -1
        return self.ask()

    def asked(self, now: float) -> None:
        """It is being read."""
        self.has_news = False
        self._read_at = now

    def take_in(self, records: Sequence[Mapping[str, Any]], unreadable: Sequence[Unreadable]) -> None:
        """Takes what was read.

        Args:
            records: of commands, as they are stored.
            unreadable: those that the store could not hand over.
        """
        for record in records:
            self._take(record)
        for one in unreadable:
            self._after = max(self._after, one.seq)
            # Nothing but an enqueue is large enough to be unreadable.
            self.set_aside(one.seq, one.reason, CommandType.ENQUEUE)
        if len(records) >= AT_A_TIME:
            self.has_news, self._read_at = True, -inf

    def _take(self, record: Mapping[str, Any]) -> None:
        seq = record["seq"]
        self._after = max(self._after, seq)
        try:
            command = parse(record)
        except Damaged as damaged:
            self.set_aside(seq, f"the command cannot be read: {damaged}", record.get("type"))
            return
        except Exception as error:
            self.set_aside(seq, f"the command cannot be read: {type(error).__name__}", None)
            return
        if command is not None:
            self.commands.append(command)
        else:  # One of a newer page stays for a newer worker.
            self._left = min(self._left, seq)

    def set_aside(self, seq: int, reason: str, type: Any) -> None:
        """A command that cannot be carried out is kept for people to look at, and in nobody's way."""
        if type == CommandType.ENQUEUE:
            self._memory.admit(0)
        self._memory.count("set_aside")
        self.aside.append(Unreadable("inbox", seq, reason))

    def effective(self, command: Command) -> EffectiveOptions | None:
        """The options of an `enqueue`, worked out once; `None`: they cannot be."""
        if command.seq not in self._effective:
            self._effective[command.seq] = options_or_none(
                self._queue, command.principal, command.task, command.options, command.payload
            )
        return self._effective[command.seq]

    def take_all(self) -> list[Command]:
        """The commands that are to be carried out now."""
        commands, self.commands = self.commands, []
        return commands

    def applied(self) -> None:
        """All that was read is carried out."""
        self._effective.clear()
        if self.taken or self.aside:
            self._memory.leave_inbox(int(min(self._after, self._left - 1)))


def options_or_none(
    queue: Queue, principal: str, task: str | None, options: Mapping[str, Any], payload: Mapping[str, Any]
) -> EffectiveOptions | None:
    """The options that hold for a job; `None` where its task is unknown or a template is not filled."""
    declared = queue.find(task)
    if declared is None:
        return None
    try:
        return effective_options(declared, principal, options, payload)
    except InvalidPayload:
        return None
