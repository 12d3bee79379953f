"""What every Store must do. The same coroutines run against `MemoryStore` on CPython and against
`IndexedDBStore` in a real browser, so this module imports nothing but `pyqueue`.

Each takes a `Bench`: a way to open the store again (a new owner over the same data) and the page's half.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pyqueue._errors import OwnershipLost
from pyqueue._ports import Changes, Query, Store
from pyqueue._record import JobError, JobRecord
from pyqueue._vocabulary import Certainty, Status

NOW = 1_800_000_000.0


@dataclass
class Bench:
    """Over one set of data: `open()` gives a store, `append(type, **fields)` is the page's half."""

    open: Callable[[], Store]
    append: Callable[..., Awaitable[int]]


def job(seq: int, **changes: Any) -> JobRecord:
    """A job with only what it must have."""
    values: dict[str, Any] = {
        "seq": seq,
        "id": f"job-{seq}",
        "payload": {"n": seq},
        "created_at": NOW,
        "idempotency_key": f"key-{seq}",
    }
    return JobRecord(**(values | changes))


def seqs(jobs: Any) -> list[int]:
    return [each.seq for each in jobs]


async def test_takes_commands_in_order_and_only_when_committed(bench: Bench) -> None:
    """The inbox is read by `seq`; a command stays until a commit takes it."""
    first = await bench.append("enqueue", id="a", payload={"text": "hi", "none": None}, bytes=2)
    second = await bench.append("pause", reason="maintenance")
    store = bench.open()
    await store.take_over(NOW)
    commands = await store.inbox(10)
    assert [command.seq for command in commands] == [first, second]
    assert [command.type for command in commands] == ["enqueue", "pause"]
    assert commands[0].fields["payload"]["text"] == "hi"
    assert commands[0].fields["payload"]["none"] is None
    assert commands[1].fields["reason"] == "maintenance"
    assert len(await store.inbox(1)) == 1
    await store.commit(Changes(taken=[first]), NOW)
    assert [command.seq for command in await store.inbox(10)] == [second]


async def test_a_job_comes_back_as_it_was_put(bench: Bench) -> None:
    """Every field survives, and a field without a value stays without one."""
    store = bench.open()
    await store.take_over(NOW)
    full = job(
        7,
        task="comment.create",
        bytes=12,
        status=Status.FAILED,
        certainty=Certainty.REJECTED,
        ordering_key="post:1",
        unique_key="draft",
        expires_at=NOW + 1,
        sent_at=NOW,
        settled_at=NOW,
        attempts=3,
        timeout=5.5,
        retry={"max_attempts": 2},
        result={"id": 1, "tags": ["a", None]},
        error=JobError("http", "no", 422, "body"),
        superseded_by="other",
        cancel_requested=True,
    )
    plain = job(8)
    await store.commit(Changes(jobs=[full, plain]), NOW)
    loaded = await store.load(Query(ids=frozenset({"job-7", "job-8"})))
    assert seqs(loaded) == [7, 8]
    for before, after in zip((full, plain), loaded, strict=True):
        assert dict(after.payload) == dict(before.payload)
        assert after.with_(payload={}) == before.with_(payload={})


async def test_loads_the_union_of_what_is_asked_each_job_once(bench: Bench) -> None:
    """Ids, unique keys, due heads, heads of a key, a status and the longest settled."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(
        Changes(
            jobs=[
                job(1, open_key="k", ordering_key="k", due=NOW + 5, unique_key="u"),
                job(2, open_key="k", ordering_key="k"),
                job(3, open_key="k", ordering_key="k"),
                job(4, due=NOW - 5),
                job(5, due=NOW),
                job(6, status=Status.FAILED, settled_at=NOW - 10),
                job(7, status=Status.FAILED, settled_at=NOW - 20),
                job(8, status=Status.DONE, settled_at=NOW - 30),
            ]
        ),
        NOW,
    )
    assert seqs(await store.load(Query())) == []
    assert seqs(await store.load(Query(ids=frozenset({"job-3", "nobody"})))) == [3]
    assert seqs(await store.load(Query(unique_keys=frozenset({"u"})))) == [1]
    assert seqs(await store.load(Query(due_limit=10, due_before=NOW))) == [4, 5]
    assert seqs(await store.load(Query(due_limit=1, due_before=NOW))) == [4]
    assert seqs(await store.load(Query(due_limit=10))) == [1, 4, 5]
    assert seqs(await store.load(Query(heads=frozenset({"k", "x"}), heads_depth=2))) == [1, 2]
    assert seqs(await store.load(Query(status=Status.FAILED))) == [6, 7]
    assert seqs(await store.load(Query(status=Status.FAILED, status_limit=1))) == [6]
    assert seqs(await store.load(Query(settled=(Status.FAILED, NOW, 1)))) == [7]
    assert seqs(await store.load(Query(settled=(Status.FAILED, NOW - 15, 9)))) == [7]
    both = Query(ids=frozenset({"job-1"}), heads=frozenset({"k"}), due_limit=10)
    assert seqs(await store.load(both)) == [1, 4, 5]


async def test_knows_the_earliest_due(bench: Bench) -> None:
    """`next_due` is the least `due`, and none without one."""
    store = bench.open()
    await store.take_over(NOW)
    assert await store.next_due() is None
    await store.commit(Changes(jobs=[job(1, due=NOW + 9), job(2, due=NOW + 3), job(3)]), NOW)
    assert await store.next_due() == NOW + 3
    await store.commit(Changes(jobs=[job(2)]), NOW)
    assert await store.next_due() == NOW + 9


async def test_keeps_meta_and_the_beat(bench: Bench) -> None:
    """Named values survive an owner; each commit leaves a heartbeat."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(Changes(meta={"holds": {"paused": {"reason": "r", "since": NOW}}}), NOW + 1)
    await store.commit(Changes(), NOW + 2)
    meta = await bench.open().take_over(NOW + 3)
    assert meta["holds"] == {"paused": {"reason": "r", "since": NOW}}
    assert meta["owner"]["beat_at"] == NOW + 3


async def test_an_overtaken_owner_writes_nothing(bench: Bench) -> None:
    """A commit under an old epoch is refused as a whole."""
    old, new = bench.open(), bench.open()
    before = await old.take_over(NOW)
    after = await new.take_over(NOW)
    assert after["owner"]["epoch"] == before["owner"]["epoch"] + 1
    seq = await bench.append("pause")
    try:
        await old.commit(Changes(jobs=[job(1)], taken=[seq], meta={"holds": {}}), NOW)
    except OwnershipLost:
        pass
    else:
        raise AssertionError("the commit of an overtaken owner was accepted")
    assert await new.load(Query(ids=frozenset({"job-1"}))) == []
    assert len(await new.inbox(10)) == 1
    await new.commit(Changes(jobs=[job(2)]), NOW)
    assert seqs(await new.load(Query(ids=frozenset({"job-2"})))) == [2]


async def test_deletes_with_the_rest_of_a_commit(bench: Bench) -> None:
    """Puts and deletes of one commit go together."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(Changes(jobs=[job(1), job(2)]), NOW)
    await store.commit(Changes(jobs=[job(3)], deleted=[1]), NOW)
    every = Query(ids=frozenset({"job-1", "job-2", "job-3"}))
    assert seqs(await store.load(every)) == [2, 3]


CONTRACT = [value for name, value in list(globals().items()) if name.startswith("test_")]
