"""One thread that owns an SQLite connection and commits what several callers ask for as one transaction."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

Operation = Callable[[sqlite3.Connection], T]
"""Called in the thread, within a transaction that may hold others' operations too."""

GROUP = 128
"""Operations in one transaction at most."""


class Writer:
    """Runs operations in the order in which they were given, each durable when its result is there.

    Operations that come while a transaction is being flushed to disk share the next one. The thread starts
    with the first operation and ends with `close`; after a fork the child starts its own, on a connection
    of its own.

    Args:
        connect: opens the database, with no transaction open. Called in the thread, again after an error.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]):
        self._connect = connect
        self._thread = _Thread()
        _writers.add(self)

    def run(self, operation: Operation[T]) -> T:
        """Runs an operation and waits for it.

        Raises:
            sqlite3.Error: the database cannot be opened or written, or stayed locked; nothing was done.
        """
        future: Future[T] = Future()
        self._submit(_Job(operation, future))
        return future.result()

    async def run_async(self, operation: Operation[T]) -> T:
        """`run` for a coroutine. If it is cancelled the operation may still happen."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._submit(_Job(operation, future, loop))
        return await future

    def close(self) -> None:
        """Ends what was asked for, then the thread, and closes the connection. The next call starts anew."""
        thread = self._thread
        with thread.lock:
            finish, thread.finish = thread.finish, None
        if finish is not None:
            finish()

    def after_fork(self) -> None:
        """In the child: the parent's thread does not exist here, and its lock may have been held.

        Its connection is left alone: SQLite forbids even to close it in another process. Only the frame of
        the parent's thread refers to it, and that never runs here.
        """
        if self._thread.finish is not None:
            self._thread.finish.detach()
        self._thread = _Thread()

    def _submit(self, job: _Job[Any]) -> None:
        thread = self._thread
        with thread.lock:
            if thread.finish is None:
                thread.jobs = SimpleQueue()
                started = threading.Thread(
                    target=_work, args=(thread.jobs, self._connect), name="pyqueue-sqlite", daemon=True
                )
                started.start()
                # Also when the writer is garbage, and before the interpreter ends: a connection that is
                # closed leaves no write-ahead log behind.
                thread.finish = weakref.finalize(self, _stop, thread.jobs, started)
            thread.jobs.put(job)


@dataclass(slots=True)
class _Thread:
    """The thread of one process.

    Attributes:
        jobs: what it is to do; `None` ends it.
        finish: ends it and waits for that; `None` while there is no thread.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    jobs: SimpleQueue[_Job[Any] | None] = field(default_factory=SimpleQueue)
    finish: weakref.finalize[..., Writer] | None = None


@dataclass(slots=True)
class _Job(Generic[T]):
    """An operation, what came of it, and how whoever waits for it is told."""

    operation: Operation[T]
    future: Future[T] | asyncio.Future[T]
    loop: asyncio.AbstractEventLoop | None = None
    value: Any = None
    error: BaseException | None = None
    ended: bool = False

    def end(self, error: BaseException | None = None) -> None:
        self.error, self.ended = error, True

    def tell(self) -> None:
        """In the thread of the loop, if there is one."""
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)


def _work(jobs: SimpleQueue[_Job[Any] | None], connect: Callable[[], sqlite3.Connection]) -> None:
    """The thread."""
    connection: sqlite3.Connection | None = None
    while True:
        group = _next_group(jobs)
        if group:
            try:
                connection = connection or connect()
                _commit(connection, group)
            except BaseException as error:
                # The connection may be of no more use: the next group opens another.
                if connection is not None:
                    connection.close()
                    connection = None
                for job in group:
                    if not job.ended:
                        job.end(error)
            _tell(group)
            group.clear()  # Nothing is kept alive while the thread rests.
        else:
            break
    if connection is not None:
        connection.close()


def _next_group(jobs: SimpleQueue[_Job[Any] | None]) -> list[_Job[Any]]:
    """Waits for a job and takes what has come with it; empty once the thread is to end."""
    group: list[_Job[Any]] = []
    job = jobs.get()
    while job is not None:
        group.append(job)
        if len(group) == GROUP:
            return group
        try:
            job = jobs.get_nowait()
        except Empty:
            return group
    if group:
        jobs.put(None)  # Nothing follows it: first these.
    return group


def _commit(connection: sqlite3.Connection, jobs: list[_Job[Any]]) -> None:
    """Runs jobs in one transaction. If one of them raises, each is run again in its own.

    Raises:
        sqlite3.Error: no transaction could be begun or committed; jobs that have not ended did nothing.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for job in jobs:
            job.value = job.operation(connection)
        connection.execute("COMMIT")
    except BaseException as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if len(jobs) == 1:
            jobs[0].end(error)
        else:
            for job in jobs:
                _commit(connection, [job])
    else:
        for job in jobs:
            job.end()


def _tell(jobs: list[_Job[Any]]) -> None:
    """Wakes whoever waits; a loop once for all of its own."""
    of_loops: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        if job.loop is None:
            job.tell()
        else:
            of_loops.setdefault(job.loop, []).append(job)
    for loop, its_own in of_loops.items():
        with suppress(RuntimeError):  # The loop was closed: nobody waits any more.
            loop.call_soon_threadsafe(_tell_each, its_own)


def _tell_each(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.tell()


def _stop(jobs: SimpleQueue[_Job[Any] | None], thread: threading.Thread) -> None:
    jobs.put(None)
    if thread is not threading.current_thread():
        thread.join()


_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


def _after_fork() -> None:
    for writer in _writers:
        writer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
