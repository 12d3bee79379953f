"""IndexedDBStore keeps the Store contract, in a real browser."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.harness import python_page
from tests.contract import store_contract

pytestmark = pytest.mark.browser

APPEND = """
async () => {
  const { openDatabase } = await import("/web/schema.js");
  window.append = async (command) => {
    const db = await openDatabase();
    const request = db.transaction("inbox", "readwrite").objectStore("inbox").add(command);
    const seq = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    db.close();
    return seq;
  };
}
"""

RUN = """
import js, store_contract
from pyqueue.browser.convert import value_to_js
from pyqueue.browser.indexeddb import IndexedDBStore

async def append(type, **fields):
    return await js.append(value_to_js({"v": 1, "type": type, "at": store_contract.NOW, **fields}))

async def run(name):
    bench = store_contract.Bench(lambda: IndexedDBStore(js.bridge), append)
    await getattr(store_contract, name)(bench)
"""

FORGET = """
() => new Promise((resolve, reject) => {
  const request = indexedDB.deleteDatabase("pyqueue:/");
  request.onsuccess = resolve;
  request.onerror = () => reject(request.error);
})
"""


@pytest.fixture(scope="module")
def python(browser: Browser) -> Iterator[Page]:
    """A page with Python, the worker's bridge and the contract."""
    with python_page(browser, store_contract, APPEND, RUN) as page:
        yield page


@pytest.mark.parametrize("behaviour", store_contract.CONTRACT, ids=lambda behaviour: behaviour.__name__[5:])
def test_indexeddb_store(python: Page, behaviour: Callable[..., Awaitable[None]]) -> None:
    python.evaluate(FORGET)
    python.evaluate("(name) => window.run(name)", behaviour.__name__)
