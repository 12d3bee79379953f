"""What may be a payload, a request and an option; anything else is refused where it is passed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.browser.harness import Chromium, Demo, Refusal, Site, Tab

CYCLE = "(() => { const a = {}; a.self = a; return a; })()"
DEEP = "Array.from({ length: 100 }).reduce((inner) => ({ a: inner }), {})"
WIDE = "Array.from({ length: 12 }).reduce((inner) => Array(12).fill(inner), [''])"
PHOTO = "new File(['x'], 'crab.png')"

HOSTILE = {
    "a cycle": (CYCLE, "payload.self contains itself"),
    "a cycle through an array": (
        "(() => { const a = { all: [1] }; a.all.push(a); return a; })()",
        "payload.all[1] contains itself",
    ),
    "too deep": (DEEP, "payload.a.a.a.a.a.a.a.a.a.a… is nested more than 100 deep"),
    "a buffer": ("{ b: new Uint8Array(3).buffer }", "payload.b is of type ArrayBuffer; wrap it in a Blob"),
    "a view": ("{ b: new Uint8Array(3) }", "payload.b is of type Uint8Array; wrap it in a Blob"),
    "a data view": (
        "{ b: new DataView(new ArrayBuffer(1)) }",
        "payload.b is of type DataView; wrap it in a Blob",
    ),
    "a nested file": (f"{{ meta: {{ photo: {PHOTO} }} }}", "payload.meta.photo is a file; files may only be"),
    "a file in a nested array": (f"{{ a: [[{PHOTO}]] }}", "payload.a[0][0] is a file"),
    "a file in an object in an array": (f"{{ a: [{{ b: {PHOTO} }}] }}", "payload.a[0].b is a file"),
    "a date": ("{ when: new Date(0) }", "payload.when is of type Date; use its toISOString()"),
    "a map": ("{ m: new Map([[1, 2]]) }", "payload.m is of type Map; use Object.fromEntries(map)"),
    "a set": ("{ tags: new Set([1]) }", "payload.tags is of type Set; use [...set]"),
    "a pattern": ("{ p: /x/ }", "payload.p is of type RegExp; use its source"),
    "an error": ("{ e: new TypeError('x') }", "payload.e is an error; use its message"),
    "a BigInt": ("{ n: 1n }", "payload.n is a BigInt; use its text"),
    "a symbol": ("{ s: Symbol('x') }", "payload.s is a symbol; leave it out"),
    "a function": ("{ f: () => 1 }", "payload.f is a function; leave it out"),
    "an instance": ("{ i: new (class Crab {})() }", "payload.i is of type Crab; copy what you need"),
    "an object that inherits": ("{ o: Object.create({ a: 1 }) }", "payload.o is of type Object; copy"),
    "boxed text": ("{ t: new String('x') }", "payload.t is of type String; use the plain text"),
    "a promise": ("{ p: Promise.resolve(1) }", "payload.p is of type Promise"),
    "a node": ("{ node: document.body }", "payload.node is of type HTMLBodyElement"),
    "files of an input": (
        "{ f: Object.assign(document.createElement('input'), { type: 'file' }).files }",
        "payload.f is of type FileList; use [...files]",
    ),
    "nested form data": ("{ f: new FormData() }", "payload.f is of type FormData; pass it as the whole"),
    "not a number": ("{ a: [1, NaN] }", "payload.a[1] is NaN: JSON has no such number; use null"),
    "infinite": ("{ n: -Infinity }", "payload.n is -Infinity"),
    "half a pair": ("{ t: '\\ud83e' }", "payload.t has half of a surrogate pair; use toWellFormed()"),
    "half a pair in a name": ("{ 'a\\udd80': 1 }", "has half of a surrogate pair"),
    "undefined in an array": ("{ tags: ['a', 'b', undefined] }", "payload.tags[2] is undefined; use null"),
    "a hole": ("{ tags: [1, , 3] }", "payload.tags[1] is undefined; use null"),
    "a huge sparse array": ("{ a: new Array(4e9) }", "payload.a[0] is undefined"),
    "a getter that raises": (
        "{ get a() { throw new Error('no crab') } }",
        "payload.a cannot be read: no crab",
    ),
    "a proxy that raises": (
        "{ p: new Proxy({}, { ownKeys() { throw new Error('no keys') } }) }",
        "payload.p cannot be read: no keys",
    ),
    "a proxy that is revoked": (
        "(() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; })()",
        "cannot be read",
    ),
    "no real file": ("{ b: Object.create(Blob.prototype) }", "payload.b cannot be read"),
    "a name that is no identifier": ("{ 'a b': { c: 1n } }", 'payload["a b"].c is a BigInt'),
    "an array": ("[1, 2]", "a payload must be a plain object or FormData, not a value of type Array"),
    "text": ("'text'", 'a payload must be a plain object or FormData, not "text"'),
    "a number": ("7", "not 7"),
    "a function alone": ("() => 1", "not a function"),
    "a date alone": ("new Date()", "not a value of type Date"),
    "Math": ("Math", "not a value of type Math"),
}

SOUND = {
    "nothing": ("undefined", {}, 8),
    "text in UTF-8": ("{ t: 'é🦀' }", {"t": "é🦀"}, 8 + 1 + 6),
    "scalars": ("{ a: 1.5, b: true, c: null }", {"a": 1.5, "b": True, "c": None}, 8 + 3 * (1 + 8)),
    "containers": ("{ a: [1, { b: 'x' }] }", {"a": [1, {"b": "x"}]}, 8 + 1 + 8 + 8 + 8 + 1 + 1),
    "undefined fields": ("{ a: undefined, b: 1 }", {"b": 1}, 8 + 1 + 8),
    "no prototype": ("Object.assign(Object.create(null), { a: 1 })", {"a": 1}, 8 + 1 + 8),
    "the same object twice": (
        "(() => { const a = { x: 1 }; return { p: a, q: a }; })()",
        {"p": {"x": 1}, "q": {"x": 1}},
        8 + 2 * (1 + 8 + 1 + 8),
    ),
    "an own __proto__": ('JSON.parse(\'{"__proto__": {"a": 1}}\')', {"__proto__": {"a": 1}}, 34),
    "an array with a name": ("{ a: Object.assign([1], { extra: new Map() }) }", {"a": [1]}, 8 + 1 + 8 + 8),
    "a hundred deep": ("Array.from({ length: 99 }).reduce((inner) => ({ a: inner }), {})", None, 899),
    "of another window": (
        "document.body.appendChild(document.createElement('iframe')).contentWindow.eval('({ a: [1] })')",
        {"a": [1]},
        8 + 1 + 8 + 8,
    ),
}

STORED = """
async (id) => {
  const { openDatabase } = await import("/web/schema.js");
  const db = await openDatabase();
  const reading = db.transaction("inbox").objectStore("inbox").getAll();
  const all = await new Promise((resolve) => (reading.onsuccess = () => resolve(reading.result)));
  db.close();
  const { payload, bytes } = all.find((command) => command.id === id);
  return { bytes, text: JSON.stringify(payload) };
}
"""


@pytest.fixture
def page(chromium: Chromium, site: Site) -> Tab:
    """A tab with the page's half alone."""
    return Tab(chromium, site.url)


