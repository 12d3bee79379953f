"""Faults on purpose: the database servers, then the run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from . import databases
from .paths import ROOT


def faults(arguments: Sequence[str]) -> int:
    """Provokes faults and counts what they cost.

    Args:
        arguments: of `tests.faults`: `--server`, `--store`, `--rounds`, `--seed`.

    Returns:
        its exit code: 0 if every promise was kept.
    """
    databases.ensure_databases()
    return subprocess.call([sys.executable, "-m", "tests.faults", *arguments], cwd=ROOT)
