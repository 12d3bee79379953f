"""Feeds a parser until it breaks: `python -m tests.fuzz NAME`; what follows goes to libFuzzer.

-runs=N               executions, else without end
-max_total_time=N     seconds
-artifact_prefix=DIR/ where an input that breaks it is kept
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pyqueue", "tests.fuzz.targets"]):
    from tests.fuzz.targets import TARGETS


def main(arguments: list[str]) -> None:
    """Runs one target; ends the process with a status that is not 0 if an input breaks it."""
    if len(arguments) < 2 or arguments[1] not in TARGETS:
        sys.exit(f"{__doc__}\nNAME is one of {', '.join(TARGETS)}.")
    target, seeds = TARGETS[arguments[1]]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds):
            Path(corpus, str(number)).write_bytes(seed)
        atheris.Setup([arguments[0], *arguments[2:], corpus], target)
        atheris.Fuzz()


main(sys.argv)
