"""The cases of a deep queue: pyqueue beside itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from playwright.sync_api import BrowserContext

from tests.bench.report import Row
from tests.bench.server import Server

Browser = Callable[[], AbstractContextManager[BrowserContext]]

BACKLOG: dict[str, Callable[[Browser, Server], Iterator[Row]]] = {}
