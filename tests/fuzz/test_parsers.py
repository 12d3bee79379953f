"""No input breaks a parser: each is fed a bounded number of inputs, always the same ones."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
RUNS = 50_000


@pytest.mark.parametrize("name", TARGETS)
def test_the_first_inputs_are_as_expected(name: str) -> None:
    """Wherever the tests run: those with which a search begins."""
    target, seeds = TARGETS[name]
    for seed in [b"", *seeds]:
        target(seed)


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is for Linux on x86-64, Python before 3.14"
)
@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_parser(name: str, tmp_path: Path) -> None:
    """Inputs that reach new code are built upon."""
    limits = [f"-runs={RUNS}", "-seed=1", "-timeout=10", "-max_len=4096", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, "-m", "tests.fuzz", name, *limits]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
