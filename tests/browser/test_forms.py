"""`<form data-pyqueue="task">`: a form that needs no script of the site's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pyqueue.testing.plugin import Network
from tests.browser.harness import Annex, Board, Chromium, Demo, Refusal, Site, Tab

FIELDS = """
<form id="late" data-pyqueue="comment.create" data-pyqueue-unique-key="late">
  <input name="post_id" value="7"><input name="text" value="added later"><button>Send</button>
</form>
"""


SHADOW_ALL = """
() => {
  const form = document.createElement("form");
  form.id = "shadowing";
  form.dataset.pyqueue = "comment.create";
  const names = new Set();
  for (let held = form; held; held = Object.getPrototypeOf(held)) {
    for (const name of Object.getOwnPropertyNames(held)) names.add(name);
  }
  document.body.append(form);
  document.addEventListener("pyqueue:enqueued", ({ detail }) => { window.taken = detail.job.id; });
  for (const name of names) {
    const input = document.createElement("input");
    input.name = name;
    HTMLFormElement.prototype.append.call(form, input);
    input.value = `typed into ${name}`;
  }
  HTMLFormElement.prototype.requestSubmit.call(form);
  return [...names];
}
"""
"""A field for every property that a form has, its methods and those of all elements among them."""

SHADOWED = """
async () => {
  const { payload } = await pyqueue.job(window.taken);
  const left = [...document.querySelectorAll("#shadowing input")].filter(({ value }) => value);
  return { payload: Object.entries(payload), left: left.map(({ name }) => name) };
}
"""


def fill(page: Page, text: str, photo: Path | None = None) -> None:
    """Fills the form for a comment with a photo, and sends it."""
    page.get_by_test_id("attach-text").fill(text)
    if photo is not None:
        page.get_by_test_id("attach-photo").set_input_files(photo)
    page.get_by_test_id("attach-submit").click()


def test_a_form_enqueues_its_fields(
    board: Board, demo: Demo, network: Network, wait_for: Callable[..., Any]
) -> None:
    """Offline it stays on the page, empties itself, and the comment arrives later."""
    network.offline()
    fill(board.page, "two anemones")
    wait_for(lambda: board.stats()["depth"]["pending"] == 1)
    assert board.page.get_by_test_id("attach-text").input_value() == ""
    assert board.page.url == demo.url
    network.online()
    wait_for(demo.comments)
    assert demo.comments() == [{"id": 1, "post_id": "1", "text": "two anemones"}]
    assert len(demo.log()) == 1


@pytest.mark.parametrize("trouble", ["unavailable", "lost"])
def test_a_form_with_a_file_arrives_once_though_its_first_attempt_failed(
    tab: Tab, demo: Demo, wait_for: Callable[..., Any], photo: Path, trouble: str
) -> None:
    """Each attempt sends the same bytes, so the server knows the second for a repetition of the first."""
    demo.set_trouble(trouble)
    fill(tab.page, "a crab", photo)
    wait_for(demo.log)
    demo.set_trouble()
    wait_for(lambda: tab.stats()["depth"]["done"] == 1)
    first, second = demo.log()[:1] + demo.log()[-1:]
    assert first["key"] == second["key"]
    assert first["body"] == second["body"]
    assert second["body"]["photo"] == {"filename": "crab %22one claw%22.png", "bytes": photo.stat().st_size}
    assert second["replayed"] is (trouble == "lost")
    (comment,) = demo.comments()
    assert comment["text"] == "a crab"
    picture = tab.page.request.get(f"{demo.url.rstrip('/')}{comment['photo']}")
    assert picture.body() == photo.read_bytes()


def test_a_form_that_was_added_later_enqueues_too(tab: Tab, demo: Demo, wait_for: Callable[..., Any]) -> None:
    """The site may draw its forms whenever it likes, and tells the queue its options by attributes."""
    tab.call("pause")
    tab.page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", FIELDS)
    tab.page.locator("#late button").click()
    wait_for(lambda: len(tab.call("jobs")) == 1)
    tab.page.locator("#late button").click()
    wait_for(lambda: len(tab.call("jobs")) == 2)
    tab.call("resume")
    wait_for(demo.comments)
    assert demo.comments() == [{"id": 1, "post_id": "7", "text": "added later"}]
    tab.wait_until_admitted()
    assert len(demo.log()) == 1


def test_a_forms_fields_may_have_any_name(chromium: Chromium, site: Site) -> None:
    """A field hides the form's own property of its name, which is not missed: all are taken, and emptied."""
    tab = Tab(chromium, site.url)
    names = tab.page.evaluate(SHADOW_ALL)
    assert {"reset", "submit", "action", "dataset", "method", "elements", "__proto__"} < set(names)
    tab.page.wait_for_function("window.taken")
    taken = tab.run(SHADOWED)
    assert dict(taken["payload"]) == {name: f"typed into {name}" for name in names}
    assert taken["left"] == []
    assert tab.page.url == site.url


