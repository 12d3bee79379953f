"""Fixtures of the browser tests: a demo server and a Chromium with a fresh profile for every test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Playwright, expect

from building import browser
from tests.browser.harness import (
    Annex,
    Board,
    Chromium,
    Demo,
    Engine,
    Firefox,
    LastingEngine,
    LastingWebKit,
    ServiceWorkers,
    Shared,
    Site,
    Tab,
    WebKit,
)

HERE = Path(__file__).parent
RESULTS = HERE.parents[1] / "test-results"
# A PNG of one pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da6364f80f00010501012718e3660000000049454e44ae426082"
)
FAILED = pytest.StashKey[bool]()
SKIPPED = pytest.StashKey[dict[str, int]]()

# As patient as `Chromium.wait_for`: what is expected may first need Python to boot.
expect.set_options(timeout=30_000)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", list(browser.ENGINES), scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every test here is one of an engine: of Chromium, unless it runs in all of them."""
    wanted = config.getoption("--engine") or list(browser.ENGINES)
    absent = {name for name in wanted if name != "chromium" and browser.ENGINES[name].find() is None}
    skipped: Counter[str] = Counter()
    others: list[pytest.Item] = []
    for item in items:
        if HERE not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        callspec = getattr(item, "callspec", None)
        name = callspec.params.get("engine_name", "chromium") if callspec else "chromium"
        if name not in wanted:
            others.append(item)
        elif name in absent:
            item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))
            skipped[name] += 1
    if others:
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item not in others]
    config.stash[SKIPPED] = skipped


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name, count in config.stash.get(SKIPPED, {}).items():
        packages = " ".join(browser.ENGINES[name].packages)
        terminalreporter.write_line(
            f"{name} is not installed: {count} tests were skipped (apt-get install {packages})", yellow=True
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # The setup too: what a fixture waits for may not come.
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture(scope="session")
def chromium_executable(playwright: Playwright) -> Path:
    """The browser's program: the system's, else Playwright's own."""
    system = browser.CHROMIUM.find()
    executable = system[0] if system else Path(playwright.chromium.executable_path)
    if not executable.exists():
        pytest.skip("there is no Chromium; `python3 build.py test` installs one")
    return executable


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], chromium_executable: Path
) -> dict[str, Any]:
    """Of pytest-playwright's own `browser`: the same program."""
    return {**browser_type_launch_args, "executable_path": chromium_executable, "args": ["--no-sandbox"]}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """A demo server with an empty database."""
    demo = Demo(tmp_path)
    demo.start()
    yield demo
    demo.close()


@pytest.fixture(params=[pytest.param("", id="script tag"), pytest.param("pyscript", id="PyScript")])
def board_url(request: pytest.FixtureRequest, demo: Demo) -> str:
    """Where each version of the board is."""
    return f"{demo.url}{request.param}"


@pytest.fixture
def annex(tmp_path: Path) -> Iterator[Annex]:
    """A demo server that has more pages, and files that can be made to break."""
    annex = Annex(tmp_path)
    annex.start()
    yield annex
    annex.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """The page's half alone: no worker carries anything out."""
    site = Site()
    site.start()
    yield site
    site.close()


@pytest.fixture
def chromium_arguments() -> list[str]:
    """Further arguments of the browser's command line; a test may parametrize them."""
    return []


@pytest.fixture
def chromium(
    playwright: Playwright,
    chromium_executable: Path,
    chromium_arguments: list[str],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Chromium]:
    """A browser with a fresh profile. If the test fails, console and screenshots go to test-results/."""
    chromium = Chromium(playwright, chromium_executable, tmp_path / "profile", chromium_arguments)
    yield chromium
    if request.node.stash.get(FAILED, False):
        chromium.save(RESULTS / request.node.name)
    chromium.kill()


@pytest.fixture(scope="module")
def programs(engine_name: str, request: pytest.FixtureRequest) -> list[Path]:
    """Of an engine: what has to be there for its tests."""
    if engine_name == "chromium":
        return [request.getfixturevalue("chromium_executable")]
    found = browser.ENGINES[engine_name].find()
    assert found is not None, "its tests were skipped"
    return found


@pytest.fixture(scope="module")
def shared(
    engine_name: str, programs: list[Path], playwright: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    """What the tests of an engine share."""

    def launch() -> Engine:
        if engine_name == "webkit":
            return WebKit(*programs[:2])
        kind = Firefox if engine_name == "firefox" else Chromium
        return kind(playwright, programs[0], tmp_path_factory.mktemp("profile"))

    server = Annex(tmp_path_factory.mktemp("server"))
    server.start()
    shared = Shared(launch, server)
    yield shared
    shared.close()


@pytest.fixture
def engine(shared: Shared, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The browser that the tests of an engine share, as long as none fails."""
    yield shared.engine
    if request.node.stash.get(FAILED, False):
        shared.engine.save(RESULTS / request.node.name)
        shared.renew()


@pytest.fixture
def lasting(
    engine_name: str, programs: list[Path], playwright: Playwright, tmp_path: Path
) -> Iterator[LastingEngine]:
    """A browser of the engine, of its own, that can be killed and opened again."""
    lasting: LastingEngine
    if engine_name == "webkit":
        lasting = LastingWebKit(programs[1], tmp_path / "profile")
    else:
        kind = Firefox if engine_name == "firefox" else Chromium
        lasting = kind(playwright, programs[0], tmp_path / "profile")
    yield lasting
    lasting.kill()


@pytest.fixture
def board(chromium: Chromium, demo: Demo) -> Board:
    """The board in a first tab, its worker installed."""
    board = Board(chromium, demo)
    chromium.wait_for(board.is_installed)
    return board


@pytest.fixture
def context(chromium: Chromium) -> BrowserContext:
    """The context that the fixtures of pyqueue's own pytest plugin act on, `network` among them."""
    return chromium.context


@pytest.fixture
def tab(chromium: Chromium, demo: Demo) -> Tab:
    """A tab with the demo's board."""
    return Tab(chromium, demo.url)


@pytest.fixture
def wait_for(chromium: Chromium) -> Callable[..., Any]:
    """`Chromium.wait_for`."""
    return chromium.wait_for


@pytest.fixture
def service_workers(chromium: Chromium) -> Callable[..., ServiceWorkers]:
    """`ServiceWorkers` of a page: for tests that do not use `network`."""
    return ServiceWorkers


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo on the author's disk."""
    path = tmp_path / 'crab "one claw".png'
    path.write_bytes(PIXEL)
    return path
