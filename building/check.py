"""Static checks: style, types of the Python, types of the JavaScript."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from . import node
from .paths import NODE_MODULES, ROOT
from .process import Failure, say

_TSC = ("node", str(NODE_MODULES / "typescript" / "bin" / "tsc"), "--project")

_CHECKS: dict[str, Sequence[str]] = {
    "ruff check": (sys.executable, "-m", "ruff", "check"),
    "ruff format": (sys.executable, "-m", "ruff", "format", "--check"),
    "mypy --strict": (sys.executable, "-m", "mypy"),
    "tsc, pages": (*_TSC, "web"),
    "tsc, worker": (*_TSC, "worker"),
}


def run_all() -> None:
    """Runs every check, also after one failed, and prints a summary.

    Raises:
        Failure: naming those that found something.
    """
    environment = {**os.environ, "PATH": node.path()}
    found = []
    for name, command in _CHECKS.items():
        done = subprocess.run(command, cwd=ROOT, env=environment)
        say(f"{name}: {'found something' if done.returncode else 'ok'}")
        if done.returncode:
            found.append(name)
    if found:
        raise Failure(f"Correct what these found (see above): {', '.join(found)}.")
