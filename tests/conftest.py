"""The options and the order of the whole suite."""

from __future__ import annotations

import pytest

from building.browser import ENGINES


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        action="append",
        choices=list(ENGINES),
        help="run the browser tests of this engine only; may be given again",
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The quick tests answer first. And from its first use on Playwright's event loop runs in this thread,
    # where no test could start another.
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
