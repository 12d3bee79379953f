"""What the page's half shows of the records that the worker writes, and when it wakes the worker.

The worker here only listens, so that each record is exactly as the test says.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Chromium, Site, Tab

WRITE = """
async (records) => {
  const { openDatabase } = await import("/web/schema.js");
  const db = await openDatabase();
  const tx = db.transaction(["inbox", "jobs", "meta", "pages", "aside"], "readwrite");
  for (const [store, all] of Object.entries(records)) {
    for (const record of all) tx.objectStore(store).put(record);
  }
  await new Promise((resolve, reject) => { tx.oncomplete = resolve; tx.onabort = () => reject(tx.error); });
  db.close();
  const channel = new BroadcastChannel("pyqueue:/web/");
  channel.postMessage({ type: "changed", jobs: [], holds: {} });
  channel.close();
}
"""

HEAR = """
() => {
  window.wakes = [];
  new BroadcastChannel("wakes").onmessage = ({ data }) => window.wakes.push(data);
}
"""

DEPTH = {"pending": 0, "sending": 0, "done": 0, "failed": 0, "cancelled": 0, "expired": 0}
NONE = {"count": 0, "bytes": 0}
TALLIES: dict[str, Any] = {"open": NONE, "admitted": NONE, "depth": DEPTH, "counters": {}}


def depths(**counts: int) -> dict[str, Any]:
    """The part of the tallies that counts jobs: all of them nobody's."""
    return {"depth": {**DEPTH, **counts}, "people": {"": counts}}


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab with the page's half alone, its worker installed."""
    tab = Tab(chromium, site.url)
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "installed")
    return tab


def meta(**values: Any) -> list[dict[str, Any]]:
    """Records of `meta`."""
    return [{"name": name, "value": value} for name, value in values.items()]


def job(seq: int = 1, **fields: Any) -> dict[str, Any]:
    """The record of a pending job."""
    return {
        "seq": seq,
        "v": 1,
        "id": f"job-{seq}",
        "principal": "",
        "task": "comment.create",
        "payload": {"text": "hi"},
        "bytes": 20,
        "status": "pending",
        "certainty": "never_sent",
        "created_at": time.time(),
        "idempotency_key": f"job-{seq}",
        "attempts": 0,
        **fields,
    }


def test_the_numbers_come_from_the_tallies_and_the_inbox(page: Tab) -> None:
    """Nothing is counted: neither jobs nor commands."""
    tallies = {
        "open": {"count": 3, "bytes": 300},
        "admitted": {"count": 4, "bytes": 400},
        **depths(pending=2, sending=1, failed=1),
        "counters": {"attempts": 9, "retries": 5, "failed": 2, "pruned": 7, "pruned_failed": 1, "refused": 3},
    }
    appended = {"count": 6, "bytes": 650}
    page.run(WRITE, {"meta": meta(tallies=tallies), "pages": meta(appended=appended)})
    stats = page.stats()
    assert stats["depth"] == {**DEPTH, "pending": 4, "sending": 1, "failed": 1}
    assert stats["bytes"] == 550
    assert (stats["inFlight"], stats["attempts"], stats["retries"], stats["permanentFailures"]) == (
        1,
        9,
        5,
        2,
    )
    assert (stats["pruned"], stats["prunedFailed"], stats["refused"]) == (7, 1, 3)


def test_the_caps_count_what_is_open_and_what_waits_in_the_inbox(page: Tab) -> None:
    """By the limits that the worker left, where the server declares none; no task's name is refused."""
    declaration = {"limits": {"payload_bytes": 500, "jobs": 3, "bytes": 1000}, "tasks": {"known": {}}}
    tallies = {**TALLIES, "open": {"count": 1, "bytes": 900}}
    page.run(WRITE, {"meta": meta(declaration=declaration, tallies=tallies)})
    assert page.stats()["limits"] == {"payloadBytes": 500, "jobs": 3, "bytes": 1000}
    refused = "(size) => pyqueue.enqueue('unknown', { t: 'x'.repeat(size) }).catch(({ name }) => name)"
    assert page.run(refused, 600) == "PayloadTooLarge"
    assert page.run(refused, 200) == "QueueFull"
    page.run("() => pyqueue.enqueueMany([['unknown'], ['unknown']])")
    assert page.run(refused, 1) == "QueueFull"


