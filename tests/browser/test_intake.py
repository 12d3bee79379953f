"""Whatever another script of the site has written or says: pages show the queue, and the worker delivers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.harness import Annex, Chromium, ServiceWorkers, Site, Tab

PUT = """
async ([database, puts]) => {
  const opening = indexedDB.open(database);
  await new Promise((resolve, reject) => { opening.onsuccess = resolve; opening.onerror = reject; });
  for (const [store, source] of puts) {
    const tx = opening.result.transaction(store, "readwrite");
    tx.objectStore(store).put(new Function(`return ${source}`)());
    await new Promise((resolve, reject) => { tx.oncomplete = resolve; tx.onabort = () => reject(tx.error); });
  }
  opening.result.close();
}
"""
"""Stores records past every check, as any script of the site can."""

LOOK = """
async () => {
  const stats = await pyqueue.stats();
  const jobs = await pyqueue.jobs({ explain: true, limit: 50 });
  await pyqueue.jobs({ reverse: true });
  await pyqueue.labels();
  const job = await pyqueue.enqueue("comment.create", { post_id: 1, text: "hi" });
  await pyqueue.enqueue({ url: "/api/comments", headers: { "x-other": "1" }, body: {} });
  await pyqueue.identify("ada");
  await pyqueue.identify(null);
  const whole = [...Object.values(stats.depth), stats.bytes, stats.attempts, stats.sealed, stats.limits.jobs];
  const times = [stats.oldestPendingAge, stats.nextWakeUp].filter((time) => time !== null);
  const explained = jobs.every(({ explanation }) => typeof explanation.message === "string");
  return {
    isWhole: whole.every((number) => Number.isSafeInteger(number) && number >= 0),
    isTime: times.every(Number.isFinite),
    explained,
    hasLimits: stats.limits.jobs > 0 && stats.limits.payloadBytes > 0,
    isListed: (await pyqueue.job(job.id))?.id === job.id,
  };
}
"""
"""All that a page shows, and a write."""

ANY = ["null", "5", "'x'", "[]", "[null]", "{}", "10n", "new Map()", "new Date(NaN)", "NaN", "undefined"]
NAMED = {
    "tallies": [
        "{ open: null, admitted: null }",
        "{ open: { count: NaN, bytes: -1 }, admitted: { count: 'x', bytes: {}, seq: 'x' } }",
        "{ open: { count: 1n, bytes: 1n }, admitted: { count: 1n, bytes: [], seq: NaN } }",
        "{ open: { count: 2 ** 53 }, people: { a: null, b: { pending: 'x' }, '': { pending: {} } } }",
        "{ people: null, counters: { attempts: NaN, failed: 'x' } }",
    ],
    "holds": [
        "{ paused: null }",
        "{ paused: 5 }",
        "{ unauthorized: { reason: {} } }",
        "{ constructor: null }",
    ],
    "outage": ["{ message: {}, probe_at: NaN }", "{ code: 5, message: 'x', since: 0, probe_at: 'x' }"],
    "schedule": ["{ at: 0, wake_at: NaN }", "{ at: 0, wake_at: 'x' }", "{ at: {}, wake_at: 0 }"],
    "declaration": [
        "{ limits: { jobs: NaN, bytes: 'x', payload_bytes: 0 } }",
        "{ limits: { jobs: 0 }, tasks: { a: null, b: 5, c: { label: {} } } }",
        "{ tasks: 5, csrf: { header: 5, field: {} } }",
        "{ csrf: 'x' }",
    ],
    "identity": [
        "{ principal: {} }",
        "{ principal: 5 }",
        "{ principal: 'a\\nb' }",
        "{ principal: 'x'.repeat(999) }",
    ],
    "appended": ["{ count: 'x', bytes: {} }", "{ count: NaN, bytes: NaN }", "{ count: 1n, bytes: -5 }"],
}
"""By name of a value, what it may be besides `ANY`."""

STORES = {"identity": "pages", "appended": "pages"}


@pytest.mark.parametrize("name", NAMED)
def test_no_named_value_keeps_a_page_from_showing_and_writing(
    chromium: Chromium, site: Site, name: str
) -> None:
    tab = Tab(chromium, site.url)
    tab.call("enqueue", "comment.create", {"post_id": 1, "text": "before"})
    for value in [*ANY, *NAMED[name]]:
        put = [STORES.get(name, "meta"), f"{{ name: '{name}', value: {value} }}"]
        tab.run(PUT, ["pyqueue:/web/", [put]])
        looked = tab.run(LOOK)
        assert all(looked.values()), (value, looked)
    tab.page.get_by_test_id("status").get_by_role("status").filter(has_text="Syncing").wait_for()


def test_limits_hold_again_once_what_was_noted_is_damaged(chromium: Chromium, site: Site) -> None:
    """What is no number lifts no limit for long: counting begins anew."""
    site.declaration = {"limits": {"jobs": 3}, "tasks": {"comment.create": {"label": None}}}
    tab = Tab(chromium, site.url)
    tab.run(PUT, ["pyqueue:/web/", [["pages", "{ name: 'appended', value: { count: NaN, bytes: NaN } }"]]])
    for _ in range(3):
        tab.call("enqueue", "comment.create", {"post_id": 1, "text": "hi"})
    assert tab.stats()["depth"]["pending"] == 3
    refused = tab.run(
        "async () => pyqueue.enqueue('comment.create', {}).then(() => 'taken', (error) => error.name)"
    )
    assert refused == "QueueFull"


JOB = "seq: {seq}, v: 1, id: 'h{seq}', principal: '', status: 'pending', certainty: 'never_sent', attempts: 0"
ODD_JOBS = [
    "created_at: 'x', payload: null",
    "created_at: 1, payload: {}, idempotency_key: 'k', error: 'x'",
    "created_at: 1, payload: {}, idempotency_key: 'k', error: { message: {} }",
    "created_at: NaN, payload: 5, due: 'x'",
    "payload: new Map(), created_at: 1n, waits_for: {}",
    "payload: {}, created_at: 1, idempotency_key: 'k', task: { a: 1 }, ordering_key: []",
]
ODD_COMMANDS = [
    "{ type: 'enqueue' }",
    "{ v: 1, type: 'enqueue', id: {}, payload: null, at: 'x' }",
    "{ v: 1, type: 'enqueue', id: 'c1', payload: {}, at: 1, options: 5 }",
    "{ v: 1, type: 'edit', id: 'c1', payload: 5, at: 1 }",
    "Object.assign([], { type: 'enqueue' })",
    "{ seq: 'x', v: 1, type: 'enqueue', id: 'c2', payload: {}, at: 1 }",
    "{ seq: [1], v: 1, type: 'enqueue', id: 'c3', payload: {}, at: 1 }",
    "{ seq: -5, v: 1, type: 'enqueue', id: 'c4', payload: {}, at: 1 }",
    "{ seq: 0.5, v: 1, type: 'retry', at: 1 }",
    "{ seq: new Date(0), type: null }",
]


def test_no_record_keeps_a_page_from_showing_the_others(chromium: Chromium, site: Site) -> None:
    tab = Tab(chromium, site.url)
    ours = tab.call("enqueue", "comment.create", {"post_id": 1, "text": "ours"})["id"]
    jobs = [["jobs", f"{{ {JOB.format(seq=100 + n)}, {odd} }}"] for n, odd in enumerate(ODD_JOBS)]
    for put in [*jobs, *(["inbox", odd] for odd in ODD_COMMANDS)]:
        tab.run(PUT, ["pyqueue:/web/", [put]])
        looked = tab.run(LOOK)
        assert all(looked.values()), (put, looked)
    assert ours in [job["id"] for job in tab.call("jobs")]
    tab.page.get_by_test_id("status").get_by_role("button").first.click()
    tab.page.get_by_test_id("status").get_by_role("listitem").first.wait_for()
    tab.page.get_by_test_id("status").get_by_role("status").filter(has_text="Syncing").wait_for()


MESSAGES = [
    *ANY[:-1],
    "{ type: null }",
    "{ type: {} }",
    "{ type: 'appended', jobs: 5 }",
    "{ type: 'changed', jobs: [null, 5] }",
    "{ type: 'changed', jobs: { some: 1 } }",
    "{ type: 'worker', state: {} }",
    "{ type: 'worker' }",
    "{ type: 'token_wanted' }",
    "{ type: 'token_wanted', id: {}, source: 'x', name: [] }",
    "{ type: 'token_wanted', id: 'x', source: 'meta', name: '\"]' }",
    "{ type: 'idle', wake_at: {} }",
    "{ type: 'wake' }",
]
SAY = """
async ([channel, sources]) => {
  const other = new BroadcastChannel(channel);
  for (const source of sources) other.postMessage(new Function(`return ${source}`)());
}
"""
HEAR_ERRORS = """
() => {
  window.errors = [];
  window.heard = [];
  addEventListener("error", ({ message }) => window.errors.push(message));
  addEventListener("unhandledrejection", ({ reason }) => window.errors.push(String(reason)));
  pyqueue.subscribe((change) => window.heard.push(change.jobs?.map(({ id }) => id)));
}
"""


def test_no_message_stops_a_page(chromium: Chromium, site: Site) -> None:
    """Of another tab of the origin; what is none of the queue's does not reach the site's own listeners."""
    tab, other = Tab(chromium, site.url), Tab(chromium, site.url)
    tab.page.evaluate(HEAR_ERRORS)
    job = tab.call("enqueue", "comment.create", {"post_id": 1, "text": "before"})["id"]
    other.run(SAY, ["pyqueue:/web/", [*MESSAGES, "{ type: 'changed', jobs: [{ id: 'last' }] }"]])
    chromium.wait_for(lambda: ["last"] in tab.page.evaluate("window.heard"))
    assert tab.page.evaluate("window.errors") == []
    assert isinstance(tab.stats()["worker"]["state"], str)
    assert tab.job(job)["status"] == "pending"


TOKEN = """
() => {
  document.cookie = "csrftoken=secret-cookie; path=/";
  const meta = Object.assign(document.createElement("meta"), { name: "csrf", content: "secret-meta" });
  document.head.append(meta);
}
"""
EAVESDROP = """
async () => {
  window.all = [];
  const channel = new BroadcastChannel("pyqueue:/web/");
  channel.onmessage = ({ data }) => window.all.push(JSON.stringify(data));
  for (const [source, name] of [["cookie", "csrftoken"], ["meta", "csrf"]]) {
    channel.postMessage({ type: "token_wanted", id: "mine", source, name });
  }
  window.channel = channel;
}
"""


def test_a_token_is_never_broadcast(chromium: Chromium, site: Site) -> None:
    """Whoever asks for one as the worker does hears no answer: it goes to the worker alone."""
    tab, other = Tab(chromium, site.url), chromium.open(site.url)
    tab.page.evaluate(TOKEN)
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "installed")
    other.evaluate(EAVESDROP)
    # Behind what was asked: messages of one tab come in order.
    tab.call("enqueue", "comment.create", {"post_id": 1, "text": "behind"})
    chromium.wait_for(lambda: any("appended" in said for said in other.evaluate("window.all")))
    tab.page.evaluate("pyqueue.stats()")
    assert not [said for said in other.evaluate("window.all") if "secret" in said]


@pytest.fixture
def odd(chromium: Chromium, annex: Annex) -> Tab:
    """A tab with a queue whose worker has delivered something."""
    tab = Tab(chromium, annex.page("odd"))
    tab.result(tab.comment("before"))
    return tab


FAR = "9e99"
DISK = [
    "{ name: 'owner', value: { epoch: 'x', beat_at: {} } }",
    "{ name: 'tallies', value: { open: { count: 'x' }, admitted: 5 } }",
    f"{{ name: 'sweeps', value: {{ retry: {{ after: {FAR}, at: 1 }}, flush: {{ after: 0.5, at: 1 }} }} }}",
    "{ name: 'sweeps', value: { clear: { after: 0, after_seq: 0.5, at: 1, whose: { '': 3 } } } }",
    f"{{ name: 'schedule', value: {{ at: {FAR}, wake_at: NaN }} }}",
    "{ name: 'holds', value: { paused: 5, unauthorized: { since: 'x' } } }",
    "{ name: 'outage', value: { code: 'http', message: 'x', since: 0, probe_at: 9e99, probes: 0.5 } }",
    "{ name: 'declaration', value: 5 }",
    "{ name: 'identity', value: { principal: {} } }",
    "{ name: [1, 2], value: 5 }",
    "{ name: 7, value: {} }",
    "{ name: new Uint8Array(3).buffer, value: 10n }",
    "{ name: '__proto__', value: { x: 1 } }",
]


def test_no_named_value_keeps_the_worker_from_delivering(odd: Tab, annex: Annex, chromium: Chromium) -> None:
    """Each with a worker that begins anew."""
    workers = ServiceWorkers(odd.page, "odd_tasks.py")
    for number, value in enumerate([*DISK, "{ name: 'owner', value: { epoch: 2 ** 53, beat_at: NaN } }"]):
        workers.stop()
        odd.run(PUT, ["pyqueue:/annex/pyqueue/", [["meta", value]]])
        odd.result(odd.comment(f"{number}"))
    assert annex.texts() == ["before", *(str(number) for number in range(len(DISK) + 1))]


STRAYS = [
    ["inbox", "{ seq: 'x', v: 1, type: 'enqueue', id: 's1', payload: {}, at: 1 }"],
    ["inbox", "{ seq: [1], v: 1, type: 'enqueue', id: 's2', payload: {}, at: 1 }"],
    ["inbox", "{ seq: new Date(5), v: 1, type: 'flush', at: 1 }"],
    ["inbox", "{ seq: new Uint8Array(2).buffer, v: 1, type: 'flush', at: 1 }"],
    ["inbox", "{ seq: -7, v: 1, type: 'flush', at: 1 }"],
    ["inbox", "{ seq: 1.5, v: 1, type: 'flush', at: 1 }"],
    ["jobs", "{ seq: 'x', v: 1, id: 's3', principal: '', status: 'pending', due: 1 }"],
    ["jobs", "{ seq: [2], v: 1, id: 's4', principal: '', status: 'pending', due: 2 }"],
]


def test_records_at_odd_keys_are_set_aside_and_shown(odd: Tab, annex: Annex, chromium: Chromium) -> None:
    """No command and no job has such a key; they are in nobody's way, and not lost."""
    workers = ServiceWorkers(odd.page, "odd_tasks.py")
    workers.stop()
    odd.run(PUT, ["pyqueue:/annex/pyqueue/", STRAYS])
    odd.result(odd.comment("after"))
    workers.stop()
    odd.result(odd.comment("later"))
    assert annex.texts() == ["before", "after", "later"]
    chromium.wait_for(lambda: odd.stats()["setAside"] == len(STRAYS))
    assert odd.inbox() == 0


