"""Two people with one tablet: whose a write is, whoever is signed in when the network returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.harness import Chromium, People, Refusal, ServiceWorkers, Tab


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """A site with sessions."""
    people = People(tmp_path)
    people.start()
    yield people
    people.close()


@pytest.fixture
def tablet(chromium: Chromium, people: People) -> Tab:
    """Its page, Ada being signed in and the worker installed."""
    tab = Tab(chromium, people.sign_in("ada"))
    chromium.wait_for(lambda: tab.stats()["worker"]["state"] in ("installed", "ready"))
    return tab


def sign_in(tab: Tab, people: People, user: str) -> None:
    """Somebody signs in; the page is theirs then."""
    tab.page.goto(people.sign_in(user))
    tab.page.wait_for_function("window.pyqueue")
    expect(tab.page.get_by_test_id("who")).to_have_text(user)


def order(tab: Tab, text: str) -> str:
    """Orders, and returns the job's id."""
    return str(tab.call("enqueue", "order", {"text": text})["id"])


def records(tab: Tab) -> str:
    """All that is on the disk, as text."""
    return str(
        tab.run(
            """async () => {
              const [{ name }] = await indexedDB.databases();
              const db = await new Promise((resolve) => {
                const opening = indexedDB.open(name);
                opening.onsuccess = () => resolve(opening.result);
              });
              const stores = [...db.objectStoreNames];
              const tx = db.transaction(stores);
              const read = (store) => new Promise((resolve) => {
                const reading = tx.objectStore(store).getAll();
                reading.onsuccess = () => resolve(reading.result);
              });
              return JSON.stringify(await Promise.all(stores.map(read)));
            }"""
        )
    )


def test_the_second_persons_network_does_not_send_what_the_first_wrote(tablet: Tab, people: People) -> None:
    """The order waits for its author, without a prompt, and leaves by itself once they are back."""
    people.stop()  # No request arrives; pages are opened again once it runs.
    first = order(tablet, "tea")
    tablet.wait_until_admitted()
    people.start()
    sign_in(tablet, people, "bo")
    own = order(tablet, "cake")
    tablet.result(own)
    assert people.orders() == [("bo", "cake")]
    assert tablet.explain(first)["code"] == "sealed"
    assert [job["id"] for job in tablet.call("jobs")] == [own]
    stats = tablet.stats()
    assert (stats["sealed"], stats["depth"]["pending"]) == (1, 0)
    sealed = tablet.job(first)
    assert (sealed["sealed"], sealed["payload"]) == (True, {})
    sign_in(tablet, people, "ada")
    tablet.result(first)
    assert people.orders() == [("bo", "cake"), ("ada", "tea")]


@pytest.fixture
def waiting(tablet: Tab, people: People) -> str:
    """The id of an order of Ada's that the server does not take for now."""
    people.set_trouble("unavailable", retry_after=3600)
    job = order(tablet, "tea")
    tablet.wait_for_explanation(job, "backoff")
    return job


def test_a_session_that_changed_behind_the_pages_back_sends_nothing(
    tablet: Tab, people: People, waiting: str
) -> None:
    """The page does not say that Bo is signed in: only the server knows. It goes on by itself, unspent."""
    tablet.run("async (url) => { await fetch(url) }", people.sign_in("bo"))
    people.set_trouble()
    tablet.call("flush")
    tablet.wait_for_explanation(waiting, "unauthorized")
    assert people.orders() == []
    hold = tablet.stats()["holds"]["unauthorized"]
    assert hold["reason"] == "the server says that somebody else is signed in"
    sign_in(tablet, people, "ada")
    tablet.result(waiting)
    assert people.orders() == [("ada", "tea")]


def test_the_status_links_the_login_and_goes_on_by_itself(tablet: Tab, people: People) -> None:
    """The session has ended at the server. After signing in there is nothing to click."""
    tablet.run("async (url) => { await fetch(url) }", f"{people.page}sign-out")
    job = order(tablet, "tea")
    link = tablet.page.get_by_test_id("status").get_by_role("link", name="Sign in")
    expect(link).to_be_visible()
    assert tablet.page.get_by_test_id("status").get_by_role("button", name="Go on", exact=True).count() == 0
    link.click()
    tablet.page.wait_for_function("window.pyqueue")
    tablet.result(job)
    assert people.orders() == [("ada", "tea")]


