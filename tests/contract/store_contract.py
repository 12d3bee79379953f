"""What every Store must do. The same coroutines run against `MemoryStore` on CPython and against
`IndexedDBStore` in a real browser, so this module imports nothing but `pyqueue`.

Each takes a `Bench`: a way to open the store again (a new owner over the same data) and the page's half.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from pyqueue._errors import OwnershipLost
from pyqueue._ports import Changes, Loaded, Query, Store, Unreadable
from pyqueue._record import JobError, JobRecord, Refusal, decode
from pyqueue._vocabulary import Certainty, Status

NOW = 1_800_000_000.0
EVERYTHING = Query(status=(Status.PENDING, -1, 1000))


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


def seqs(loaded: Loaded) -> list[int]:
    return [record["seq"] for record in loaded.jobs]


def same(before: Iterable[JobRecord], after: Iterable[JobRecord]) -> bool:
    """Whether two lists of jobs hold the same, payloads by their fields."""

    def plain(jobs: Iterable[JobRecord]) -> list[dict[str, Any]]:
        names = [name for name in JobRecord.__slots__ if name not in ("payload", "edit_payload")]
        return [
            {name: getattr(job, name) for name in names}
            | {"payload": dict(job.payload), "edit": job.edit_payload and dict(job.edit_payload)}
            for job in jobs
        ]

    return plain(before) == plain(after)


async def test_hands_over_commands_in_order_until_one_is_taken(bench: Bench) -> None:
    """The inbox is read by `seq`, from a place on; a command stays until a commit takes it."""
    first = await bench.append("enqueue", id="a", payload={"text": "hi", "none": None}, bytes=2)
    second = await bench.append("pause", reason="maintenance")
    store = bench.open()
    await store.take_over(NOW)
    commands = (await store.load(Query(inbox_after=-1, inbox_limit=10))).commands
    assert [command["seq"] for command in commands] == [first, second]
    assert [command["type"] for command in commands] == ["enqueue", "pause"]
    assert commands[0]["payload"]["text"] == "hi"
    assert commands[0]["payload"]["none"] is None
    assert commands[1]["reason"] == "maintenance"
    assert len((await store.load(Query(inbox_after=-1, inbox_limit=1))).commands) == 1
    behind = (await store.load(Query(inbox_after=first, inbox_limit=10))).commands
    assert [command["seq"] for command in behind] == [second]
    await store.commit(Changes(taken=[first]), NOW)
    left = (await store.load(Query(inbox_after=-1, inbox_limit=10))).commands
    assert [command["seq"] for command in left] == [second]


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
        open_key="post:1",
        unique_key="draft",
        not_before=NOW + 5,
        wait=5.0,
        expires_at=NOW + 1,
        sent_at=NOW,
        settled_at=NOW,
        attempts=3,
        timeout=5.5,
        retry={"max_attempts": 2},
        result={"id": 1, "tags": ["a", None]},
        error=JobError("http", "no", 422, "body"),
        superseded_by="other",
        waits_for="another",
        cancel_requested=True,
        edit_payload={"n": 70},
        edit_bytes=8,
        edit_seq=9,
        options={"ordering_key": None},
        refusal=Refusal("edit", "too late", NOW),
        backoff="network",
        retained="failed",
    )
    plain = job(8)
    await store.commit(Changes(jobs=[full, plain]), NOW)
    loaded = await store.load(Query(ids=frozenset({"job-7", "job-8"})))
    assert seqs(loaded) == [7, 8]
    assert same([full, plain], [decode(record) for record in loaded.jobs])


async def test_loads_the_union_of_what_is_asked_each_job_once(bench: Bench) -> None:
    """Ids, unique keys, due heads, lines, a status, waits and what may be pruned, each from a place on."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(
        Changes(
            jobs=[
                job(1, open_key="k", ordering_key="k", due=NOW + 5, unique_key="u"),
                job(2, open_key="k", ordering_key="k", backoff="later"),
                job(3, open_key="k", ordering_key="k"),
                job(4, due=NOW, backoff="network"),
                job(5, due=NOW, backoff="network"),
                job(6, status=Status.FAILED, settled_at=NOW - 10, retained="failed"),
                job(7, status=Status.FAILED, settled_at=NOW - 20, retained="failed"),
                job(8, status=Status.DONE, settled_at=NOW - 30, retained="done"),
                job(9, status=Status.FAILED, settled_at=NOW - 40, open_key="x"),
            ]
        ),
        NOW,
    )

    async def found(**query: Any) -> list[int]:
        return seqs(await store.load(Query(**query)))

    assert await found() == []
    assert await found(ids=frozenset({"job-3", "nobody"})) == [3]
    assert await found(unique_keys=frozenset({"u", "v"})) == [1]
    assert await found(due_after=(-inf, -1), due_limit=10) == [1, 4, 5]
    assert await found(due_after=(-inf, -1), due_limit=1) == [4]
    assert await found(due_after=(NOW, 4), due_limit=10) == [1, 5]
    assert await found(late=((NOW, 5), 10)) == [1]
    assert await found(lines={"k": -1, "nobody": -1}, line_depth=2) == [1, 2]
    assert await found(lines={"k": 1, "x": -1}, line_depth=5) == [2, 3, 9]
    assert await found(status=(Status.FAILED, -1, 10)) == [6, 7, 9]
    assert await found(status=(Status.FAILED, 6, 1)) == [7]
    assert await found(backoff=("network", -1, 10)) == [4, 5]
    assert await found(backoff=("network", 4, 10)) == [5]
    assert await found(retained=(("failed", NOW, 1), ("done", NOW, 9))) == [7, 8]
    assert await found(retained=(("failed", NOW - 15, 9),)) == [7]
    assert await found(ids=frozenset({"job-1"}), lines={"k": -1}, line_depth=1, late=((NOW, -1), 9)) == [
        1,
        4,
        5,
    ]