def test_an_outage_is_told_everywhere(page: Tab) -> None:
    """In the numbers, in each job's explanation, and to the person."""
    now = time.time()
    outage = {"code": "http", "message": "503 Unavailable", "since": now, "probe_at": now + 60}
    jobs = [
        job(1, due=now - 5),
        job(2, due=now + 500, attempts=1, error={"code": "http", "message": "503"}),
        job(3, due=now + 500),
    ]
    tallies = {**TALLIES, **depths(pending=3)}
    page.run(WRITE, {"jobs": jobs, "meta": meta(outage=outage, tallies=tallies)})
    assert page.stats()["outage"] == {
        "code": "http",
        "message": "503 Unavailable",
        "since": now,
        "nextTryAt": now + 60,
    }
    explanations = [page.explain(f"job-{seq}") for seq in (1, 2, 3)]
    assert [explanation["code"] for explanation in explanations] == ["outage", "outage", "delayed"]
    assert explanations[0]["until"] == now + 60
    assert "The server has trouble (503 Unavailable); next try in" in explanations[0]["message"]
    status = page.page.get_by_test_id("status").get_by_role("status")
    expect(status).to_have_text("The server has trouble; 3 saved here")
    page.run(WRITE, {"meta": meta(outage=None)})
    assert page.stats()["outage"] is None
    assert page.explain("job-1")["code"] == "due"


@pytest.mark.parametrize("kind", ["paused", "unauthorized", "kill_switch"])
def test_a_hold_comes_before_all_other_reasons(page: Tab, kind: str) -> None:
    """Its kind is the explanation's code."""
    holds = {kind: {"reason": "moving house", "since": 1.0}}
    page.run(WRITE, {"jobs": [job()], "meta": meta(holds=holds, outage={"probe_at": 1, "message": "x"})})
    assert page.explain("job-1")["code"] == kind
    assert page.stats()["paused"] is True


def test_a_job_waits_behind_the_one_that_it_replaces(page: Tab) -> None:
    """As long as that is being sent."""
    page.run(WRITE, {"jobs": [job(1, status="sending"), job(2, waits_for="job-1")]})
    assert page.explain("job-2")["code"] == "behind"
    assert page.explain("job-2")["behind"] == "job-1"


def test_a_command_is_seen_before_the_worker_has_carried_it_out(page: Tab) -> None:
    """An edit shows at once, unless the answer of an attempt decides whether it comes in time."""
    error = {"code": "http", "message": "422"}
    jobs = [job(1), job(2, status="failed", error=error), job(3, status="sending"), job(4, status="done")]
    page.run(WRITE, {"jobs": jobs})
    for seq in (1, 2, 3, 4):
        page.call("edit", f"job-{seq}", {"text": "edited"})
    page.call("cancel", "job-1")
    waiting = page.run(
        """async () => {
          const { id } = await pyqueue.enqueue("comment.create", { text: "new" });
          await pyqueue.edit(id, { text: "edited" });
          return (await pyqueue.job(id)).payload;
        }"""
    )
    assert waiting == {"text": "edited"}
    seen = [page.job(f"job-{seq}") for seq in (1, 2, 3, 4)]
    assert [(job["status"], job["payload"]["text"]) for job in seen] == [
        ("pending", "edited"),
        ("pending", "edited"),
        ("sending", "hi"),
        ("done", "hi"),
    ]
    assert len(page.call("jobs", {"status": "pending"})) == 3
    assert page.call("jobs", {"status": "failed"}) == []


def test_a_list_is_read_no_further_than_asked(page: Tab) -> None:
    """In the order of the enqueues, whatever the filter."""
    keys = [f"key-{seq % 2}" for seq in range(2501)]
    jobs = [job(seq, ordering_key=keys[seq], open_key=keys[seq]) for seq in range(1, 2501)]
    page.run(WRITE, {"jobs": jobs})
    assert [job["id"] for job in page.call("jobs", {"limit": 2})] == ["job-1", "job-2"]
    odd = page.call("jobs", {"status": "pending", "orderingKey": "key-1", "limit": 2})
    assert [job["id"] for job in odd] == ["job-1", "job-3"]
    assert len(page.call("jobs", {"status": ["pending", "failed"]})) == 2500
    assert len(page.call("jobs")) == 2500


def test_what_was_set_aside_is_counted_and_shown(page: Tab) -> None:
    """It keeps nothing else from being seen."""
    record = {"from": "jobs", "seq": 3, "reason": "status is 7", "at": 5.0, "record": {"seq": 3, "status": 7}}
    page.run(WRITE, {"aside": [record, {**record, "seq": 4}]})
    assert page.stats()["setAside"] == 2
    assert page.call("setAside")[0] == {
        "from": "jobs",
        "reason": "status is 7",
        "at": 5.0,
        "record": {"seq": 3, "status": 7},
    }
    status = page.page.get_by_test_id("status")
    status.get_by_role("button", name="All saved").click()
    expect(status.get_by_role("listitem")).to_have_text(
        ["Everything is on the server.", "2 records could not be read and were set aside."]
    )


