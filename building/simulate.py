"""Simulated worlds, as many as asked for."""

from __future__ import annotations

import sys
import time

from .paths import ROOT
from .process import Failure, say


def run(seed: int, rounds: int) -> None:
    """Simulates worlds of the queue that the unit tests declare.

    Args:
        seed: of the first world.
        rounds: how many.

    Raises:
        Failure: a promise was broken; tells the seed and a short history that leads there.
    """
    sys.path.insert(0, str(ROOT))
    from pyqueue.testing import Violation, simulate
    from tests.unit.model import declared, older, write

    start = time.monotonic()
    try:
        report = simulate(declared(), range(seed, seed + rounds), write=write, older=older())
    except Violation as violation:
        raise Failure(f"A promise was broken. {violation}") from violation
    say(
        f"{report.worlds} worlds, {report.crashes} crashes at {report.moments} moments, "
        f"{report.effects} effects in {time.monotonic() - start:.1f} s: every promise held"
    )
