"""WebKitGTK's MiniBrowser, over WebDriver."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.webkitgtk.service import Service

from .chromium import wait_for

_POLL = 0.05
"""Seconds between two looks at a condition."""
_PATIENCE = 90
"""Seconds for a script."""
_EVALUATE = """
const [source, argument, done] = arguments;
(async () => {
  const value = (0, eval)(`(${source})`);
  return typeof value === "function" ? value(argument) : value;
})().then(
  (value) => done({ value: value ?? null }),
  (error) => done({ error: `${error?.name}: ${error?.message}` }),
);
"""


class Display:
    """A screen that nobody looks at."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._process = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as numbers:
            self.name = f":{numbers.readline().strip()}"

    def close(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()


class WebKitPage:
    """A window, with as much of Playwright's `Page` as the harness's `Tab` needs."""

    def __init__(self, driver: webdriver.WebKitGTK, url: str) -> None:
        self._driver = driver
        driver.switch_to.new_window("window")  # A tab behind another is hidden and draws nothing.
        self._handle = driver.current_window_handle
        driver.get(url)

    def evaluate(self, source: str, argument: Any = None) -> Any:
        """The value of an expression; of a function, what it returns or resolves with.

        Raises:
            RuntimeError: it threw.
        """
        self._driver.switch_to.window(self._handle)
        answer = self._driver.execute_async_script(_EVALUATE, source, argument)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def wait_for_function(self, source: str) -> None:
        """Waits until an expression is true."""
        wait_for(lambda: self.evaluate(f"Boolean({source})"), lambda: time.sleep(_POLL))

    def reload(self) -> None:
        """Loads the page anew."""
        self._driver.switch_to.window(self._handle)
        self._driver.refresh()

    def close(self) -> None:
        """Closes the window."""
        self._driver.switch_to.window(self._handle)
        self._driver.close()
        # A command of the driver needs a window: the empty one, with which it started.
        self._driver.switch_to.window(self._driver.window_handles[0])


class WebKit:
    """A WebKitGTK. An automated one keeps nothing: it cannot be opened again with what it had.

    Args:
        driver: the program `WebKitWebDriver`.
        browser: the program `MiniBrowser`.
    """

    def __init__(self, driver: Path, browser: Path) -> None:
        self._display = Display()
        options = webdriver.WebKitGTKOptions()
        options.binary_location = str(browser)
        options.add_argument("--automation")
        service = Service(str(driver), env={**os.environ, "DISPLAY": self._display.name})
        try:
            self._driver = webdriver.WebKitGTK(options=options, service=service)
        except BaseException:
            self._display.close()
            raise
        self._driver.set_script_timeout(_PATIENCE)

    def open(self, url: str) -> WebKitPage:
        """A new tab, loaded."""
        return WebKitPage(self._driver, url)

    def wait_for(self, condition: Callable[[], Any], timeout: float = 90.0) -> Any:
        """`wait_for`: three times as patient as elsewhere, for its boot takes so much longer."""
        return wait_for(condition, lambda: time.sleep(_POLL), timeout)

    def save(self, folder: Path) -> None:
        """Keeps a screenshot."""
        folder.mkdir(parents=True, exist_ok=True)
        self._driver.save_screenshot(str(folder / "tab.png"))

    def kill(self) -> None:
        """Ends the browser and its screen."""
        self._driver.quit()
        self._display.close()


class LastingWebKit:
    """A WebKitGTK that nobody drives, so it keeps its profile. Its pages tell the server what they see.

    Args:
        browser: the program `MiniBrowser`.
        profile: the folder that outlives a restart.
    """

    def __init__(self, browser: Path, profile: Path) -> None:
        self._browser = browser
        self._profile = profile
        self._processes: list[subprocess.Popen[bytes]] = []
        self._display = Display()

    def open(self, url: str) -> None:
        """A browser of its own for the page, which may not be loaded yet when this returns."""
        environment = {
            "DISPLAY": self._display.name,
            "HOME": str(self._profile),
            "XDG_CACHE_HOME": str(self._profile / "cache"),
            "XDG_DATA_HOME": str(self._profile / "data"),
        }
        self._profile.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [self._browser, url],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._processes.append(process)

    def wait_for(self, condition: Callable[[], Any], timeout: float = 90.0) -> Any:
        """As `WebKit.wait_for`."""
        return wait_for(condition, lambda: time.sleep(_POLL), timeout)

    def kill(self) -> None:
        """Ends the browser, its pages' and its storage's processes, and the screen."""
        for process in self._processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()
        self._display.close()

    def reopen(self) -> None:
        """A new screen; the browser starts with its first page."""
        self._display = Display()
