"""Two people with one tablet: whose a write is, whoever is signed in when the network returns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from pyqueue.testing.plugin import Network
from tests.browser.harness import Chromium, People, Tab


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
    tab.run("async () => { await pyqueue.ready }")
    return tab


def sign_in(tab: Tab, people: People, user: str) -> None:
    """Somebody signs in; the page is theirs then."""
    tab.page.goto(people.sign_in(user))
    tab.page.wait_for_function("window.pyqueue")
    expect(tab.page.get_by_test_id("who")).to_have_text(user)


def order(tab: Tab, text: str) -> str:
    """Orders, and returns the job's id."""
    return str(tab.call("enqueue", "order", {"text": text})["id"])


def order_offline(tab: Tab, network: Network, text: str) -> str:
    """Orders while there is no network, which is back afterwards only for the pages."""
    job = order(tab, text)
    tab.wait_until_admitted()
    return job


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


def test_the_second_persons_network_does_not_send_what_the_first_wrote(
    tablet: Tab, people: People, network: Network, chromium: Chromium
) -> None:
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
