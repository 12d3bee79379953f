"""The wake of a worker in the other engines: of a page's own, for those can be stopped there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Playwright

from building.browser import FIREFOX, WEBKIT
from tests.bench.report import PYQUEUE, Row
from tests.bench.wake import COLD
from tests.browser.harness import Annex, Firefox, Tab, WebKit
from tests.browser.test_engines import KEEP

MOST = 1 / 4
"""Of a cold wake, for a restored one."""


def wake_engines(playwright: Playwright, rounds: int) -> Iterator[Row]:
    """From a page's call to the first request, in Firefox and WebKitGTK if they are installed."""
    for engine in (FIREFOX, WEBKIT):
        programs = engine.find()
        if programs is None:
            continue
        row = Row(f"wake_restored_{engine.name}", "ms", {COLD: MOST})
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                browser = (
                    Firefox(playwright, programs[0], Path(folder) / "profile")
                    if engine is FIREFOX
                    else WebKit(programs[0], programs[1])
                )
                site = Annex(Path(folder))
                site.start()
                try:
                    _measure(browser, site, row)
                finally:
                    browser.kill()
                    site.close()
        yield row


def _measure(browser: Firefox | WebKit, site: Annex, row: Row) -> None:
    first, second = (Tab(browser, site.page("own")) for _ in range(2))
    row.add(COLD, _first_request(first, site))
    browser.wait_for(lambda: second.run(KEEP))
    first.page.close()
    row.add(PYQUEUE, _first_request(second, site))


def _first_request(tab: Tab, site: Annex) -> float:
    """Milliseconds."""
    begin = time.time()
    tab.result(tab.comment("first"))
    return (float(site.log()[-1]["time"]) - begin) * 1000
