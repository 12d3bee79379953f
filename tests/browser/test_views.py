"""What a page shows costs the same however long the queue is, and never starves the delivery."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.harness import Board, Chromium, Demo, Site, Tab
from tests.browser.test_page import NONE, WRITE, depths, job, meta

SPY = """
window.transactions = [];
window.read = 0;
const begin = IDBDatabase.prototype.transaction;
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  window.transactions.push(mode);
  return begin.call(this, stores, mode, options);
};
for (const source of [IDBObjectStore, IDBIndex]) {
  for (const method of ["getAll", "getAllKeys"]) {
    const read = source.prototype[method];
    source.prototype[method] = function (range, count) {
      const request = read.call(this, range, count);
      request.addEventListener("success", () => (window.read += request.result.length));
      return request;
    };
  }
  const count = source.prototype.count;
  source.prototype.count = function (...range) {
    window.read += Infinity;
    return count.apply(this, range);
  };
}
"""
"""Notes every transaction that the page begins, and how many records it reads in lists; a count reads all."""

QUIET = """
async (act) => {
  const before = { transactions: transactions.length, read };
  const value = await eval(act)();
  return { value, transactions: transactions.length - before.transactions, read: read - before.read };
}
"""
MANY = 2000


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab with the page's half alone, watched by `SPY`, without an element that reads."""
    chromium.context.add_init_script(SPY)
    tab = Tab(chromium, site.url)
    tab.run("() => document.querySelector('pyqueue-status').remove()")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "installed")
    return tab


def cost(tab: Tab, act: str) -> tuple[int, int]:
    """The transactions and the records in lists that it takes to do something, with nothing else going on."""
    done = tab.run(QUIET, act)
    return done["transactions"], done["read"]


def waiting(count: int, first: int = 1) -> list[dict[str, Any]]:
    """Jobs behind one that failed and keeps its place."""
    keys = {"ordering_key": "key", "open_key": "key"}
    head = job(first, status="failed", error={"code": "network", "message": "No answer."}, **keys)
    return [head, *(job(seq, **keys) for seq in range(first + 1, first + count))]


