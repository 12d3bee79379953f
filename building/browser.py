"""The browsers for the browser tests."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .debian import can_install, install
from .paths import PYTHON
from .process import Failure, run, say


@dataclass(frozen=True, slots=True)
class Engine:
    """A browser that the tests drive.

    Attributes:
        name: of the engine.
        programs: what has to be there: for each, names on the PATH or patterns of absolute paths.
        packages: of Debian that bring them.
    """

    name: str
    programs: tuple[tuple[str, ...], ...]
    packages: tuple[str, ...]

    def find(self) -> list[Path] | None:
        """Its programs, if all are there."""
        found = [_find(names) for names in self.programs]
        return None if None in found else [path for path in found if path is not None]


CHROMIUM = Engine(
    "chromium",
    (("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),),
    ("chromium",),
)
FIREFOX = Engine("firefox", (("firefox-esr", "firefox"),), ("firefox-esr",))
WEBKIT = Engine(
    "webkit",
    (("WebKitWebDriver",), ("/usr/lib/*/webkit2gtk-4.1/MiniBrowser",), ("Xvfb",)),
    ("webkit2gtk-driver", "libwebkit2gtk-4.1-0", "xvfb"),
)
ENGINES = {engine.name: engine for engine in (CHROMIUM, FIREFOX, WEBKIT)}


def _find(names: tuple[str, ...]) -> Path | None:
    for name in names:
        if name.startswith("/"):
            path = next(iter(Path("/").glob(name[1:])), None)
        else:
            path = Path(found) if (found := shutil.which(name)) else None
        if path is not None:
            return path
    return None


def find_chromium() -> Path | None:
    """The Chromium that the tests will drive: the system's, else Playwright's own."""
    if system := CHROMIUM.find():
        return system[0]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def ensure_chromium() -> Path:
    """A Chromium; installs one where there is none.

    Raises:
        Failure: none can be installed.
    """
    if found := find_chromium():
        return found
    by_hand = "Install Chromium or Google Chrome so that `chromium` is on the PATH, then run this again."
    if can_install():
        install(CHROMIUM.name, CHROMIUM.packages, by_hand)
    else:
        say("found no browser; installing Playwright's Chromium")
        run(
            [PYTHON, "-m", "playwright", "install", "chromium"],
            f"Playwright could not download Chromium (see above). {by_hand}",
        )
    found = find_chromium()
    assert found is not None, "the browser just installed is not found"
    return found


def ensure(pytest: Sequence[str]) -> None:
    """The engines that the tests will run in. Of Firefox and WebKit one that cannot be installed is skipped.

    Args:
        pytest: its arguments; `--engine NAME` picks.

    Raises:
        Failure: Chromium is among them, and none can be installed.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--engine", action="append")
    picked = parser.parse_known_args(pytest)[0].engine or ENGINES
    for engine in ENGINES.values():
        if engine.name not in picked:
            continue
        if engine is CHROMIUM:
            say(f"testing with {ensure_chromium()}")
            continue
        if engine.find() is None and can_install():
            try:
                install(engine.name, engine.packages, f"The tests in {engine.name} will be skipped.")
            except Failure as failure:
                say(str(failure))
        if found := engine.find():
            say(f"testing with {found[0]}")