def test_a_form_says_why_it_was_not_taken(tab: Tab, demo: Demo, tmp_path: Path) -> None:
    """A photo over the cap stays in the form, with the reason under it."""
    large = tmp_path / "large.png"
    large.write_bytes(bytes(2 << 20))
    fill(tab.page, "too much", large)
    complaint = tab.page.get_by_test_id("attach-form").get_by_role("alert")
    complaint.filter(has_text="one job may have 1048576").wait_for()
    assert tab.page.get_by_test_id("attach-text").input_value() == "too much"
    assert tab.call("jobs") == []
    tab.page.get_by_test_id("attach-photo").set_input_files([])
    tab.page.get_by_test_id("attach-submit").click()
    complaint.wait_for(state="detached")
    tab.result(tab.call("jobs")[0]["id"])
    assert demo.texts() == ["too much"]


def test_without_the_script_a_form_submits_as_any_other(chromium: Chromium, demo: Demo, photo: Path) -> None:
    """Where pyqueue.js does not load, the browser posts the form to its action."""
    chromium.context.route("**/pyqueue/pyqueue.js", lambda route: route.abort())
    page = chromium.open(demo.url)
    with page.expect_navigation():
        fill(page, "the old way", photo)
    assert page.url == demo.url
    (comment,) = demo.comments()
    assert comment["text"] == "the old way"
    assert comment["photo"]
    assert [(arrival["path"], arrival["key"]) for arrival in demo.log()] == [("/comments", None)]


REFUSED = """
IDBFactory.prototype.open = () => {
  throw new DOMException("The operation is insecure.", "SecurityError");
};
"""
"""A frame of another site, in a browser that keeps such frames from storing."""

ABSENT = "Object.defineProperty(window, 'indexedDB', { value: undefined })"


@pytest.mark.parametrize(
    ("script", "reason"),
    [(REFUSED, "IndexedDB is refused here"), (ABSENT, "has no IndexedDB")],
    ids=["refused", "absent"],
)
def test_where_nothing_can_be_stored_a_form_submits_as_any_other(
    chromium: Chromium, demo: Demo, script: str, reason: str
) -> None:
    """And the queue says that it cannot work here."""
    chromium.context.add_init_script(script)
    tab = Tab(chromium, demo.url)
    with pytest.raises(Refusal, match=reason) as refusal:
        tab.comment("hi")
    assert refusal.value.name == "NotSupported"
    with tab.page.expect_navigation():
        fill(tab.page, "the old way")
    assert demo.texts() == ["the old way"]
    assert [(arrival["path"], arrival["key"]) for arrival in demo.log()] == [("/comments", None)]


FRAME = """
() => {
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts allow-forms";
  frame.srcdoc = `
    <script type="module" src="/pyqueue/pyqueue.js"></` + `script>
    <form data-pyqueue="comment.create" action="/comments" method="post">
      <input name="post_id" value="1"><button name="text" value="the old way">Send</button>
    </form>`;
  document.body.append(frame);
}
"""
ENQUEUE = """
async (args) => {
  try {
    await pyqueue.enqueue(...args);
  } catch ({ name }) {
    return name;
  }
}
"""


def test_in_a_sandboxed_frame_a_form_submits_as_any_other(chromium: Chromium, annex: Annex) -> None:
    """Such a frame is of no origin, and may keep nothing; what the clicked button says is sent too."""
    annex.damage(headers={"/pyqueue/pyqueue.js": {"Access-Control-Allow-Origin": "*"}})
    page = chromium.open(annex.page("odd"))
    page.evaluate(FRAME)
    (frame,) = page.frames[1:]
    frame.wait_for_function("window.pyqueue")
    for job in (["comment.create", {"post_id": 1}], [{"url": "api/comments"}]):
        assert frame.evaluate(ENQUEUE, job) == "NotSupported"
    with page.expect_event("framenavigated"):
        frame.get_by_role("button").click()
    chromium.wait_for(annex.texts)
    assert annex.texts() == ["the old way"]
    assert [arrival["path"] for arrival in annex.log()] == ["/comments"]
