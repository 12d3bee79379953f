"""The cases of a worker that does not run: from a sign to the first request at the server."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.contenders import PLAIN, WORKBOX, Browser, Contender
from tests.bench.report import PYQUEUE, Row
from tests.bench.server import Server
from tests.browser.harness import ServiceWorkers

COLD = "pyqueue cold"
MOST = 1 / 6
"""Of a cold wake, for a restored one."""

_SNAPSHOTS = """
async ([action]) => {
  const names = (await caches.keys()).filter((name) => name.endsWith(" snapshot"));
  if (action === "drop") await Promise.all(names.map((name) => caches.delete(name)));
  const kept = await Promise.all(names.map(async (name) => (await (await caches.open(name)).keys()).length));
  return kept.some((count) => count > 0);
}
"""


def wake(fresh: Browser, server: Server, rounds: int) -> Iterator[Row]:
    """`wake_cold` and `wake_restored`: the worker was really stopped, and a page tells it of a write."""
    cold = Row("wake_cold", "ms")
    restored = Row("wake_restored", "ms", {COLD: MOST})
    for _ in range(rounds):
        with fresh() as chromium:
            for name in (WORKBOX, PLAIN):
                with_peer = Contender(name, chromium.context, server)
                workers = ServiceWorkers(with_peer.page, f"/{name.removesuffix('-js')}-sw.js")
                with_peer.begin()
                with_peer.call("fill", [1, 1])
                restored.add(name, _first_request(with_peer, server, workers, "go"))
                with_peer.close()
            own = Contender(PYQUEUE, chromium.context, server)
            workers = ServiceWorkers(own.page)
            for _ in range(2):
                _await_snapshot(own)
                restored.add(PYQUEUE, _first_request(own, server, workers, "enqueue", [1, 1, 0]))
                workers.stop()
                own.page.evaluate(_SNAPSHOTS, ["drop"])
                took = _first_request(own, server, workers, "enqueue", [1, 1, 0])
                cold.add(PYQUEUE, took)
                restored.add(COLD, took)
            own.close()
    yield cold
    yield restored


def first_visit(fresh: Browser, server: Server, rounds: int) -> Iterator[Row]:
    """A fresh profile: the page enqueues as soon as it can."""
    row = Row("first_visit", "ms")
    for _ in range(rounds):
        with fresh() as chromium:
            server.begin()
            page = chromium.context.new_page()
            page.goto(f"{server.url}/pyqueue")
            page.wait_for_function("window.bench")
            begin = time.time()
            page.evaluate("bench.enqueue([1, 1, 0])")
            row.add(PYQUEUE, (server.log(1)[0][0] - begin) * 1000)
            page.close()
    yield row


def _first_request(
    contender: Contender, server: Server, workers: ServiceWorkers, call: str, argument: object = None
) -> float:
    """Milliseconds from a call of the page, whose worker does not run, to the request."""
    contender.begin()
    workers.stop()
    begin = time.time()
    contender.call(call, argument)
    return (server.log(1)[0][0] - begin) * 1000


def _await_snapshot(contender: Contender) -> None:
    while not contender.page.evaluate(_SNAPSHOTS, ["look"]):
        contender.page.wait_for_timeout(50)
