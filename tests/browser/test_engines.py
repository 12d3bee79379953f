"""What must hold in every engine. The network is cut at the server, for not every driver can cut it.

The tests of an engine share a browser and, but for those with an `annex` of their own, an origin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.harness import Annex, Engine, LastingEngine, Refusal, Shared, Tab
from tests.browser.harness.demo import ROOT

FIVE = [f"comment {number}" for number in range(1, 6)]
UPLOAD = """
async (bytes) => {
  const photo = new Blob([new Uint8Array(bytes)], { type: "image/png" });
  const job = await pyqueue.enqueue("photo.upload", { photo });
  return job.result();
}
"""
WRITE = """
async ([texts, post_id]) => {
  for (const text of texts) await pyqueue.enqueue("comment.create", { post_id, text });
}
"""
STATUS = "document.querySelector('pyqueue-status').shadowRoot.textContent"
SUBMIT = """
([form, field, text]) => {
  document.querySelector(`${form} ${field}`).value = text;
  document.querySelector(form).requestSubmit();
}
"""
KEEP = """
async () => {
  const name = (await caches.keys()).find((name) => name.endsWith(" snapshot"));
  if (!name) return false;
  const cache = await caches.open(name);
  const [request] = await cache.keys();
  if (!request) return false;
  const { headers, body } = await cache.match(request);
  await cache.put(request, new Response(await new Response(body).arrayBuffer(), { headers }));
  return true;
}
"""
"""In an automated WebKitGTK an entry goes with the worker that made it: the page makes it its own."""
HEAR = """
(id) => {
  window.heard = [];
  pyqueue.subscribe(({ jobs = [] }) => {
    window.heard.push(...jobs.filter((job) => job.id === id && job.status).map(({ status }) => status));
  });
}
"""


@pytest.fixture
def server(shared: Shared) -> Annex:
    """The server that the tests of an engine share; `tab` empties it."""
    return shared.server


@pytest.fixture
def tab(shared: Shared, engine: Engine) -> Tab:
    """The board, its queue at rest."""
    return shared.tab()


@pytest.fixture
def open_tab(engine: Engine) -> Iterator[Callable[[str], Tab]]:
    """Opens further tabs, which are closed when the test ends."""
    tabs: list[Tab] = []

    def open_one(url: str) -> Tab:
        tabs.append(Tab(engine, url))
        return tabs[-1]

    yield open_one
    for tab in tabs:
        tab.page.close()


def keys(server: Annex) -> set[str]:
    """The idempotency keys that arrived."""
    return {arrival["key"] for arrival in server.log()}


def test_a_write_is_delivered_by_the_service_worker(
    tab: Tab, server: Annex, engine: Engine, engine_name: str
) -> None:
    """Which has Background Sync in Chromium only."""
    assert tab.result(tab.comment("hi"))["text"] == "hi"
    assert server.received() == ["hi"]
    engine.wait_for(lambda: tab.stats()["backgroundSync"] is (engine_name == "chromium"))
    worker = tab.stats()["worker"]
    assert (worker["mode"], worker["state"]) == ("service-worker", "ready")


def test_what_was_written_without_a_network_arrives_in_order(tab: Tab, server: Annex) -> None:
    """Each once, when there is one again."""
    tab.result(tab.comment("before"))
    server.stop()
    jobs = [tab.comment(text) for text in FIVE]
    tab.wait_for_explanation(jobs[0], "backoff")
    server.start()
    tab.call("flush")
    for job in jobs:
        tab.result(job)
    assert server.texts() == ["before", *FIVE]
    assert server.received() == FIVE


def test_what_is_on_disk_survives_the_browser(lasting: LastingEngine, annex: Annex) -> None:
    """Killed with jobs on their way; the next visit delivers all.

    Also a file, and by a worker that boots from its cache: the server has lost what it needs.
    """
    annex.set_trouble("slow", delay=600)
    lasting.open(annex.page("reports"))
    lasting.wait_for(lambda: annex.reports() and annex.received())
    lasting.kill()
    annex.stop()
    annex.start()
    static = ROOT / "pyqueue" / "static"
    lost = [f"/pyqueue/{path.relative_to(static)}" for path in static.glob("pyodide/*")]
    annex.damage(missing=[*lost, "/pyqueue/main.py", "/pyqueue/pyqueue.whl", "/pyqueue/tasks.py"])
    lasting.reopen()
    lasting.open(annex.url)
    lasting.wait_for(lambda: len(annex.log()) == 3)
    lasting.wait_for(annex.photos)
    assert annex.texts() == ["first", "second"]
    assert annex.photos() == [bytes([1, 2, 3])]


def test_a_refusal_for_a_while_is_tried_again_with_the_same_key(
    tab: Tab, server: Annex, engine: Engine
) -> None:
    """After the wait that the server asked for."""
    server.set_trouble("unavailable", retry_after=1)
    job = tab.comment("patience", retry={"base": 0.1})
    engine.wait_for(lambda: tab.job(job)["attempts"] == 1)
    server.set_trouble()
    tab.result(job)
    assert len(server.log()) >= 2
    assert len(keys(server)) == 1
    assert server.texts() == ["patience"]


def test_an_answer_broken_off_does_not_repeat_the_effect(tab: Tab, server: Annex, engine: Engine) -> None:
    """The next attempt has the same key, and is answered from the record."""
    server.set_trouble("lost")
    job = tab.comment("hi", retry={"base": 0.1})
    engine.wait_for(lambda: tab.job(job)["attempts"] == 1)
    server.set_trouble()
    assert tab.result(job)["text"] == "hi"
    assert server.texts() == ["hi"]
    assert len(keys(server)) == 1
    assert server.log()[-1]["replayed"]


def test_a_refusal_for_good_is_shown_and_can_be_corrected(tab: Tab, engine: Engine) -> None:
    """The server's own words are kept."""
    job = tab.comment("spam")
    failed = tab.wait_for_status(job, "failed")
    assert failed["error"]["status"] == 422
    assert "not welcome here" in failed["error"]["message"]
    engine.wait_for(lambda: "1 needs attention" in tab.page.evaluate(STATUS))
    tab.call("edit", job, {"post_id": 1, "text": "better"})
    assert tab.result(job)["text"] == "better"
    engine.wait_for(lambda: "All saved" in tab.page.evaluate(STATUS))