def test_the_list_shows_labels_and_what_could_not_be_done(page: Tab) -> None:
    """A task's label stands for its name; a damaged job spoils no row, and has none."""
    refusal = {"command": "edit", "message": "The edit came after the delivery.", "at": 5.0}
    error = {"code": "http", "message": "Too long."}
    jobs = [
        job(1, status="failed", error=error, refusal=refusal),
        job(2, task="photo.upload", payload={}, ordering_key="a", open_key="a", due=1),
        job(3, task=None, payload=None),
    ]
    tallies = {**TALLIES, **depths(pending=2, failed=1)}
    declaration = {"tasks": {"comment.create": {"label": "Comment"}, "photo.upload": {}}}
    page.run(WRITE, {"jobs": jobs, "meta": meta(tallies=tallies, declaration=declaration)})
    assert page.job("job-1")["refusal"] == refusal
    status = page.page.get_by_test_id("status")
    status.get_by_role("button", name="1 needs attention").click()
    rows = status.get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Comment")
    expect(rows.nth(0)).to_contain_text("Too long.")
    expect(rows.nth(0)).to_contain_text("The edit came after the delivery.")
    expect(rows.nth(1)).to_contain_text("photo.upload")


def wind_and_hear(tab: Tab) -> float:
    """Loads the page with a clock to be wound, and hears why the worker is woken; returns the time."""
    tab.page.clock.install()
    tab.page.reload()
    tab.page.wait_for_function("window.pyqueue")
    tab.page.evaluate(HEAR)
    return float(tab.page.evaluate("Date.now() / 1000"))


def wakes(tab: Tab) -> list[str]:
    """Why the worker was woken since `HEAR`, what is on its way awaited."""
    tab.page.wait_for_timeout(300)
    heard: list[str] = tab.page.evaluate("window.wakes")
    return heard


IDLE = "() => new BroadcastChannel('pyqueue:/web/').postMessage({ type: 'idle' })"


@pytest.mark.parametrize(
    ("records", "woken"),
    [
        ({"schedule": {"wake_at": 3600, "at": -1}, "inbox": True}, True),
        ({"schedule": {"wake_at": 3600, "at": 60}, "pending": {}}, True),
        ({"schedule": {"wake_at": 3600, "at": -1}, "pending": {"due": -1}}, True),
        ({"schedule": {"wake_at": 3600, "at": -1}, "pending": {"status": "sending"}}, True),
        ({"schedule": {"wake_at": -86400, "at": -90000}, "pending": {}}, True),
        ({"schedule": {"at": -1}, "pending": {}}, True),
        ({"pending": {}}, True),
        ({"schedule": {"wake_at": 3600, "at": -1}, "pending": {"due": 3600}}, False),
        ({"schedule": {"wake_at": 4e9, "at": -1}, "pending": {"due": 4e9}}, False),
        ({"schedule": {"wake_at": 3600, "at": -1}, "pending": {"status": "done"}}, False),
    ],
    ids=[
        "a newer command",
        "the clock was set back",
        "a newer job that is due",
        "its worker died while sending",
        "its time is long over",
        "no time and a job",
        "no schedule",
        "its time has not come",
        "its time is beyond any timer",
        "no work",
    ],
)
def test_silence_wakes_the_worker_unless_a_schedule_that_holds_says_otherwise(
    page: Tab, records: dict[str, Any], woken: bool
) -> None:
    """Times are relative to now. The page looks after half a minute without a word."""
    now = wind_and_hear(page)
    written: dict[str, list[dict[str, Any]]] = {}
    if schedule := records.get("schedule"):
        written["meta"] = meta(schedule={name: now + value for name, value in schedule.items()})
    if (fields := records.get("pending")) is not None:
        due = {"due": now + fields["due"]} if "due" in fields else {}
        written["jobs"] = [job(1, **{**fields, **due})]
    if records.get("inbox"):
        written["inbox"] = [{"v": 1, "type": "flush", "at": now}]
    page.run(WRITE, written)
    assert wakes(page) == []
    page.page.clock.fast_forward(31_000)
    assert wakes(page) == (["timer"] if woken else [])


def test_a_worker_that_ends_is_woken_when_its_schedule_says_so(page: Tab) -> None:
    """Not before, and soon for a command that it has not seen."""
    now = wind_and_hear(page)
    page.run(
        WRITE, {"meta": meta(schedule={"wake_at": now + 600, "at": now - 1}), "jobs": [job(due=now + 600)]}
    )
    page.page.evaluate(IDLE)
    assert wakes(page) == []
    page.page.clock.fast_forward(500_000)
    assert wakes(page) == []
    page.page.clock.fast_forward(101_000)
    assert wakes(page) == ["timer"]
    page.run(WRITE, {"meta": meta(schedule={"at": now}), "inbox": [{"v": 1, "type": "flush", "at": now}]})
    page.page.evaluate(IDLE)
    assert wakes(page) == ["timer"]
    page.page.clock.fast_forward(31_000)
    assert wakes(page) == ["timer", "timer"]


def test_a_worker_that_ends_with_nothing_to_wait_for_is_left_alone(page: Tab) -> None:
    """A held queue does not boot Python again and again."""
    now = wind_and_hear(page)
    page.run(WRITE, {"meta": meta(schedule={"at": now - 1}), "jobs": [job(due=now - 5)]})
    page.page.evaluate(IDLE)
    assert wakes(page) == []
    page.page.clock.fast_forward(3_600_000)
    assert wakes(page) == []
