"""What must hold in every engine. The network is cut at the server, for not every driver can cut it."""

from __future__ import annotations

import pytest

from tests.browser.harness import Annex, Chromium, Firefox, Refusal, Tab, WebKit

Engine = Chromium | Firefox | WebKit

FIVE = [f"comment {number}" for number in range(1, 6)]
UPLOAD = """
async (bytes) => {
  const photo = new Blob([new Uint8Array(bytes)], { type: "image/png" });
  const job = await pyqueue.enqueue("photo.upload", { photo });
  return job.result();
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
def tab(engine: Engine, annex: Annex) -> Tab:
    """A tab with the demo's board."""
    return Tab(engine, annex.url)


def test_the_first_write_of_a_visit_is_delivered(tab: Tab, annex: Annex, engine: Engine) -> None:
    """By a service worker, which the page finds awake then."""
    assert tab.result(tab.comment("hi"))["text"] == "hi"
    assert annex.received() == ["hi"]
    worker = tab.stats()["worker"]
    assert (worker["mode"], worker["state"]) == ("service-worker", "ready")


def test_what_was_written_without_a_network_arrives_in_order(tab: Tab, annex: Annex, engine: Engine) -> None:
    """Each once, when there is one again."""
    tab.result(tab.comment("before"))
    annex.stop()
    jobs = [tab.comment(text) for text in FIVE]
    tab.wait_for_explanation(jobs[0], "backoff")
    annex.start()
    tab.call("flush")
    for job in jobs:
        tab.result(job)
    assert annex.texts() == ["before", *FIVE]
    assert annex.received() == FIVE


def test_a_write_survives_the_browser(tab: Tab, annex: Annex, engine: Engine) -> None:
    """Killed with a job on its way and one behind it; the next visit delivers both."""
    if isinstance(engine, WebKit):
        pytest.skip("an automated WebKitGTK keeps no profile")
    annex.set_trouble("slow", delay=600)
    jobs = [tab.comment(text) for text in ("first", "second")]
    engine.wait_for(annex.received)
    engine.kill()
    annex.stop()
    annex.start()
    engine.reopen()
    tab = Tab(engine, annex.url)
    for job in jobs:
        engine.wait_for(lambda job=job: tab.job(job)["status"] == "done")
    assert annex.texts() == ["first", "second"]


def test_a_refusal_for_a_while_is_tried_again_with_the_same_key(
    tab: Tab, annex: Annex, engine: Engine
) -> None:
    """After the wait that the server asked for."""
    annex.set_trouble("unavailable", retry_after=1)
    job = tab.comment("patience", retry={"base": 0.1})
    engine.wait_for(lambda: tab.job(job)["attempts"] == 1)
    annex.set_trouble()
    tab.result(job)
    assert len(annex.log()) >= 2
    assert len({arrival["key"] for arrival in annex.log()}) == 1
    assert annex.texts() == ["patience"]


def test_a_refusal_for_good_is_shown_and_can_be_corrected(tab: Tab, annex: Annex, engine: Engine) -> None:
    """The server's own words are kept."""
    job = tab.comment("spam")
    failed = tab.wait_for_status(job, "failed")
    assert failed["error"]["status"] == 422
    engine.wait_for(lambda: "1 needs attention" in tab.page.evaluate(STATUS))
    tab.call("edit", job, {"post_id": 1, "text": "better"})
    assert tab.result(job)["text"] == "better"
    engine.wait_for(lambda: "All saved" in tab.page.evaluate(STATUS))


def test_tabs_share_the_queue(tab: Tab, annex: Annex, engine: Engine) -> None:
    """What one writes the other sees, and every job is sent once, in order."""
    annex.set_trouble("slow", delay=0.1)
    other = Tab(engine, annex.url)
    jobs = [(writer, writer.comment(text, post)) for text in FIVE for post, writer in ((1, tab), (2, other))]
    watched = tab.comment("watched", 1)
    other.page.evaluate(HEAR, watched)
    for writer, job in jobs:
        writer.result(job)
    other.wait_for_status(watched, "done")
    engine.wait_for(lambda: "done" in other.page.evaluate("window.heard"))
    comments = annex.comments()
    assert [comment["text"] for comment in comments if comment["post_id"] == 1] == [*FIVE, "watched"]
    assert [comment["text"] for comment in comments if comment["post_id"] == 2] == FIVE
    assert len(annex.log()) == 11


def test_a_file_is_delivered(tab: Tab, annex: Annex, engine: Engine) -> None:
    """Stored as it is, and sent by a task. An automated WebKitGTK keeps no files, and says so."""
    pixel = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
        "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
    )
    if isinstance(engine, WebKit):
        with pytest.raises(Refusal, match="preparing Blob/File data") as refusal:
            tab.run(UPLOAD, list(pixel))
        assert refusal.value.name == "StoreError"
    else:
        assert tab.run(UPLOAD, list(pixel))["id"] == 1


def test_a_pause_holds_everything(tab: Tab, annex: Annex, engine: Engine) -> None:
    """Until it is ended."""
    tab.call("pause", "maintenance")
    engine.wait_for(lambda: tab.stats()["paused"])
    job = tab.comment("later")
    tab.wait_for_explanation(job, "paused")
    tab.page.reload()
    tab.page.wait_for_function("window.pyqueue")
    assert annex.received() == []
    tab.call("resume")
    tab.result(job)
    assert annex.texts() == ["later"]


def test_a_form_needs_no_script(tab: Tab, annex: Annex, engine: Engine) -> None:
    """Its fields are enqueued, and the page stays."""
    tab.page.evaluate(SUBMIT, ["#attach-form", "[name=text]", "from a form"])
    engine.wait_for(lambda: annex.texts() == ["from a form"])
    assert tab.page.evaluate("location.pathname") == "/"
    assert annex.received() == ["from a form"]


def test_python_on_the_page_writes_too(engine: Engine, annex: Annex) -> None:
    """The board whose script is Python, run by PyScript."""
    tab = Tab(engine, f"{annex.url}pyscript")
    engine.wait_for(lambda: "Python is ready" in tab.page.evaluate("document.body.textContent"))
    tab.page.evaluate(SUBMIT, ["#comment-form", "textarea", "from Python"])
    engine.wait_for(lambda: annex.texts() == ["from Python"])


def test_without_service_workers_a_worker_of_the_page_delivers(engine: Engine, annex: Annex) -> None:
    """One for all tabs; and the next one's Python is restored from the memory of the first."""
    tab = Tab(engine, annex.page("own"))
    other = Tab(engine, annex.page("own"))
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
