"""Running other programs, and telling the person what happens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from os import PathLike

from .paths import ROOT


class Failure(Exception):
    """A step cannot go on. The message is a sentence that names the remedy; no traceback is shown."""


def say(text: str) -> None:
    """Tells what is being done, at once also where the output is a pipe."""
    print(f"build.py: {text}", file=sys.stderr, flush=True)


def run(command: Sequence[str | PathLike[str]], remedy: str, *, cwd: PathLike[str] = ROOT) -> None:
    """Runs a program whose output the person sees only if it fails.

    Raises:
        Failure: it is not there or did not exit with 0; the message is `remedy`.
    """
    try:
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        raise Failure(f"{remedy} ({error})") from error
    if done.returncode:
        sys.stderr.write(done.stdout.decode(errors="replace"))
        raise Failure(remedy)
