"""IndexedDBStore keeps the Store contract, in a real browser."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

import pyqueue
from tests.contract import store_contract

pytestmark = pytest.mark.browser

ROOT = Path(pyqueue.__file__).parent.parent
STATIC = ROOT / "pyqueue" / "static"
ORIGIN = "http://localhost"
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
EMPTY = "<!doctype html><title>store contract</title>"

BOOT = """
async (source) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const { default: createPyodideModule } = await import("/pyodide/pyodide.asm.mjs");
  const manifest = await (await fetch("/manifest.json")).json();
  const { bridge } = await import("/worker/bridge.js");
  const { openDatabase } = await import("/web/schema.js");
  const lock = JSON.stringify({ info: manifest.lockInfo, packages: {} });
  const python = await loadPyodide({ createPyodideModule, indexURL: "/pyodide/", lockFileContents: lock });
  const wheel = await (await fetch(`/${manifest.wheel}`)).arrayBuffer();
  python.FS.writeFile("/pyqueue.whl", new Uint8Array(wheel));
  python.FS.writeFile("/store_contract.py", source);
  window.bridge = bridge;
  window.append = async (command) => {
    const db = await openDatabase();
    const request = db.transaction("inbox", "readwrite").objectStore("inbox").add(command);
    const seq = await new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    db.close();
    return seq;
  };
  await python.runPythonAsync(`
import sys
sys.path += ["/", "/pyqueue.whl"]
import js, store_contract
from pyqueue.browser.convert import value_to_js
from pyqueue.browser.indexeddb import IndexedDBStore

async def append(type, **fields):
    return await js.append(value_to_js({"v": 1, "type": type, "at": store_contract.NOW, **fields}))

async def run(name):
    bench = store_contract.Bench(lambda: IndexedDBStore(js.bridge), append)
    await getattr(store_contract, name)(bench)
`);
  window.run = python.globals.get("run");
}
"""

FORGET = """
() => new Promise((resolve, reject) => {
  const request = indexedDB.deleteDatabase("pyqueue:/");
  request.onsuccess = resolve;
  request.onerror = () => reject(request.error);
})
"""


def serve(route: Route) -> None:
    """Answers from the static folder as it was built, and with the worker's modules as they are."""
    name = route.request.url.removeprefix(ORIGIN).lstrip("/")
    path = (ROOT if name.startswith(("web/", "worker/")) else STATIC) / name
    if path.is_file():
        route.fulfill(body=path.read_bytes(), content_type=TYPES.get(path.suffix, "application/octet-stream"))
    else:
        route.fulfill(body=EMPTY, content_type="text/html")


@pytest.fixture(scope="module")
def python(browser: Browser) -> Iterator[Page]:
    """A page with Python, the worker's bridge and the contract."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/")
    page.evaluate(BOOT, inspect.getsource(store_contract))
    yield page
    context.close()


@pytest.mark.parametrize("behaviour", store_contract.CONTRACT, ids=lambda behaviour: behaviour.__name__[5:])
def test_indexeddb_store(python: Page, behaviour: Callable[..., Awaitable[None]]) -> None:
    python.evaluate(FORGET)
    python.evaluate("(name) => window.run(name)", behaviour.__name__)