def refusal(tab: Tab, call: str) -> Refusal:
    """The error of a call, that leaves nothing behind."""
    before = tab.inbox()
    with pytest.raises(Refusal) as refusal:
        tab.run(f"() => pyqueue.{call}")
    assert tab.inbox() == before
    return refusal.value


def test_a_payload_that_cannot_be_sent_is_refused_by_its_place(page: Tab) -> None:
    """At each of the three calls that take one; the message names the value's path and what to do instead."""
    job = page.comment("to be edited")
    for case, (payload, message) in HOSTILE.items():
        for call in (
            f"enqueue('comment.create', {payload})",
            f"enqueueMany([['comment.create', {{ text: 'fine' }}], ['comment.create', {payload}]])",
            f"edit('{job}', {payload})",
        ):
            error = refusal(page, call)
            assert error.name == "InvalidPayload", (case, call)
            assert message in error.message, (case, call)
    assert [waiting["payload"] for waiting in page.call("jobs")] == [
        {"post_id": 1, "text": "to be edited"},
    ]


def test_a_sound_payload_is_stored_as_it_is_with_its_size(page: Tab) -> None:
    """The size is counted by the rule that Python has: UTF-8 bytes of texts, 8 for each other value."""
    for case, (payload, stored, size) in SOUND.items():
        job = page.run(f"async () => (await pyqueue.enqueue('comment.create', {payload})).id")
        command = page.run(STORED, job)
        assert command["bytes"] == size, case
        if stored is not None:
            assert json.loads(command["text"]) == stored, case


