"""Whatever stands on disk, written by another script of the site or damaged: the rest is delivered."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyqueue import Queue, Status
from pyqueue._record import encode
from pyqueue.testing import Simulation
from pyqueue.testing.server import json_response
from tests.unit.board import board

DAY = 86_400.0
SCALARS = st.sampled_from(
    [
        None,
        True,
        False,
        -1,
        0,
        1,
        0.5,
        2**53 - 1,
        2**53,
        1e308,
        -1e308,
        nan,
        inf,
        "",
        "x",
        "\ud800",
        "9" * 300,
    ]
)
NAMES = st.sampled_from(["__proto__", "constructor", "", "0", "x", "count", "bytes", "seq", "at"])
HOSTILE = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(NAMES, parts, max_size=3),
    max_leaves=6,
)


def shaped(**fields: Any) -> Any:
    """Almost right: the fields of a record, some missing, each right or hostile."""
    return st.fixed_dictionaries(
        {}, optional={name: st.just(right) | HOSTILE for name, right in fields.items()}
    )


SWEEP = shaped(after=3, after_seq=-1, at=1.8e9, whose={"": 5})
META = {
    "tallies": shaped(
        open={"count": 1, "bytes": 5},
        admitted={"count": 1, "bytes": 5, "seq": 1},
        depth={"pending": 1},
        counters={"attempts": 1},
        people={"": {"pending": 1}},
    ),
    "holds": shaped(paused={"reason": "x"}, unauthorized={"since": "x"}, kill_switch=5),
    "outage": shaped(code="http", message="x", since=1.8e9, probe_at=9e99, probes=1),
    "sweeps": st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("clear", "clock", "flush", "mend", "retry", "revive"), SWEEP | HOSTILE)
    ),
    "declaration": shaped(limits={"jobs": 0}, tasks={}),
    "schedule": shaped(wake_at=9e99, at=9e99),
    "identity": shaped(principal="a\nb"),
    "worker": HOSTILE,
    "owner": shaped(epoch=5, beat_at=9e99),
}
STORED = st.fixed_dictionaries({}, optional={name: right | HOSTILE for name, right in META.items()})


def in_time(sim: Simulation, job: str) -> None:
    """The job is delivered within a day, in which pages are open."""
    for _ in range(24):
        sim.run(DAY / 24)
        found = [record for record in sim.disk.jobs.values() if record.get("id") == job]
        if found and found[0]["status"] == Status.DONE:
            return
    pytest.fail(f"the job is {found}")


@settings(deadline=None)
@given(STORED)
@example({"sweeps": {"retry": {"after": 1e308, "at": 1.0}}})
@example({"sweeps": {"clear": {"after": 0, "after_seq": 0.5, "at": 1.0, "whose": {"": 5}}}})
@example({"owner": {"epoch": "x", "beat_at": nan}})
def test_no_named_value_stops_the_queue(stored: dict[str, Any]) -> None:
    with Simulation(board()) as sim:
        before = sim.enqueue("comment", {"post": 1, "n": 1})
        sim.wake()
        sim.disk.meta.update(stored)
        sim.restart()
        job = sim.enqueue("comment", {"post": 2, "n": 2})
        if (stored.get("identity") or {}) != {}:
            sim.identify("")
        sim.command("resume")
        in_time(sim, job)
        assert sim.job(before).status is Status.DONE


COMMAND = {
    "v": 1,
    "type": "enqueue",
    "at": 1.8e9,
    "id": "job",
    "task": "comment",
    "payload": {"post": 1, "n": 1},
    "bytes": 2,
    "reason": "x",
    "principal": "",
    "options": {},
}
OPTIONS = shaped(
    ordering_key="k",
    idempotency_key="i",
    unique_key="u",
    on_conflict="keep",
    delay=1,
    expires=1,
    timeout=1,
    retry={},
)
COMMANDS = st.tuples(
    st.sampled_from(["enqueue", "cancel", "retry", "discard", "edit", "clear", "flush", "identify", "x"]),
    st.dictionaries(st.sampled_from(list(COMMAND)), HOSTILE, max_size=2),
    OPTIONS,
).map(lambda made: {**COMMAND, "type": made[0], "options": made[2], **made[1]})


@settings(deadline=None)
@given(st.lists(COMMANDS, max_size=4))
@example([{**COMMAND, "at": 1e308, "options": {"delay": 1.0}}])
@example([{**COMMAND, "id": "\n", "task": "comment"}])
def test_no_command_stops_the_others(commands: list[dict[str, Any]]) -> None:
    with Simulation(board()) as sim:
        for command in commands:
            sim.disk.last_seq += 1
            sim.disk.inbox[sim.disk.last_seq] = {**command, "seq": sim.disk.last_seq}
        sim.wake()
        sim.identify("")
        sim.command("resume")
        job = sim.enqueue("comment", {"post": "another", "n": 2})
        in_time(sim, job)


FIELDS = {
    **dict.fromkeys(
        ("id", "idempotency_key", "task"), st.sampled_from(["", "x", "\n", "\ud800", "é", "9" * 300])
    ),
    **dict.fromkeys(("ordering_key", "waits_for", "superseded_by"), HOSTILE),
    **dict.fromkeys(("created_at", "expires_at", "sent_at", "wait", "timeout", "not_before"), SCALARS),
    **dict.fromkeys(("attempts", "bytes", "edit_bytes", "edit_seq"), SCALARS),
    **dict.fromkeys(("payload", "edit_payload", "options", "retry", "error", "refusal", "result"), HOSTILE),
    **dict.fromkeys(("v", "certainty", "cancel_requested", "forgotten"), HOSTILE),
    "status": st.sampled_from(["pending", "sending", "failed", "done", "x"]),
}
CHANGES = st.lists(st.sampled_from(list(FIELDS)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)


@settings(deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=3))
@example([{"created_at": 1e308, "expires_at": -1e308}])
@example([{"status": "sending", "idempotency_key": "\n"}])
def test_no_record_of_a_job_stops_the_others(changes: list[dict[str, Any]]) -> None:
    with Simulation(board()) as sim:
        damaged = [sim.enqueue("comment", {"post": n, "n": n}, delay=5) for n in range(len(changes))]
        sim.wake()
        records = [encode(sim.job(job_id)) for job_id in damaged]
        for record, changed in zip(records, changes, strict=True):
            # No store has two jobs of one id.
            own = {"id": f"{record['seq']}{changed['id']}"} if "id" in changed else {}
            sim.disk.put({**record, **changed, **own})
        sim.restart()
        in_time(sim, sim.enqueue("comment", {"post": "another", "n": 9}))


@pytest.mark.parametrize(
    "flag",
    [
        {"paused": 1, "reason": "x" * 10**6},
        {"paused": "yes", "reason": {"a": "\ud800" * 9999}},
        {"paused": [0]},
    ],
    ids=["long", "object", "list"],
)
def test_what_a_kill_switch_says_is_bounded(flag: Any) -> None:
    """It pauses, whatever else it says; what is kept and shown is a sentence."""
    queue = Queue(kill_switch="/flag.json")
    queue.http("comment", "POST", "/comments")
    with Simulation(queue) as sim:
        sim.server.handle = lambda request: json_response(200, flag)
        sim.enqueue("comment", {})
        sim.wake()
        hold = sim.disk.meta["holds"]["kill_switch"]
        assert len(hold["reason"]) <= 500
        json.dumps(hold).encode().decode()
        hold["reason"].encode()


def test_what_a_page_says_of_a_pause_is_bounded(sim: Simulation) -> None:
    sim.command("pause", reason="x\ud800" * 10**6)
    sim.wake()
    reason = sim.disk.meta["holds"]["paused"]["reason"]
    assert len(reason) <= 500
    reason.encode()
