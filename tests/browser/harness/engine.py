"""What every engine's browser can be told, whoever drives it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol


class Engine(Protocol):
    """A browser of one engine, with a fresh profile."""

    def open(self, url: str) -> Any:
        """A new tab, loaded: as much of Playwright's `Page` as `WebKitPage` has."""

    def wait_for(self, condition: Callable[[], Any], timeout: float = ...) -> Any:
        """Waits until a condition is true, and returns what it answered.

        Raises:
            AssertionError: it is still not true after so many seconds.
        """

    def kill(self) -> None:
        """Ends the browser as a crash does."""

    def save(self, folder: Path) -> None:
        """Keeps what helps to understand a failure."""


class LastingEngine(Protocol):
    """A browser whose profile outlives it. Its pages may have to do without a driver."""

    def open(self, url: str) -> Any:
        """Opens a page in a new tab."""

    def wait_for(self, condition: Callable[[], Any], timeout: float = ...) -> Any:
        """As `Engine.wait_for`."""

    def kill(self) -> None:
        """Ends the browser as a crash does."""

    def reopen(self) -> None:
        """Starts the browser that was ended again, with the same profile."""