SAY_TO_WORKER = """
async (sources) => {
  const registration = await navigator.serviceWorker.getRegistration("/annex/pyqueue/");
  for (const source of sources) registration.active.postMessage(new Function(`return ${source}`)());
}
"""
TO_WORKER = [
    *MESSAGES,
    "{ type: 'wake', reason: {} }",
    "{ type: 'wake', reason: 'x'.repeat(1e6) }",
    "{ type: 'wake', reason: new Map() }",
    "{ type: 'token', id: {}, token: {} }",
    "{ type: 'token' }",
    "{ type: 'token', id: '__proto__', token: 'x' }",
]


def test_no_message_stops_the_worker(odd: Tab, annex: Annex) -> None:
    odd.run(SAY_TO_WORKER, TO_WORKER)
    odd.result(odd.comment("after"))
    assert annex.texts() == ["before", "after"]
    assert odd.stats()["worker"]["state"] != "failed"


ABSENT = "delete Navigator.prototype.serviceWorker"


def test_no_message_stops_the_workers_of_the_tabs(chromium: Chromium, annex: Annex) -> None:
    """Where there is no service worker they speak to each other on a channel of the origin."""
    chromium.context.add_init_script(ABSENT)
    tabs = [Tab(chromium, annex.page("odd")) for _ in range(2)]
    for number, tab in enumerate(tabs):
        tab.result(tab.comment(f"{number}"))
    said = [*ANY[:-1], "{ wake: {} }", "{ wake: 'x'.repeat(1e6) }", "{ done: {}, heard: 5 }"]
    tabs[0].run(SAY, ["pyqueue:/annex/pyqueue/ tabs", said])
    for number, tab in enumerate(tabs):
        tab.result(tab.comment(f"after {number}"))
        assert tab.stats()["worker"]["state"] != "failed"
    assert annex.texts() == ["0", "1", "after 0", "after 1"]


@pytest.mark.parametrize(
    ("tasks", "cause"),
    [
        ("//elsewhere.test/tasks.py", "tasks must be on this site's origin"),
        ("https:elsewhere.test/tasks.py", "tasks must be on this site's origin"),
        ("data:text/x-python,import os", "tasks must be on this site's origin"),
        ("blob:{origin}/0123", "tasks must be on this site's origin"),
        ("filesystem:{origin}/temporary/tasks.py", "tasks must be on this site's origin"),
        ("/annex/redirected_tasks.py", "was redirected to another origin"),
    ],
)
def test_tasks_come_from_the_sites_own_origin_only(
    chromium: Chromium, annex: Annex, tasks: str, cause: str
) -> None:
    """By whatever way they are named, and wherever the server leads."""
    annex.damage(headers={"/annex/odd_tasks.py": {"Access-Control-Allow-Origin": "*"}})
    named = tasks.replace("{origin}", annex.url.rstrip("/"))
    tab = Tab(chromium, annex.entry("/annex/pyqueue/", named))
    job: Any = tab.comment("kept")
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] == "failed")
    assert cause in tab.stats()["worker"]["error"]["message"]
    assert tab.job(job)["status"] == "pending"
