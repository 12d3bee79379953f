"""A Chromium with a profile of its own, that can be closed and opened again."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, ConsoleMessage, Error, Page, Playwright

_INSECURE_HOST = "insecure.test"
_PROFILER = "--enable-features=HeapProfilerReporting:stable-probability/{0}/nonstable-probability/{0}"
"""Chromium's sampling of its own memory, which it switches on by chance at one start in many."""
PROFILER_ON = _PROFILER.format(1) + "/renderer-sampling-rate-bytes/10000"
"""An argument with which it always samples, every 10 kB."""
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    _PROFILER.format(0),
    f"--host-resolver-rules=MAP {_INSECURE_HOST} 127.0.0.1",
]
_POLL = 0.05
"""Seconds between two looks at a condition."""


def wait_for(condition: Callable[[], Any], pause: Callable[[], None], timeout: float = 30.0) -> Any:
    """Waits until a condition is true.

    Args:
        condition: called until it answers something true, which is returned.
        pause: what is done between two looks.
        timeout: seconds.

    Raises:
        AssertionError: it is still not true.
    """
    end = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {timeout} seconds: {condition.__doc__ or condition}"
        pause()
    return value


class Chromium:
    """A browser.

    Args:
        playwright: of pytest-playwright.
        executable: the browser's program.
        profile: the folder that outlives a restart.
        arguments: more of them for its command line.

    Attributes:
        context: of the running browser; another after `reopen`.
        console: what pages and workers wrote, and their uncaught errors.
    """

    context: BrowserContext

    INSECURE_HOST = _INSECURE_HOST
    """A name of this machine that is no secure context, as `localhost` is."""

    def __init__(
        self, playwright: Playwright, executable: Path, profile: Path, arguments: Sequence[str] = ()
    ):
        self._playwright = playwright
        self._executable = executable
        self._profile = profile
        self._arguments = [*_ARGUMENTS, *arguments]
        self.console: list[str] = []
        self._launch()

    def _start(self) -> BrowserContext:
        return self._playwright.chromium.launch_persistent_context(
            self._profile, executable_path=self._executable, args=self._arguments
        )

    def process(self) -> int:
        """The number of the browser's main process."""
        host_and_pid = (self._profile / "SingletonLock").readlink().name
        return int(host_and_pid.rpartition("-")[2])

    def _launch(self) -> None:
        self.context = self._start()
        self._is_open = True
        self.context.on("close", self._on_close)
        self.context.on("console", self._keep)
        self.context.on("page", lambda page: page.on("crash", self._on_crash))
        self.context.on("weberror", lambda error: self.console.append(f"page error: {error.error}"))

    def _on_close(self, _context: BrowserContext) -> None:
        self._is_open = False

    def _on_crash(self, page: Page) -> None:
        self.console.append(f"page crashed: {page.url}")

    def _keep(self, message: ConsoleMessage) -> None:
        source = "page" if message.page else "worker"
        self.console.append(f"{source} {message.type}: {message.text}")

    def open(self, url: str) -> Page:
        """A new tab, loaded."""
        page = self.context.new_page()
        page.goto(url)
        return page

    def deny_background_sync(self, url: str) -> None:
        """Switches it off for a site, as a person can: in pages and in the worker `register` rejects."""
        session = self.context.new_cdp_session(self.context.pages[0])
        session.send(
            "Browser.setPermission",
            {"permission": {"name": "background-sync"}, "setting": "denied", "origin": url.rstrip("/")},
        )

    def grant(self, url: str, permission: str) -> None:
        """Grants a site a permission, named as in the DevTools protocol."""
        session = self.context.new_cdp_session(self.context.pages[0])
        session.send("Browser.grantPermissions", {"permissions": [permission], "origin": url.rstrip("/")})

    def close_tabs(self) -> None:
        """Closes every tab but an empty one, without which the browser would end."""
        empty = self.context.new_page()
        for page in self.context.pages:
            if page is not empty:
                page.close()

    def close(self) -> None:
        """Ends the browser; the profile stays."""
        self.context.close()

    def kill(self) -> None:
        """Ends the browser, if it runs, as a crash does: nothing is written or said any more.

        It is also the quick way: `close` waits half a minute for a sync event to end.
        """
        if not self._is_open:
            return
        with self.context.expect_event("close"):
            os.kill(self.process(), signal.SIGKILL)

    def reopen(self) -> None:
        """Starts the browser that was ended again, with the same profile."""
        self._launch()

    def wait_for(self, condition: Callable[[], Any], timeout: float = 30.0) -> Any:
        """`wait_for`, while Playwright's events are read."""
        return wait_for(condition, self._pump, timeout)

    def _pump(self) -> None:
        pages = self.context.pages
        if pages:
            pages[0].wait_for_timeout(_POLL * 1000)
        else:
            time.sleep(_POLL)

    def save(self, folder: Path) -> None:
        """Keeps what helps to understand a failure: the console and a screenshot of every tab."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "console.log").write_text("\n".join(self.console))
        for number, page in enumerate(self.context.pages, 1):
            with contextlib.suppress(Error):  # It crashed, or hangs.
                page.screenshot(path=folder / f"tab-{number}.png", timeout=5_000)


class ServiceWorkers:
    """The queue's service worker, over the DevTools protocol.

    Playwright's `set_offline` hangs after `stop`: a test uses one or the other.

    Args:
        page: any page of the origin.
        script: how the URL of its script ends; the origin may have other workers.
    """

    def __init__(self, page: Page, script: str = "/sw.js"):
        self._page = page
        self._script = script
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._registrations: dict[str, str] = {}
        self._running: set[str] = set()
        self._stops = 0
        self._is_told = False
        self._session.on("ServiceWorker.workerRegistrationUpdated", self._on_registrations)
        self._session.on("ServiceWorker.workerVersionUpdated", self._on_versions)
        self._session.send("ServiceWorker.enable")

    def _on_registrations(self, event: dict[str, Any]) -> None:
        for registration in event["registrations"]:
            self._registrations[registration["scopeURL"]] = registration["registrationId"]

    def _on_versions(self, event: dict[str, Any]) -> None:
        for version in event["versions"]:
            if not version["scriptURL"].endswith(self._script):
                continue
            self._is_told = True
            if version["runningStatus"] != "stopped":
                self._running.add(version["versionId"])
            elif version["versionId"] in self._running:
                self._running.remove(version["versionId"])
                self._stops += 1

    def stop(self) -> None:
        """Kills it, in the middle of whatever it does. When this returns it is dead, or already runs anew."""
        # The browser tells which workers there are a while after it was asked.
        wait_for(lambda: self._is_told, self._pause)
        stops = self._stops + len(self._running)
        for version in tuple(self._running):
            self._session.send("ServiceWorker.stopWorker", {"versionId": version})
        while self._stops < stops:
            self._pause()

    def _pause(self) -> None:
        self._page.wait_for_timeout(_POLL * 1000)

    def dispatch_sync(self, scope: str, tag: str = "pyqueue:/pyqueue/", *, last_chance: bool = False) -> None:
        """Delivers a `sync` event.

        Args:
            scope: the worker's, absolute.
            last_chance: whether it says that the browser will not try again.
        """
        self._dispatch("ServiceWorker.dispatchSyncEvent", scope, tag=tag, lastChance=last_chance)

    def dispatch_periodic_sync(self, scope: str, tag: str = "pyqueue:/pyqueue/") -> None:
        """Delivers a `periodicsync` event."""
        self._dispatch("ServiceWorker.dispatchPeriodicSyncEvent", scope, tag=tag)

    def _dispatch(self, method: str, scope: str, **event: Any) -> None:
        wait_for(lambda: scope in self._registrations, self._pause)
        origin = "/".join(scope.split("/", 3)[:3])
        event |= {"origin": origin, "registrationId": self._registrations[scope]}
        self._session.send(method, event)
