"""A page with Python and the worker's bridge, for contracts of what is otherwise only in a worker."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from playwright.sync_api import Browser, Page, Route

import pyqueue

_ROOT = Path(pyqueue.__file__).parent.parent
_STATIC = _ROOT / "pyqueue" / "static"
_ORIGIN = "http://localhost"
_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
_EMPTY = "<!doctype html><title>a contract</title>"

_BOOT = """
async ([name, source, script, runner]) => {
  const { loadPyodide } = await import("/pyodide/pyodide.mjs");
  const { default: createPyodideModule } = await import("/pyodide/pyodide.asm.mjs");
  const manifest = await (await fetch("/manifest.json")).json();
  const { bridge } = await import("/worker/bridge.js");
  const lock = JSON.stringify({ info: manifest.lockInfo, packages: {} });
  const python = await loadPyodide({ createPyodideModule, indexURL: "/pyodide/", lockFileContents: lock });
  const wheel = await (await fetch(`/${manifest.wheel}`)).arrayBuffer();
  python.FS.writeFile("/pyqueue.whl", new Uint8Array(wheel));
  python.FS.writeFile(`/${name}.py`, source);
  window.bridge = bridge;
  await eval(`(${script})`)();
  await python.runPythonAsync(`import sys; sys.path += ["/", "/pyqueue.whl"]\\n${runner}`);
  window.run = python.globals.get("run");
}
"""


def _serve(route: Route) -> None:
    """Answers from the static folder as it was built, and with the worker's modules as they are."""
    name = route.request.url.removeprefix(_ORIGIN).lstrip("/")
    path = (_ROOT if name.startswith(("web/", "worker/")) else _STATIC) / name
    if path.is_file():
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        route.fulfill(body=path.read_bytes(), content_type=kind)
    else:
        route.fulfill(body=_EMPTY, content_type="text/html")


@contextmanager
def python_page(browser: Browser, contract: ModuleType, script: str, runner: str) -> Iterator[Page]:
    """A page in which `run(name)` runs a behaviour of a contract over the port as it is in a browser.

    Args:
        browser: any.
        contract: its module, which Python there can import.
        script: an async JavaScript function that prepares the page; `window.bridge` is there.
        runner: Python that defines `run`.
    """
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{_ORIGIN}/**", _serve)
    page.goto(f"{_ORIGIN}/")
    name = contract.__name__.rpartition(".")[2]
    page.evaluate(_BOOT, [name, inspect.getsource(contract), script, runner])
    yield page
    context.close()