def enqueues(first: int, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Commands that no worker has seen."""
    return [
        {
            "seq": seq,
            "v": 1,
            "type": "enqueue",
            "at": time.time(),
            "id": f"job-{seq}",
            "task": "comment.create",
            "payload": {"text": "hi"},
            "bytes": 20,
            **fields,
        }
        for seq in range(first, first + count)
    ]


def numbers(stored: int, appended: int) -> dict[str, list[dict[str, Any]]]:
    """The records of `meta` and `pages` for so many jobs that wait."""
    tallies = {
        "open": {"count": stored, "bytes": 20 * stored},
        "admitted": NONE,
        **depths(pending=stored),
        "counters": {},
    }
    pages = meta(appended={"count": appended, "bytes": 20 * appended})
    return {"meta": meta(tallies=tallies), "pages": pages}


def test_all_that_is_asked_in_one_turn_is_one_read(page: Tab) -> None:
    """Explanations of a whole list, the same list twice, single jobs: a transaction for each kind."""
    page.run(WRITE, {"jobs": waiting(MANY)})
    page.run("async () => { window.all = await pyqueue.jobs(); }")
    assert cost(page, "() => Promise.all(all.map((job) => job.explain()))")[0] == 1
    assert cost(page, "() => Promise.all(all.slice(0, 5).map((job) => job.refresh()))")[0] == 1
    # The same list is read once: of each status as many as the limit, and there is one that failed.
    assert cost(page, "() => Promise.all([20, 20, 30].map((limit) => pyqueue.jobs({ limit })))") == (1, 52)
    assert cost(page, "() => Promise.all([1, 2, 3].map(() => pyqueue.stats()))")[0] == 1


@pytest.mark.parametrize(
    "filter",
    [
        "{ limit: 20 }",
        "{ limit: 20, reverse: true }",
        "{ limit: 20, explain: true }",
        "{ limit: 20, status: ['pending', 'sending'] }",
        "{ limit: 20, orderingKey: 'key', status: 'pending' }",
        "{ limit: 20, task: 'comment.create' }",
    ],
)
def test_a_part_of_a_long_queue_is_read_alone(page: Tab, filter: str) -> None:
    """Neither the rest of the jobs nor the commands that wait are read."""
    commands = [*enqueues(MANY + 1, MANY), {**enqueues(2 * MANY + 1, 1)[0], "type": "pause"}]
    page.run(WRITE, {"jobs": waiting(MANY), "inbox": commands, **numbers(MANY, MANY)})
    transactions, read = cost(page, f"() => pyqueue.jobs({filter})")
    assert transactions == 1
    # A pause among them: both ends of the inbox are looked at.
    assert read <= 310
    assert cost(page, "() => pyqueue.stats()") == (1, len(["appended"]))


def test_the_last_jobs_come_first_in_reverse(page: Tab) -> None:
    """Those that the worker has not seen before those that it has."""
    jobs = [job(seq, status="done" if seq % 2 else "pending") for seq in range(1, 1001)]
    page.run(WRITE, {"jobs": jobs, "inbox": enqueues(1001, 3), **numbers(1000, 3)})
    ids = [f"job-{seq}" for seq in range(1003, 0, -1)]
    assert [job["id"] for job in page.call("jobs", {"reverse": True, "limit": 5})] == ids[:5]
    assert [job["id"] for job in page.call("jobs", {"reverse": True})] == ids
    done = page.call("jobs", {"reverse": True, "status": "done", "limit": 2})
    assert [job["id"] for job in done] == ["job-999", "job-997"]
    both = page.call("jobs", {"status": ["done", "pending"]})
    assert [job["id"] for job in both] == ids[::-1]


def test_a_list_explains_itself_as_each_job_does(page: Tab) -> None:
    """Whatever they wait for, in one read."""
    now = time.time()
    jobs = [
        *waiting(3),
        job(4, due=now + 500, not_before=now + 500),
        job(5, due=now + 500, attempts=1, error={"code": "http", "message": "503"}, open_key="other"),
        job(6, open_key="other", ordering_key="other"),
        job(7, status="done"),
        job(8, waits_for="job-4"),
    ]
    page.run(WRITE, {"jobs": jobs, "inbox": enqueues(9, 1)})
    codes = page.run(
        """async () => {
          const jobs = await pyqueue.jobs({ explain: true });
          const alone = await Promise.all(jobs.map(async ({ id }) => (await pyqueue.job(id)).explain()));
          const same = jobs.every(({ explanation }, position) => explanation.code === alone[position].code
            && explanation.behind === alone[position].behind && explanation.until === alone[position].until);
          return same && jobs.map(({ explanation }) => explanation.code);
        }"""
    )
    assert codes == [
        *("failed", "behind", "behind", "delayed", "backoff", "behind", "done", "behind", "not_admitted")
    ]
    assert page.run("async () => (await pyqueue.jobs({ limit: 1 }))[0].explanation === undefined")


def test_what_one_does_to_a_payload_no_other_sees(page: Tab) -> None:
    """Though both asked at once, and one record was read for both."""
    page.run(WRITE, {"jobs": [job(1, status="done", result={"id": 1})]})
    texts = page.run(
        """async () => {
          const [[one], [other]] = await Promise.all([pyqueue.jobs(), pyqueue.jobs()]);
          one.payload.text = "mine";
          const texts = [one.payload.text, other.payload.text];
          const results = await Promise.all([one.result(), other.result()]);
          results[0].id = "mine";
          return [...texts, results[1].id];
        }"""
    )
    assert texts == ["mine", "hi", 1]


@pytest.mark.parametrize("place", [0, 60, 1500], ids=["first", "near the front", "last"])
def test_an_edit_shows_at_once_in_a_long_inbox(page: Tab, place: int) -> None:
    """The ends of the inbox are looked through for what is no enqueue, if the tallies say there is such."""
    commands = enqueues(11, 1500)
    edit = {"v": 1, "type": "edit", "at": 1.0, "id": "job-1", "payload": {"text": "edited"}}
    commands.insert(place, edit)
    numbered = [{**command, "seq": 11 + position} for position, command in enumerate(commands)]
    page.run(WRITE, {"jobs": [job(1), job(2)], "inbox": numbered, **numbers(2, 1500)})
    assert page.job("job-1")["payload"] == {"text": "edited"}
    seen = page.call("jobs", {"limit": 2})
    assert [job["payload"]["text"] for job in seen] == ["edited", "hi"]


def test_a_job_is_found_wherever_it_waits_in_the_inbox(page: Tab) -> None:
    """And it is known when there is none."""
    page.run(WRITE, {"inbox": enqueues(1, MANY), **numbers(0, MANY)})
    ids = ["job-1", f"job-{MANY // 2}", f"job-{MANY}", "nobody"]
    found = page.run("(ids) => Promise.all(ids.map((id) => pyqueue.job(id)))", ids)
    assert [job and job["id"] for job in found] == [*ids[:3], None]
    assert len(page.call("jobs")) == MANY


def test_a_page_that_reads_at_every_change_leaves_the_stores_to_the_worker(page: Tab) -> None:
    """However often it asks: what is asked while a read is on its way is read together, afterwards."""
    page.run(WRITE, {"jobs": waiting(500)})
    asked = """
      async () => {
        const answers = [];
        for (let change = 0; change < 300; change += 1) {
          answers.push(pyqueue.jobs().then((jobs) => Promise.all(jobs.map((job) => job.explain()))));
          if (change % 10 === 0) await new Promise((resolve) => setTimeout(resolve));
        }
        return (await Promise.all(answers)).every((explanations) => explanations.length === 500);
      }
    """
    assert page.run(QUIET, asked)["value"]
    assert cost(page, asked)[0] < 100


WATCH = """
() => {
  window.changes = 0;
  const look = async () => {
    window.changes += 1;
    const jobs = await pyqueue.jobs();
    await Promise.all(jobs.map((job) => job.explain()));
  };
  pyqueue.subscribe(look);
}
"""


def transactions(page: Page) -> int:
    """How many the page has begun to read."""
    return int(page.evaluate("transactions.filter((mode) => mode === 'readonly').length"))


def test_a_watched_queue_is_delivered(chromium: Chromium, demo: Demo) -> None:
    """With the board open, and another tab that explains every job at every change, each job arrives once."""
    chromium.context.add_init_script(SPY)
    board = Board(chromium, demo)
    chromium.wait_for(board.is_installed)
    board.call("pause")
    texts = [f"comment {number}" for number in range(300)]
    board.run(
        "(texts) => pyqueue.enqueueMany(texts.map((text) => ['comment.create', { post_id: 1, text }]))", texts
    )
    board.wait_until_admitted()
    expect(board.page.get_by_test_id("more-comments")).to_have_text("and 250 more on their way")
    assert board.page.get_by_test_id("comment").count() == 50
    other = Board(chromium, demo)
    other.run(WATCH)
    before = transactions(other.page)
    board.call("resume")
    chromium.wait_for(lambda: len(demo.texts()) == 300)
    chromium.wait_for(board.is_settled)
    assert demo.received() == texts
    changes = other.page.evaluate("changes")
    # One a job would be 300 for each change. What is drawn in both tabs, at its own pace, reads besides.
    assert transactions(other.page) - before < 6 * changes + 100
    board.page.bring_to_front()
    expect(board.page.get_by_test_id("more-comments")).to_be_hidden()
    expect(board.page.get_by_test_id("comment").and_(board.page.locator("[data-status=done]"))).to_have_count(
        300
    )