async def test_keeps_meta_and_the_beat(bench: Bench) -> None:
    """Named values survive an owner; each commit leaves a heartbeat."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(Changes(meta={"holds": {"paused": {"reason": "r", "since": NOW}}}), NOW + 1)
    await store.commit(Changes(meta={"outage": None}), NOW + 2)
    meta = await bench.open().take_over(NOW + 3)
    assert meta["holds"] == {"paused": {"reason": "r", "since": NOW}}
    assert meta["outage"] is None
    assert meta["owner"]["beat_at"] == NOW + 3


async def test_an_owner_that_was_overtaken_writes_nothing(bench: Bench) -> None:
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
        raise AssertionError("the commit of an owner that was overtaken was accepted")
    assert seqs(await new.load(EVERYTHING)) == []
    assert len((await new.load(Query(inbox_after=-1, inbox_limit=10))).commands) == 1
    await new.commit(Changes(jobs=[job(2)]), NOW)
    assert seqs(await new.load(EVERYTHING)) == [2]


async def test_deletes_with_the_rest_of_a_commit(bench: Bench) -> None:
    """Puts and deletes of one commit go together."""
    store = bench.open()
    await store.take_over(NOW)
    await store.commit(Changes(jobs=[job(1), job(2)]), NOW)
    await store.commit(Changes(jobs=[job(3)], deleted=[1]), NOW)
    assert seqs(await store.load(EVERYTHING)) == [2, 3]


async def test_hands_over_whatever_a_command_holds(bench: Bench) -> None:
    """Records of any shape are handed over, or told apart: none of them raises."""
    seqs = [
        await bench.append("enqueue", id="a", payload={}, options=[1]),
        await bench.append("enqueue", id="a", payload={}, bytes=None),
        await bench.append("edit", id=["a"], payload=None),
        await bench.append("enqueue", id="a", payload=[[]]),
    ]
    store = bench.open()
    await store.take_over(NOW)
    loaded = await store.load(Query(inbox_after=-1, inbox_limit=10))
    told = [record["seq"] for record in loaded.commands] + [found.seq for found in loaded.unreadable]
    assert sorted(told) == seqs


async def test_sets_records_aside(bench: Bench) -> None:
    """A record that is set aside leaves its store in the commit."""
    store = bench.open()
    await store.take_over(NOW)
    seq = await bench.append("nonsense")
    await store.commit(Changes(jobs=[job(1), job(2)]), NOW)
    aside = [Unreadable("inbox", seq, "no command"), Unreadable("jobs", 1, "no job")]
    await store.commit(Changes(aside=aside), NOW)
    assert seqs(await store.load(EVERYTHING)) == [2]
    assert (await store.load(Query(inbox_after=-1, inbox_limit=10))).commands == []


CONTRACT = [value for name, value in list(globals().items()) if name.startswith("test_")]
