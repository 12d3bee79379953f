"""The benchmark: its peers' packages and scripts, then the run."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence

from . import browser, node
from .paths import CACHE, ROOT
from .process import say

_BENCH = ROOT / "tests" / "bench"
_BUNDLES = CACHE / "bench"
_BROWSERLESS = {"server"}
"""The cases that need no browser."""


def bench(arguments: Sequence[str]) -> int:
    """Runs the benchmark.

    Args:
        arguments: of `tests.bench`: `--case`, `--rounds`, `--json`.

    Returns:
        its exit code.

    Raises:
        Failure: a package could not be had, or a script not be bundled.
    """
    command = [sys.executable, "-m", "tests.bench", *arguments]
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--case", action="append", default=[])
    cases = set(parser.parse_known_args(arguments)[0].case)
    if not cases or cases - _BROWSERLESS:
        command += _ensure_browser()
    return subprocess.call(command, cwd=ROOT)


def _ensure_browser() -> list[str]:
    """What `tests.bench` is told of the browser and the peers' scripts."""
    modules = node.ensure_packages(_BENCH)
    entries = sorted(path for path in (_BENCH / "peers").glob("*.js"))
    node.run_script(
        [
            *(str(modules / "esbuild/bin/esbuild"), *map(str, entries), "--bundle", "--format=esm"),
            *("--minify", f"--outdir={_BUNDLES}", "--log-level=warning"),
        ],
        "The peers' scripts could not be bundled (see above).",
        cwd=_BENCH,
    )
    executable = browser.ensure_chromium()
    say(f"measuring in {executable}")
    return [f"--browser={executable}", f"--bundles={_BUNDLES}"]