def test_an_own_field_called_proto_stays_one(page: Tab) -> None:
    """It is data like any other, in an object and in a form."""
    assert page.run(
        """async () => {
          const form = new FormData();
          form.append("__proto__", "x");
          const jobs = await pyqueue.enqueueMany([
            ["t", JSON.parse('{"a": {"__proto__": {"b": 1}}}')],
            ["t", form],
          ]);
          return jobs.map(({ payload }) => JSON.stringify(payload));
        }"""
    ) == ['{"a":{"__proto__":{"b":1}}}', '{"__proto__":"x"}']


def test_files_are_stored_where_they_may_stand(page: Tab) -> None:
    """As a field, or in an array that is a field; each counts with its size."""
    assert page.run(
        """async () => {
          const photo = new File(["12345"], "crab.png");
          const job = await pyqueue.enqueue("t", { photo, more: [photo, new Blob(["1"])] });
          const { more } = (await pyqueue.job(job.id)).payload;
          return [more.map((file) => file.size), (await pyqueue.stats()).bytes];
        }"""
    ) == [[5, 1], 8 + 5 + 5 + 4 + 8 + 5 + 1]


def test_a_getter_is_read_once_and_later_changes_do_not_count(page: Tab) -> None:
    """What was checked is what is stored."""
    assert page.run(
        """async () => {
          let reads = 0;
          const payload = { get text() { reads += 1; return reads === 1 ? "first" : 1n; }, list: [1] };
          const enqueued = pyqueue.enqueue("t", payload);
          payload.list.push(new Map());
          return [(await enqueued).payload, reads];
        }"""
    ) == [{"text": "first", "list": [1]}, 1]


def test_a_small_value_that_would_be_huge_as_json_is_refused_at_once(page: Tab) -> None:
    """Twelve arrays of twelve, each the same, twelve times: 9 trillion texts."""
    assert refusal(page, f"enqueue('t', {{ a: {WIDE} }})").name == "PayloadTooLarge"


