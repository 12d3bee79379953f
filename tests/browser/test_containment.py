"""Nothing of one job stops another: in a real worker, on Pyodide's Python."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.harness import Annex, Chromium, Tab

APPEND = """
async (sources) => {
  const opening = indexedDB.open("pyqueue:/annex/pyqueue/");
  await new Promise((resolve, reject) => { opening.onsuccess = resolve; opening.onerror = reject; });
  const tx = opening.result.transaction("inbox", "readwrite");
  for (const source of sources) {
    const command = { v: 1, at: Date.now() / 1000, bytes: 8, ...new Function(`return ${source}`)() };
    tx.objectStore("inbox").add(command);
  }
  await new Promise((resolve, reject) => { tx.oncomplete = resolve; tx.onabort = () => reject(tx.error); });
  opening.result.close();
}
"""
"""Stores commands past every check, as a hostile page can."""

CYCLE = "(() => { const a = {}; a.self = a; return a; })()"
DEEP = "(() => { let a = {}; for (let i = 0; i < 1500; i++) a = { a }; return a; })()"

RUBBISH = [
    "{ type: 'enqueue', id: 'x1', task: 'comment.create', payload: {}, options: [1] }",
    "{ type: 'enqueue', id: 'x2', task: 'comment.create', payload: {}, bytes: null }",
    "{ type: 'enqueue', id: 'x3', payload: {}, options: { retry: { max_attempts: 0 } } }",
    "{ type: 'enqueue', id: 'x4', payload: {}, options: { delay: Infinity } }",
    "{ type: 'enqueue', id: 5, payload: {} }",
    f"{{ type: 'enqueue', id: 'x6', payload: {{}}, options: {CYCLE} }}",
    f"{{ type: 'enqueue', id: 'x7', payload: {{}}, options: {DEEP} }}",
    "{ type: 'enqueue', id: 'x8', payload: {}, options: { n: 10n } }",
    "{ type: 'retry', id: new Map() }",
    "{ type: 'edit', id: 'x9', payload: 'text' }",
]
"""Commands that are none."""

STATUSES = """
async () => {
  const jobs = await pyqueue.jobs({ limit: 50 });
  return jobs.filter(({ id }) => id[0] === "h").map(({ id, status }) => [id, status]);
}
"""

HOSTILE = [
    f"{{ type: 'enqueue', id: 'h1', task: 'comment.create', payload: {CYCLE} }}",
    "{ type: 'enqueue', id: 'h2', task: 'comment.create', payload: { b: new Uint8Array(3).buffer } }",
    "{ type: 'enqueue', id: 'h3', task: 'comment.create', payload: { n: 10n } }",
    f"{{ type: 'enqueue', id: 'h4', task: 'segment', payload: {{ post: {CYCLE}, id: 1 }} }}",
    "{ type: 'enqueue', id: 'h5', task: 'comment.create', payload: new Map() }",
    f"{{ type: 'enqueue', id: 'h6', task: 'exits', payload: {{ a: {DEEP} }} }}",
]
"""Commands with payloads that no page of this version stores."""


@pytest.fixture
def odd(chromium: Chromium, annex: Annex) -> Tab:
    """A tab with a queue whose tasks have mistakes."""
    return Tab(chromium, annex.page("odd"))


def delivers(odd: Tab, annex: Annex, text: str) -> None:
    """The queue still delivers, and its worker has not failed."""
    odd.result(odd.comment(text))
    assert text in annex.texts()
    assert odd.stats()["worker"]["state"] != "failed"


def test_commands_that_are_none_are_set_aside_and_shown(odd: Tab, annex: Annex, chromium: Chromium) -> None:
    """They are counted and can be read, and are not in the way, also after a restart."""
    odd.run(APPEND, RUBBISH)
    delivers(odd, annex, "after the rubbish")
    assert odd.stats()["setAside"] == len(RUBBISH)
    assert odd.inbox() == 0
    assert odd.run("async () => (await pyqueue.setAside()).length") == len(RUBBISH)
    chromium.kill()
    chromium.reopen()
    delivers(Tab(chromium, annex.page("odd")), annex, "after a restart")


def test_payloads_of_another_making_stop_nothing(odd: Tab, annex: Annex, chromium: Chromium) -> None:
    """Each ends, and can be discarded; what comes behind is delivered."""
    odd.run(APPEND, HOSTILE)
    delivers(odd, annex, "after the payloads")
    statuses = dict(odd.run(STATUSES))
    assert set(statuses.values()) <= {"failed", "done"}
    failed = [job_id for job_id, status in statuses.items() if status == "failed"]
    assert "h1" in failed
    for job_id in failed:
        odd.call("discard", job_id)
    chromium.wait_for(lambda: "failed" not in dict(odd.run(STATUSES)).values())


@pytest.mark.parametrize(
    ("task", "status", "certainty"),
    [
        ("exits", "failed", "never_sent"),
        ("cancelled", "failed", "never_sent"),
        ("later", "pending", "never_sent"),
        ("odd result", "done", "applied"),
        ("deep", "done", "applied"),
        ("date", "pending", "maybe_applied"),
    ],
)
def test_an_attempt_always_ends_in_an_outcome(
    odd: Tab, annex: Annex, task: str, status: str, certainty: str
) -> None:
    """Whatever a task's code raises or returns, and whatever the server answers."""
    job = str(odd.call("enqueue", task, {})["id"])
    delivers(odd, annex, "behind it")
    ended = odd.wait_for_status(job, status)
    assert (ended["certainty"], ended["attempts"]) == (certainty, 1)


def test_a_task_that_never_waits_for_anything_leaves_the_others_their_turn(odd: Tab, annex: Annex) -> None:
    """What it awaits is always ready; the answers of others come in tasks of JavaScript's own."""
    spinning = str(odd.call("enqueue", "spins", {})["id"])
    odd.wait_for_status(spinning, "sending")
    delivers(odd, annex, "beside it")
    assert odd.job(spinning)["status"] == "sending"
    odd.call("enqueue", "releases", {})
    ended = odd.wait_for_status(spinning, "done")
    assert ended["attempts"] == 1


def test_a_classify_that_answers_nonsense_leaves_done_what_was_done(odd: Tab, annex: Annex) -> None:
    """The table decides, as if there were no `classify`."""
    payload: dict[str, Any] = {"post_id": 1, "text": "classified"}
    odd.result(str(odd.call("enqueue", "classified", payload)["id"]))
    assert annex.texts() == ["classified"]


@pytest.mark.parametrize("value", ["..", ".", "", "%2e%2e", "../../admin"])
def test_a_value_never_leaves_its_segment_of_the_url(odd: Tab, annex: Annex, value: str) -> None:
    """A value that would be another path fails its job before anything leaves; others are encoded."""
    job = str(odd.call("enqueue", "segment", {"post": 1, "id": value})["id"])
    delivers(odd, annex, "behind it")
    failed = odd.wait_for_status(job, "failed")
    if value in ("..", ".", ""):
        assert (failed["error"]["code"], failed["certainty"]) == ("template", "never_sent")
    else:
        assert failed["error"]["status"] in (404, 405)
