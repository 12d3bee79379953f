"""Runs the cases: called by `build.py bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

from tests.bench.backlog import backlog, signs
from tests.bench.compared import COMPARED, ROUND_TRIP, order, round_trip
from tests.bench.contenders import PLAIN, Contender, Invalid, browser
from tests.bench.engines import wake_engines
from tests.bench.light import download, memory, page
from tests.bench.report import Row, table
from tests.bench.server import Server
from tests.bench.throughput import throughput
from tests.bench.wake import first_visit, wake
from tests.bench.watched import watched

ALONE = ("backlog", "signs", "watched", "wake", "wake_engines", "first_visit", "page", "download", "memory")
"""The cases in which pyqueue is measured beside itself."""

BROWSERLESS = {"server": throughput}
"""The cases that need no browser."""


class Bench:
    """One run.

    Args:
        playwright: drives the browser.
        executable: the browser.
        bundles: the folder with the peers' scripts.
        rounds: of each case in which peers take part.
    """

    def __init__(self, playwright: Playwright, executable: Path, bundles: Path, rounds: int) -> None:
        self._playwright = playwright
        self._executable = executable
        self._rounds = rounds
        self._server = Server(bundles, _free_port())

    def close(self) -> None:
        """Ends the server."""
        self._server.close()

    def compare(self, name: str) -> Row:
        """A case of all contenders, interleaved."""
        case = COMPARED[name]
        row = case.row(name)
        for round in range(self._rounds):
            with browser(self._playwright, self._executable) as chromium:
                for contender_name in order(case, round):
                    contender = Contender(contender_name, chromium.context, self._server)
                    try:
                        row.add(contender_name, case.measure(contender))
                    except Invalid as invalid:
                        _say(f"{name}, {contender_name}: {invalid}")
                    if ROUND_TRIP in case.reach and contender_name == PLAIN:
                        row.add(ROUND_TRIP, round_trip(contender, 0.05))
                    contender.close()
        return row

    def alone(self, name: str) -> Iterator[Row]:
        """A case of pyqueue beside itself."""
        fresh = partial(browser, self._playwright, self._executable)
        if name == "watched":
            yield from watched(fresh, self._rounds)
        elif name == "wake_engines":
            yield from wake_engines(self._playwright, self._rounds)
        elif name == "download":
            yield from download(self._server)
        elif name in ("backlog", "signs"):
            yield from {"backlog": backlog, "signs": signs}[name](fresh, self._server)
        else:
            cases = {"wake": wake, "first_visit": first_visit, "page": page, "memory": memory}
            yield from cases[name](fresh, self._server, self._rounds)


def _say(text: str) -> None:
    print(text, flush=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def main() -> None:
    names = [*COMPARED, *ALONE, *BROWSERLESS]
    parser = argparse.ArgumentParser(prog="build.py bench")
    parser.add_argument("--case", choices=names, action="append", help="only this one; may be given again")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--browser", type=Path, help="needed for most cases")
    parser.add_argument("--bundles", type=Path, help="needed with a browser")
    options = parser.parse_args()
    _say(f"{os.cpu_count()} cores, {_processor()}; Python {platform.python_version()}")
    chosen = options.case or names
    rows: list[Row] = []
    if in_browser := [name for name in chosen if name not in BROWSERLESS]:
        rows += _in_browser(in_browser, options)
    for name in chosen:
        if name in BROWSERLESS:
            _say(f"{name} ...")
            rows += BROWSERLESS[name](options.rounds)
    _say("")
    _say(table(rows))
    if options.json:
        options.json.write_text(
            json.dumps([row.to_json() for row in rows], indent=1) + "\n", encoding="utf-8"
        )


def _in_browser(names: list[str], options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    with sync_playwright() as playwright:
        bench = Bench(playwright, options.browser, options.bundles, options.rounds)
        try:
            with browser(playwright, options.browser) as chromium:
                own = chromium.context.browser
                _say(f"Chromium {own.version if own else '?'}")
            for name in names:
                _say(f"{name} ...")
                rows += [bench.compare(name)] if name in COMPARED else bench.alone(name)
        finally:
            bench.close()
    return rows


if __name__ == "__main__":
    main()