REQUESTS = {
    "no url": ("{ url: undefined }", "a request needs a url"),
    "no http": ("{ url: 'file:///etc' }", "is not an http(s) URL"),
    "no address": ("{ url: 'http://' }", "is not a URL"),
    "credentials": (
        "{ url: 'http://me:secret@localhost/' }",
        "a URL with a user name or password is",
    ),
    "an unknown field": ("{ url: '/x', payload: 1 }", "a request has no payload"),
    "a method that fetch refuses": ("{ url: '/x', method: 'TRACE' }", "no such request can be sent"),
    "a method that is none": ("{ url: '/x', method: 'a b' }", "no such request can be sent"),
    "a method that is no text": ("{ url: '/x', method: 1 }", "request.method must be text"),
    "a body with GET": ("{ url: '/x', method: 'GET', body: 'x' }", "no such request can be sent"),
    "a header that is no text": ("{ url: '/x', headers: { n: 1 } }", "request.headers.n must be text"),
    "a header with a line": ("{ url: '/x', headers: { n: 'a\\nb' } }", "no such request can be sent"),
    "a header beyond Latin-1": ("{ url: '/x', headers: { n: '🦀' } }", "no such request can be sent"),
    "a name that is none": ("{ url: '/x', headers: { 'a b': 'c' } }", "no such request can be sent"),
    "a header of the browser's": (
        "{ url: '/x', headers: { Cookie: 'a=b' } }",
        "request.headers.Cookie: cookies are not stored",
    ),
    "a header that fetch leaves out": (
        "{ url: '/x', headers: { Referer: '/' } }",
        "a page may not set the header Referer",
    ),
    "a name in two cases": ("{ url: '/x', headers: { 'X-A': '1', 'x-a': '2' } }", "in different case"),
    "headers in a list": ("{ url: '/x', headers: [['a', 'b']] }", "request.headers must be a plain object"),
    "a cycle in the body": (f"{{ url: '/x', body: {CYCLE} }}", "request.body.self contains itself"),
    "a nested file": (
        f"{{ url: '/x', body: {{ meta: {{ photo: {PHOTO} }} }} }}",
        "request.body.meta.photo is a file",
    ),
    "a file in a list": (f"{{ url: '/x', body: [{PHOTO}] }}", "request.body[0] is a file"),
    "a date in the body": ("{ url: '/x', body: { when: new Date() } }", "request.body.when is of type Date"),
    "a stream": ("{ url: '/x', body: new Blob(['x']).stream() }", "request.body is of type ReadableStream"),
    "nothing": ("null", "a job needs a task's name or a request, not null"),
    "a date": ("new Date()", "a job needs a task's name or a request, not a value of type Date"),
}

OPTIONS = {
    "{ orderingkey: 'a' }": "there is no option orderingkey",
    "{ constructor: 1 }": "there is no option constructor",
    "{ orderingKey: 7 }": "option orderingKey must be null or text of at most 1000 characters, not 7",
    "{ orderingKey: 'x'.repeat(1001) }": "option orderingKey must be",
    "{ orderingKey: '\\ud83e' }": "option orderingKey must be",
    "{ uniqueKey: null }": "option uniqueKey must be text",
    "{ idempotencyKey: 'x'.repeat(256) }": "option idempotencyKey must be 1 to 255 printable ASCII",
    "{ idempotencyKey: 'é' }": "option idempotencyKey must be",
    "{ onConflict: 'merge' }": "option onConflict must be keep or replace",
    "{ delay: -1 }": "option delay must be seconds",
    "{ delay: 315360001 }": "option delay must be seconds, at most 315360000",
    "{ delay: '5' }": "option delay must be seconds",
    "{ expires: 0 }": "option expires must be seconds",
    "{ timeout: 86401 }": "option timeout must be seconds, at most 86400",
    "{ timeout: Infinity }": "option timeout must be seconds",
    "{ retry: 3 }": "option retry must be an object",
    "{ retry: { maxAttempts: 1.5 } }": "retry.maxAttempts must be a whole number from 1 to 1000",
    "{ retry: { maxAttempts: 1001 } }": "retry.maxAttempts must be",
    "{ retry: { cap: 86401 } }": "retry.cap must be seconds, at most 86400",
    "{ retry: { base: 1n } }": "retry.base must be seconds",
    "{ retry: { jitter: 1 } }": "there is no retry.jitter",
    "5": "options must be an object, not 5",
    "{ get delay() { throw new Error('no delay') } }": "cannot be read: no delay",
}


def test_a_request_that_cannot_be_made_is_refused(page: Tab) -> None:
    """The browser's own rules for methods and headers, and a payload's rules for the body."""
    for case, (request, message) in REQUESTS.items():
        error = refusal(page, f"enqueue({request})")
        assert error.name == "InvalidPayload", case
        assert message in error.message, case


