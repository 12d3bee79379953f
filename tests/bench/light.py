"""The cases of what a visitor pays: bytes, requests, the main thread, memory."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
from playwright.sync_api import Page

from tests.bench.contenders import PLAIN, Browser
from tests.bench.report import PYQUEUE, Row
from tests.bench.server import Server
from tests.browser.harness import Chromium

FLOOR = "pyodide alone"
NO_PYTHON = "without Python"

_FIRST_SCRIPT = 9.0
"""Kilobytes of the page's first script, as brotli."""
_LONGEST_TASK = 50.0
"""Milliseconds that the main thread may be taken for."""

_WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
}).observe({ type: "longtask", buffered: true });
"""
_SCRIPTS = """
() => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/pyqueue/"))
  .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize])
"""
_OWN = "delete Navigator.prototype.serviceWorker"


def page(fresh: Browser, server: Server, rounds: int) -> Iterator[Row]:
    """The page's half: what it loads until it can write, and how long it holds the main thread."""
    size = Row("page_first_script", "kB brotli", limit=_FIRST_SCRIPT)
    requests = Row("page_first_requests", "requests", limit=1)
    later = Row("page_second_script", "kB brotli")
    loading = Row("page_load", "ms of the main thread")
    enqueueing = Row("page_enqueue", "ms of the main thread")
    longest = Row("page_longest_task", "ms", limit=_LONGEST_TASK)
    for _ in range(rounds):
        with fresh() as chromium:
            chromium.context.add_init_script(_WATCH)
            bare = _Meter(chromium, f"{server.url}/plain").busy()
            meter = _Meter(chromium, f"{server.url}/pyqueue")
            tab = meter.tab
            loaded = dict(tab.evaluate(_SCRIPTS))
            loading.add(PYQUEUE, meter.busy())
            loading.add(PLAIN, bare)
            tab.evaluate("bench.ready()")
            after = dict(tab.evaluate(_SCRIPTS))
            first = {path: bytes for path, bytes in loaded.items() if path.endswith("/pyqueue.js")}
            size.add(PYQUEUE, sum(first.values()) / 1000)
            requests.add(PYQUEUE, len(first))
            later.add(PYQUEUE, sum(after[path] for path in after if path not in first) / 1000)
            before = meter.busy()
            tab.evaluate("bench.enqueue([100, 4, 5])")
            enqueueing.add(PYQUEUE, (meter.busy() - before) / 100)
            longest.add(PYQUEUE, tab.evaluate("window.longest"))
    yield from (size, requests, later, loading, enqueueing, longest)


def download(server: Server) -> Iterator[Row]:
    """What the worker fetches, once, beside what Pyodide itself is."""
    row = Row("download", "kB brotli")
    manifest = json.loads(_fetch(f"{server.url}/pyqueue/manifest.json"))
    runtime = [path for path in manifest["files"] if path.startswith("pyodide/")]
    modules = ["pyodide/pyodide.mjs", "pyodide/pyodide.asm.mjs"]
    own = [path for path in manifest["files"] if path not in runtime]
    floor = sum(_size(f"{server.url}/pyqueue/{path}") for path in (*runtime, *modules))
    ours = sum(_size(f"{server.url}/pyqueue/{path}") for path in (*own, "sw.js"))
    row.add(PYQUEUE, (floor + ours) / 1000)
    row.add(FLOOR, floor / 1000)
    yield row


def memory(fresh: Browser, server: Server, rounds: int) -> Iterator[Row]:
    """What the renderers take with Python, and without; one tab and five, with workers of the pages' own."""
    rows = {count: Row(f"memory_{count}_tabs", "MB") for count in (1, 5)}
    for _ in range(rounds):
        for count, row in rows.items():
            with fresh() as chromium:
                chromium.context.add_init_script(_OWN)
                tabs = [_open(chromium, f"{server.url}/pyqueue") for _ in range(count)]
                row.add(NO_PYTHON, _memory(chromium))
                for tab in tabs:
                    tab.evaluate("bench.ready()")
                row.add(PYQUEUE, _memory(chromium))
    yield from rows.values()


def _open(chromium: Chromium, url: str) -> Page:
    tab = chromium.context.new_page()
    tab.goto(url)
    tab.wait_for_function("window.bench")
    return tab


class _Meter:
    """A tab whose main thread is watched from its first moment."""

    def __init__(self, chromium: Chromium, url: str) -> None:
        self.tab = chromium.context.new_page()
        self._session = chromium.context.new_cdp_session(self.tab)
        self._session.send("Performance.enable")
        self.tab.goto(url)
        self.tab.wait_for_function("window.bench && document.readyState === 'complete'")

    def busy(self) -> float:
        """Milliseconds that it has worked."""
        metrics: list[dict[str, Any]] = self._session.send("Performance.getMetrics")["metrics"]
        return next(float(metric["value"]) * 1000 for metric in metrics if metric["name"] == "TaskDuration")


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        return bytes(answer.read())


def _size(url: str) -> int:
    """Bytes of a file as it is sent; compressed here, where the server has no compressed copy of text."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "br"})
    with urllib.request.urlopen(request) as answer:
        body = answer.read()
        is_ready = answer.headers["Content-Encoding"] == "br" or url.endswith((".zip", ".whl"))
    return len(body) if is_ready else len(brotli.compress(body))


def _memory(chromium: Chromium) -> float:
    """Megabytes of the renderers: what is shared counts once."""
    time.sleep(1)  # For what the allocators give back.
    browser = chromium.process()
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"--type=renderer" in command and _descends(process, browser):
                rollup = (process / "smaps_rollup").read_text()
                total += int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1])
        except (OSError, StopIteration):
            continue
    return total / 1000


def _descends(process: Path, ancestor: int) -> bool:
    number = int(process.name)
    while number > 1:
        if number == ancestor:
            return True
        stat = Path(f"/proc/{number}/stat").read_text()
        number = int(stat.rpartition(")")[2].split()[1])
    return False