@pytest.mark.parametrize(
    ("choice", "left"),
    [("Keep on this device until I am back", 1), ("Discard and sign out", 0)],
    ids=["keep", "discard"],
)
def test_a_sign_out_link_asks_before_something_waits(
    tablet: Tab, people: People, waiting: str, choice: str, left: int
) -> None:
    tablet.page.get_by_test_id("sign-out").click()
    dialog = tablet.page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 change is not on the server yet.")
    dialog.get_by_role("button", name=choice).click()
    expect(tablet.page.get_by_test_id("who")).to_have_text("")
    tablet.page.wait_for_function("window.pyqueue")
    assert tablet.call("jobs") == []
    assert tablet.stats()["sealed"] == left
    assert ("tea" in records(tablet)) == bool(left)
    people.set_trouble()
    sign_in(tablet, people, "ada")
    if left:
        tablet.call("flush")
        tablet.result(waiting)
    assert people.orders() == [("ada", "tea")] * left


def test_a_sign_out_link_is_followed_at_once_where_nothing_waits(tablet: Tab) -> None:
    tablet.page.get_by_test_id("sign-out").click()
    expect(tablet.page.get_by_test_id("who")).to_have_text("")


def test_who_stays_signed_in_loses_nothing(tablet: Tab, people: People, waiting: str) -> None:
    tablet.page.get_by_test_id("sign-out").click()
    tablet.page.get_by_role("button", name="Stay signed in").click()
    expect(tablet.page.get_by_test_id("who")).to_have_text("ada")
    assert [job["id"] for job in tablet.call("jobs")] == [waiting]


def test_signing_out_may_send_what_waits_first(tablet: Tab, people: People, waiting: str) -> None:
    people.set_trouble()
    left = tablet.call("signOut", {"waiting": "send"})
    assert left == [{"id": waiting, "task": "order", "became": "sent"}]
    assert people.orders() == [("ada", "tea")]
    assert tablet.call("principal") == ""


def test_another_tab_shows_only_what_is_of_whoever_is_signed_in(
    tablet: Tab, people: People, waiting: str, chromium: Chromium
) -> None:
    """Ada's tab is still open when Bo signs in in a second one."""
    other = Tab(chromium, people.sign_in("bo"))
    expect(other.page.get_by_test_id("who")).to_have_text("bo")
    chromium.wait_for(lambda: tablet.call("jobs") == [])
    with pytest.raises(Refusal, match="there is no job"):
        other.call("cancel", waiting)


def test_an_id_may_be_kept_as_a_digest_only(chromium: Chromium, people: People) -> None:
    chromium_page = people.sign_in("ada-4711")
    tab = Tab(chromium, chromium_page)
    tab.page.goto(f"{people.page}?hash")
    tab.page.wait_for_function("window.pyqueue")
    tab.call("clear", "ada-4711")
    job = order(tab, "tea")
    tab.result(job)
    assert people.orders() == [("ada-4711", "tea")]
    assert tab.call("principal").startswith("sha256:")


@pytest.mark.parametrize("user", ["", "a\nb", "x" * 256, 1.5, True, {}, []], ids=repr)
def test_what_is_no_id_is_refused(tablet: Tab, user: object) -> None:
    with pytest.raises(Refusal, match="is no user's id"):
        tablet.call("identify", user)
    assert tablet.call("principal") == "ada"


def test_a_worker_that_wakes_with_no_page_open_sends_nothing_as_somebody_else(
    tablet: Tab, people: People, chromium: Chromium
) -> None:
    """Ada's page is closed, Bo has signed in, and no page has said so. The server refuses it, unspent."""
    people.set_trouble("unavailable")
    job = order(tablet, "tea")
    tablet.wait_for_explanation(job, "backoff")
    tablet.run("async (url) => { await fetch(url) }", people.sign_in("bo"))
    plain = chromium.open(f"{people.page}orders")
    tablet.page.close()
    people.set_trouble()
    workers = ServiceWorkers(plain)
    chromium.wait_for(lambda: workers.dispatch_sync(f"{people.url}pyqueue/") or 403 in statuses(people))
    assert people.orders() == []
    again = Tab(chromium, people.sign_in("ada"))
    again.result(job)
    assert people.orders() == [("ada", "tea")]


def statuses(people: People) -> list[int]:
    """What the server answered, in the order of arrival."""
    return [arrival["status"] for arrival in people.log()]