def test_each_kind_of_body_is_stored(page: Tab) -> None:
    """Bytes are wrapped in a `Blob`, a form becomes fields, the rest stays what it is."""
    assert page.run(
        """async () => {
          const form = new FormData();
          form.append("a", "1");
          const bodies = ["text", new Uint8Array(3), new Blob(["12"]), form, [1, { a: null }], 7, null];
          const shown = [];
          for (const body of bodies) {
            const { payload } = await pyqueue.enqueue({ url: "/x", method: "patch", body });
            shown.push(payload.body instanceof Blob ? `blob ${payload.body.size}` : payload.body);
            if (payload.method !== "PATCH") throw new Error(payload.method);
          }
          return shown;
        }"""
    ) == ["text", "blob 3", "blob 2", {"a": "1"}, [1, {"a": None}], 7, None]


def test_a_wrong_option_is_refused_with_its_rule(page: Tab) -> None:
    """Unknown names, wrong kinds, and times that no timer and no clock can count."""
    for options, message in OPTIONS.items():
        error = refusal(page, f"enqueue('t', {{}}, {options})")
        assert error.name == "InvalidPayload", options
        assert message in error.message, options
    largest = "{ delay: 315360000, timeout: 86400, retry: { maxAttempts: 1000 } }"
    page.run(f"() => pyqueue.enqueue('t', {{}}, {largest})")


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("enqueue('')", "InvalidPayload"),
        ("enqueue('\\ud83e')", "InvalidPayload"),
        ("enqueueMany('t')", "InvalidPayload"),
        ("enqueueMany([null])", "InvalidPayload"),
        ("enqueueMany([{ task: 't', option: {} }])", "InvalidPayload"),
        ("pause({ a: 1n })", "InvalidPayload"),
        ("pause('x'.repeat(1001))", "InvalidPayload"),
        ("cancel()", "UnknownJob"),
        ("discard({ id: 1 })", "UnknownJob"),
        ("retry(null)", "UnknownJob"),
        ("edit(undefined, {})", "UnknownJob"),
    ],
)
def test_no_other_call_stores_what_the_worker_cannot_read(page: Tab, call: str, name: str) -> None:
    assert refusal(page, call).name == name


def test_what_the_server_declares_holds_before_any_worker_has_booted(chromium: Chromium, site: Site) -> None:
    """A fresh profile takes a file as large as the site allows, and knows a misspelt task."""
    site.declaration = {
        "limits": {"payload_bytes": 20 << 20, "jobs": 10_000, "bytes": 100 << 20},
        "tasks": {"photo.upload": {"label": "Photo"}, "comment.create": {"label": None}},
    }
    tab = Tab(chromium, site.url)
    assert tab.stats()["limits"]["payloadBytes"] == 20 << 20
    assert tab.call("labels") == {"photo.upload": "Photo"}
    tab.run("() => pyqueue.enqueue('photo.upload', { photo: new Blob([new Uint8Array(3 << 20)]) })")
    error = refusal(tab, "enqueue('photo.uplaod', {})")
    assert error.name == "UnknownTask"
    assert error.message == "there is no task photo.uplaod; there are photo.upload, comment.create"
    assert refusal(tab, "enqueue('constructor', {})").name == "UnknownTask"
    tab.run("() => pyqueue.enqueue({ url: '/x' })")


def test_the_next_job_is_delivered_after_hostile_ones_were_refused(tab: Tab, demo: Demo) -> None:
    """Nothing of them reaches the worker."""
    hostile: list[Any] = [CYCLE, "{ b: new Uint8Array(3).buffer }", f"{{ meta: {{ photo: {PHOTO} }} }}"]
    for payload in hostile:
        assert refusal(tab, f"enqueue('comment.create', {payload})").name == "InvalidPayload"
    tab.result(tab.comment("next"))
    assert demo.texts() == ["next"]