def test_what_failed_can_be_tried_again(tab: Tab, server: Annex) -> None:
    """Once the server takes it; `result()` is of the new try."""
    server.set_trouble("reject")
    job = tab.comment("again")
    with pytest.raises(Refusal, match="refuses every comment") as refusal:
        tab.result(job)
    assert refusal.value.name == "JobFailed"
    server.set_trouble()
    tab.call("retry", job)
    assert tab.result(job)["text"] == "again"
    assert server.texts() == ["again"]


def test_tabs_share_the_queue(
    tab: Tab, server: Annex, engine: Engine, open_tab: Callable[[str], Tab]
) -> None:
    """What one writes the other sees, and every job is sent once, in order."""
    server.set_trouble("slow", delay=0.1)
    other = open_tab(server.url)
    jobs = [(writer, writer.comment(text, post)) for text in FIVE for post, writer in ((1, tab), (2, other))]
    watched = tab.comment("watched", 1)
    other.page.evaluate(HEAR, watched)
    for writer, job in jobs:
        writer.result(job)
    other.wait_for_status(watched, "done")
    engine.wait_for(lambda: "done" in other.page.evaluate("window.heard"))
    comments = server.comments()
    assert [comment["text"] for comment in comments if comment["post_id"] == 1] == [*FIVE, "watched"]
    assert [comment["text"] for comment in comments if comment["post_id"] == 2] == FIVE
    assert len(server.log()) == 11


