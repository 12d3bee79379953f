"""The thread that owns a connection: what shares a transaction, whom a failure reaches, forks, the end."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pyqueue.server.writer import Writer


class Recorder:
    """Opens a database and notes each statement that ends or begins a transaction."""

    def __init__(self, path: Path):
        self.path = path
        self.commits = 0
        self.opened = 0

    def __call__(self) -> sqlite3.Connection:
        self.opened += 1
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=0.05)
        connection.execute("CREATE TABLE IF NOT EXISTS rows (value INTEGER NOT NULL)")
        connection.set_trace_callback(self._trace)
        return connection

    def _trace(self, statement: str) -> None:
        self.commits += statement == "COMMIT"


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """Of a database of its own."""
    return Recorder(tmp_path / "rows.sqlite3")


@pytest.fixture
def writer(recorder: Recorder) -> Iterator[Writer]:
    """On that database."""
    writer = Writer(recorder)
    yield writer
    writer.close()


def insert(value: Any) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute(
        "INSERT INTO rows VALUES (?) RETURNING value", (value,)
    ).fetchone()[0]


def count(connection: sqlite3.Connection) -> int:
    (rows,) = connection.execute("SELECT count(*) FROM rows").fetchone()
    return int(rows)


def held(writer: Writer) -> threading.Event:
    """Keeps the thread busy until the event is set; what comes meanwhile is the next group."""
    entered, gate = threading.Event(), threading.Event()

    def wait(connection: sqlite3.Connection) -> None:
        entered.set()
        gate.wait()

    threading.Thread(target=writer.run, args=(wait,)).start()
    entered.wait()
    return gate


def test_what_comes_together_is_committed_together(writer: Writer, recorder: Recorder) -> None:
    """One flush to disk serves all of it."""

    async def together() -> list[int]:
        gate = held(writer)
        tasks = [asyncio.create_task(writer.run_async(insert(n))) for n in range(50)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(together()) == list(range(50))
    assert recorder.commits == 2


def test_one_that_fails_takes_nobody_with_it(writer: Writer) -> None:
    """The others of its transaction are committed, and it alone is told."""

    async def together() -> list[Any]:
        gate = held(writer)
        tasks = [asyncio.create_task(writer.run_async(insert(None if n == 3 else n))) for n in range(6)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(together())
    assert isinstance(results.pop(3), sqlite3.IntegrityError)
    assert results == [0, 1, 2, 4, 5]
    assert writer.run(count) == 5


def test_threads_and_coroutines_share_it(writer: Writer) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: writer.run(insert(n)), range(40)))
    assert asyncio.run(writer.run_async(count)) == 40


def test_a_caller_that_was_cancelled_holds_up_nobody(writer: Writer) -> None:
    async def cancelled() -> None:
        gate = held(writer)
        task = asyncio.create_task(writer.run_async(insert(1)))
        await asyncio.sleep(0)
        task.cancel()
        gate.set()
        await writer.run_async(insert(2))

    asyncio.run(cancelled())
    assert writer.run(count) == 2


def test_a_locked_database_is_an_error_and_then_works_again(writer: Writer, recorder: Recorder) -> None:
    writer.run(count)
    other = sqlite3.connect(recorder.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        writer.run(insert(1))
    other.execute("COMMIT")
    other.close()
    writer.run(insert(2))
    assert writer.run(count) == 1


def test_a_database_that_cannot_be_opened_is_tried_again_by_the_next_call(tmp_path: Path) -> None:
    writer = Writer(Recorder(tmp_path / "later" / "rows.sqlite3"))
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        writer.run(count)
    (tmp_path / "later").mkdir()
    assert writer.run(count) == 0
    writer.close()


def test_closing_ends_what_was_asked_for_and_the_next_call_opens_again(
    writer: Writer, recorder: Recorder
) -> None:
    gate = held(writer)
    late = threading.Thread(target=writer.run, args=(insert(1),))
    late.start()
    gate.set()
    late.join()
    writer.close()
    writer.close()
    assert writer.run(count) == 1
    assert recorder.opened == 2


def test_a_writer_that_nobody_holds_ends_its_thread(recorder: Recorder) -> None:
    writer = Writer(recorder)
    writer.run(count)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "pyqueue-sqlite"]
    del writer
    thread.join(5)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_a_thread_and_a_connection_of_its_own(writer: Writer) -> None:
    writer.run(insert(1))
    child = os.fork()
    if child == 0:
        try:
            writer.run(insert(2))
            writer.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert writer.run(count) == 2
