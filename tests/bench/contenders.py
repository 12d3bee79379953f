"""The contenders: a page each, which offers the same calls, see peers/*.js."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright

from tests.bench.report import PYQUEUE
from tests.bench.server import Server
from tests.browser.harness import Chromium

WORKBOX, PLAIN = "workbox", "plain-js"
_PAGES = {PYQUEUE: "pyqueue", WORKBOX: "workbox", PLAIN: "plain"}


class Invalid(Exception):
    """A run that did not do what was asked: its time says nothing."""


Browser = Callable[[], AbstractContextManager[Chromium]]
"""Starts a Chromium with a fresh profile."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What a drain took.

    Attributes:
        per_job: milliseconds, from the first request's arrival to the last answer, divided by the jobs.
        first: milliseconds from when the queue was let go to the first request's arrival.
    """

    per_job: float
    first: float


class Contender:
    """One of them in a tab.

    Args:
        name: of it.
        context: the browser.
        server: that it writes to.
    """

    def __init__(self, name: str, context: BrowserContext, server: Server) -> None:
        self.name = name
        self._server = server
        self.page: Page = context.new_page()
        self.page.goto(f"{server.url}/{_PAGES[name]}")
        self.page.wait_for_function("window.bench")
        self.page.evaluate("bench.ready()")

    def call(self, function: str, argument: Any = None) -> Any:
        """Calls what the page offers."""
        return self.page.evaluate(f"(argument) => bench.{function}(argument)", argument)

    def begin(self, delay: float = 0.0, failing: str | None = None) -> None:
        """Lets the server forget what came, answer after so many seconds, and fail the writes of a key."""
        self._server.begin(delay, failing)

    def drain(self, jobs: int, keys: int, delay: float = 0.0) -> Drained:
        """Fills the queue, lets it go, and waits until all has arrived.

        Raises:
            Invalid: a job was lost, repeated, or sent out of order.
        """
        self.begin(delay)
        self.call("fill", [jobs, keys])
        return self.let_go(jobs)

    def let_go(self, count: int) -> Drained:
        """Lets the queue go, and waits for that many writes.

        Raises:
            Invalid: as for `drain`.
        """
        begin = time.time()
        self.call("go")
        log = self._server.log(count)
        check(log, count)
        arrivals = [entry[0] for entry in log[:count]]
        first, last = min(arrivals), max(entry[1] for entry in log[:count])
        return Drained((last - first) * 1000 / count, (first - begin) * 1000)

    def close(self) -> None:
        """Closes its tab."""
        self.page.close()


def check(log: list[tuple[float, float, str, int]], count: int) -> None:
    """Looks whether each job came once, and in order within its key.

    Raises:
        Invalid: not so.
    """
    if len(log) < count:
        raise Invalid(f"only {len(log)} of {count} writes came")
    numbers = [entry[3] for entry in log]
    if len(set(numbers)) != len(numbers):
        raise Invalid(f"{len(numbers) - len(set(numbers))} writes came twice")
    last: dict[str, int] = {}
    for _, _, key, number in sorted(log):
        if last.get(key, -1) > number:
            raise Invalid(f"the writes of {key} came out of order")
        last[key] = number


@contextmanager
def browser(playwright: Playwright, executable: Path) -> Iterator[Chromium]:
    """A Chromium with a fresh profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = Chromium(playwright, executable, Path(profile))
        try:
            yield chromium
        finally:
            chromium.kill()
