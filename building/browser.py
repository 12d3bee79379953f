"""A Chromium for the browser tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .paths import PYTHON
from .process import run, say

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_system() -> Path | None:
    """The system's browser. Playwright cannot download its own on every machine, so this one comes first."""
    return next((Path(found) for name in _NAMES if (found := shutil.which(name))), None)


def find() -> Path | None:
    """The browser that the tests will drive: the system's, else Playwright's own."""
    if system := find_system():
        return system
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def ensure() -> Path:
    """The browser; installs one where there is none.

    Raises:
        Failure: none can be installed.
    """
    if found := find():
        return found
    by_hand = "Install Chromium or Google Chrome so that `chromium` is on the PATH, then run this again."
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("found no browser; installing Debian's chromium with apt-get")
        run(["apt-get", "update"], f"apt-get could not reach its archive (see above). {by_hand}")
        run(
            ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"],
            f"apt-get could not install chromium (see above). {by_hand}",
        )
    else:
        say("found no browser; installing Playwright's Chromium")
        run(
            [PYTHON, "-m", "playwright", "install", "chromium"],
            f"Playwright could not download Chromium (see above). {by_hand}",
        )
    found = find()
    assert found is not None, "the browser just installed is not found"
    return found