def test_closing_a_tab_while_sending_disturbs_nothing(tab: Tab, server: Annex, engine: Engine) -> None:
    """Another one is open: all that the closed one wrote arrives, and nothing is sent a second time."""
    server.set_trouble("slow", delay=0.2)
    other = Tab(engine, server.url)
    other.run(WRITE, [FIVE, 1])
    engine.wait_for(server.received)
    other.page.close()
    engine.wait_for(lambda: len(server.texts()) == 5)
    assert server.received() == FIVE


def test_a_file_is_delivered(tab: Tab, server: Annex, engine_name: str) -> None:
    """Stored as it is, and sent by a task. An automated WebKitGTK keeps no files, and says so."""
    if engine_name == "webkit":
        with pytest.raises(Refusal, match="preparing Blob/File data") as refusal:
            tab.run(UPLOAD, [1, 2, 3])
        assert refusal.value.name == "StoreError"
    else:
        tab.run(UPLOAD, [1, 2, 3])
        assert server.photos() == [bytes([1, 2, 3])]


def test_a_pause_holds_everything(tab: Tab, server: Annex, engine: Engine) -> None:
    """Until it is ended."""
    tab.call("pause", "maintenance")
    engine.wait_for(lambda: tab.stats()["paused"])
    job = tab.comment("later")
    tab.wait_for_explanation(job, "paused")
    tab.reload()
    assert server.received() == []
    tab.call("resume")
    tab.result(job)
    assert server.texts() == ["later"]


def test_the_kill_switch_pauses_and_releases(annex: Annex, open_tab: Callable[[str], Tab]) -> None:
    """The site's operator holds the queue of every browser, with a reason, and lets it go again."""
    annex.set_control(paused=True, reason="moving house")
    tab = open_tab(annex.url)
    job = tab.comment("patience")
    assert "moving house" in tab.wait_for_explanation(job, "kill_switch")["message"]
    assert annex.received() == []
    annex.set_control(paused=False)
    tab.reload()
    assert tab.result(job)["text"] == "patience"


def test_a_form_needs_no_script(tab: Tab, server: Annex, engine: Engine) -> None:
    """Its fields are enqueued, and the page stays."""
    tab.page.evaluate(SUBMIT, ["#attach-form", "[name=text]", "from a form"])
    engine.wait_for(lambda: server.texts() == ["from a form"])
    assert tab.page.evaluate("location.pathname") == "/"
    assert server.received() == ["from a form"]


def test_python_on_the_page_writes_too(
    tab: Tab, server: Annex, engine: Engine, open_tab: Callable[[str], Tab]
) -> None:
    """The board whose script is Python, run by PyScript."""
    python = open_tab(f"{server.url}pyscript")
    engine.wait_for(lambda: "Python is ready" in python.page.evaluate("document.body.textContent"))
    python.page.evaluate(SUBMIT, ["#comment-form", "textarea", "from Python"])
    engine.wait_for(lambda: server.texts() == ["from Python"])


def test_without_service_workers_a_worker_of_the_page_delivers(
    annex: Annex, engine: Engine, open_tab: Callable[[str], Tab]
) -> None:
    """One for all tabs; and the next one's Python is restored from the memory of the first."""
    tab = Tab(engine, annex.page("own"))
    other = open_tab(annex.page("own"))
    for writer in (tab, other):
        writer.result(writer.comment("mine"))
    worker = tab.stats()["worker"]
    assert (worker["mode"], worker["boot"]["restored"]) == ("worker", False)
    engine.wait_for(lambda: other.run(KEEP))
    tab.page.close()
    other.result(other.comment("again"))
    boot = other.stats()["worker"]["boot"]
    assert boot["restored"], boot
    assert boot["milliseconds"] < worker["boot"]["milliseconds"]
    assert annex.texts() == ["mine", "mine", "again"]
