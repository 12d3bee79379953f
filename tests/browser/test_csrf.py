"""The queue before a real Django site with CSRF protection and a login that makes a new token."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import SOURCES, Chromium, DjangoSite, Engine, Tab

WaitFor = Callable[..., Any]

RECORDS = """
async () => {
  const found = [];
  for (const { name } of await indexedDB.databases()) {
    const opening = indexedDB.open(name);
    await new Promise((resolve) => (opening.onsuccess = resolve));
    const db = opening.result;
    for (const store of db.objectStoreNames) {
      const reading = db.transaction(store).objectStore(store).getAll();
      await new Promise((resolve) => (reading.onsuccess = resolve));
      found.push(...reading.result);
    }
    db.close();
  }
  return found;
}
"""
"""All records of all stores."""

BEGIN_READING = """
() => {
  window.heard = [];
  new BroadcastChannel("pyqueue:/pyqueue/").onmessage = ({ data }) => window.heard.push(data);
}
"""
"""What a page that only listens gets to hear."""


@pytest.fixture
def django(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DjangoSite]:
    """A Django site whose queue takes its token from the source that a test is parametrized with."""
    site = DjangoSite(tmp_path)
    source, _, hidden = getattr(request, "param", "cookie").partition(", ")
    site.is_hidden = bool(hidden)
    site.declare(source)
    site.start()
    yield site
    site.close()


def sign_in(page: Page, django: DjangoSite, name: str) -> None:
    """Logs in, as a person does. Django makes a new token, in the cookie and for every form."""
    page.goto(f"{django.url}login/")
    page.locator("input[name=name]").fill(name)
    page.get_by_test_id("login").click()
    expect(page.get_by_test_id("who")).to_have_text(name)


def sign_in_unseen(chromium: Chromium, django: DjangoSite, name: str) -> None:
    """The same with no page, and while the pages have no network."""
    request = chromium.context.request
    request.get(f"{django.url}login/")
    token = next(c["value"] for c in chromium.context.cookies() if c["name"] == "csrftoken")
    form = {"name": name, "csrfmiddlewaretoken": token}
    assert request.post(f"{django.url}login/", form=form).ok


def write(tab: Tab, text: str) -> None:
    """Fills the form, and sends it."""
    tab.page.get_by_test_id("text").fill(text)
    tab.page.get_by_test_id("send").click()
    expect(tab.page.get_by_test_id("text")).to_have_value("")


def tokens(tab: Tab) -> set[str]:
    """The tokens that the browser has of the site: of the cookie, and of the page."""
    cookies = {c["value"] for c in tab.page.context.cookies() if c["name"] == "csrftoken"}
    page = tab.page.locator("input[name=csrfmiddlewaretoken], meta[name=csrf-token]")
    return cookies | set(page.evaluate_all("(all) => all.map(({ value, content }) => value ?? content)"))


def open_tab(chromium: Chromium, django: DjangoSite, wait_for: WaitFor) -> Tab:
    """The site, with Ada signed in and the worker installed."""
    sign_in(chromium.context.new_page(), django, "ada")
    tab = Tab(chromium, django.url)
    wait_for(lambda: tab.stats()["worker"]["state"] in ("installed", "ready"))
    return tab


@pytest.mark.parametrize("django", SOURCES, indirect=True)
def test_a_form_from_before_a_new_login_is_done_once(
    django: DjangoSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """The page that it was written in still has the old token. It goes with the new one, and none is kept."""
    tab = open_tab(chromium, django, wait_for)
    tab.page.evaluate(BEGIN_READING)
    tab.call("pause")
    write(tab, "before")
    old = tokens(tab)
    (payload,) = (job["payload"] for job in tab.call("jobs"))
    assert payload == {"text": "before"}
    other = Tab(chromium, django.url)
    sign_in(other.page, django, "ada")
    other.page.wait_for_function("window.pyqueue")
    new = tokens(other)
    assert not old & new
    tab.call("resume")
    wait_for(django.notes)
    wait_for(lambda: tab.stats()["depth"]["done"] == 1)
    assert django.notes() == [{"by": "ada", "text": "before"}]
    assert tab.stats()["holds"] == {}
    *refused, last = django.log()
    assert last["status"] == 201
    assert {arrival["key"] for arrival in refused} <= {last["key"]}
    assert last["fields"] == ["text"]
    known = json.dumps([tab.run(RECORDS), tab.call("jobs"), tab.stats(), tab.run("() => window.heard")])
    tab.page.get_by_test_id("status").get_by_role("button").first.click()
    shown = known + tab.page.get_by_test_id("status").inner_text()
    assert "before" in known
    sent = {arrival["token"] for arrival in django.log()}
    for token in {*old, *new, *sent}:
        assert token not in shown
    assert "csrfmiddlewaretoken" not in known.replace('"field": "csrfmiddlewaretoken"', "")


@pytest.mark.parametrize("django", ["cookie", "url"], indirect=True)
def test_with_no_page_open_the_worker_finds_the_token_itself(
    django: DjangoSite, chromium: Chromium, network: Network, wait_for: WaitFor
) -> None:
    """Written offline, every page closed, signed in anew, the network back: done once."""
    tab = open_tab(chromium, django, wait_for)
    write(tab, "first")  # So that Python has booted once.
    wait_for(django.notes)
    network.offline()
    write(tab, "offline")
    wait_for(lambda: tab.stats()["depth"]["pending"] == 1)
    chromium.close_tabs()
    sign_in_unseen(chromium, django, "ada")
    network.online()
    wait_for(lambda: len(django.notes()) == 2)
    first, *refused, last = django.log()
    assert first["token"] != last["token"]
    # A token of a URL is used for a while; one that became stale is refused once, and read anew.
    assert {arrival["status"] for arrival in refused} <= {403}
    assert {arrival["key"] for arrival in refused} <= {last["key"]}


@pytest.mark.parametrize("django", ["cookie, hidden"], indirect=True)
def test_a_cookie_that_scripts_cannot_read_is_named(
    django: DjangoSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """Nothing is sent, no attempt is spent, and the status says what the write waits for."""
    tab = open_tab(chromium, django, wait_for)
    write(tab, "waits")
    (job,) = tab.call("jobs")
    explanation = tab.wait_for_explanation(job["id"], "no_token")
    assert "the cookie csrftoken cannot be read" in explanation["message"]
    assert tab.job(job["id"])["attempts"] == 0
    assert tab.job(job["id"])["certainty"] == "never_sent"
    assert django.log() == []


def test_a_pages_own_worker_is_told_the_cookie_by_its_page(
    django: DjangoSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """A dedicated worker cannot read cookies."""
    chromium.context.add_init_script("delete Navigator.prototype.serviceWorker")
    sign_in(chromium.context.new_page(), django, "ada")
    tab = Tab(chromium, django.url)
    write(tab, "by the page's worker")
    wait_for(django.notes)
    assert tab.stats()["worker"]["mode"] == "worker"
    (arrival,) = django.log()
    assert arrival["status"] == 201
    assert arrival["token"] in tokens(tab)


def test_where_nothing_can_be_stored_the_form_goes_with_its_own_token(
    django: DjangoSite, chromium: Chromium
) -> None:
    """It submits as any other form does."""
    chromium.context.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    sign_in(chromium.context.new_page(), django, "ada")
    tab = Tab(chromium, django.url)
    tab.page.get_by_test_id("text").fill("the old way")
    with tab.page.expect_navigation():
        tab.page.get_by_test_id("send").click()
    (arrival,) = django.log()
    assert arrival == {"status": 201, "key": None, "fields": ["csrfmiddlewaretoken", "text"], "token": None}


SIGN_IN = """
async (name) => {
  const { token: csrfmiddlewaretoken } = await (await fetch("/csrf")).json();
  const body = new URLSearchParams({ name, csrfmiddlewaretoken });
  return (await fetch("/login/", { method: "POST", body })).ok;
}
"""


@pytest.mark.parametrize("django", SOURCES, indirect=True)
def test_a_token_is_found_in_every_engine(django: DjangoSite, engine: Engine) -> None:
    """After each of two logins; a `<meta>` is as old as its page."""
    tab = Tab(engine, django.url)
    for number, name in enumerate(("ada", "bob"), 1):
        assert tab.run(SIGN_IN, name)
        if "meta=" in django.tasks.read_text():
            tab.reload()
        assert tab.result(tab.call("enqueue", "note", {"text": "hi"})["id"]) == {"id": number}
    assert [note["by"] for note in django.notes()] == ["ada", "bob"]


ENQUEUED = """
async () => {
  const form = new FormData(document.querySelector("form"));
  const jobs = [
    await pyqueue.enqueue("note", form),
    await pyqueue.enqueue("note", Object.fromEntries(form)),
    await pyqueue.enqueue({ url: "/notes/", headers: { "x-csrftoken": "written down" }, body: form }),
  ];
  await pyqueue.edit(jobs[0].id, form);
  return jobs.map(({ payload }) => payload);
}
"""


def test_a_token_in_what_a_script_enqueues_is_left_out(
    django: DjangoSite, chromium: Chromium, wait_for: WaitFor
) -> None:
    """In a form, in a form's fields, and in a request's headers and body."""
    tab = open_tab(chromium, django, wait_for)
    tab.call("pause")
    tab.page.get_by_test_id("text").fill("x")
    named, plain, request = tab.run(ENQUEUED)
    assert named == plain == {"text": "x"}
    assert request["headers"] == {}
    assert request["body"] == {"text": "x"}
    stored = json.dumps(tab.run(RECORDS))
    assert "written down" not in stored
    assert not [token for token in tokens(tab) if token in stored]
