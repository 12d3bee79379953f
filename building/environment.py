"""The virtual environment with the project and its development dependencies."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tomllib
import venv

from .paths import PYPROJECT, PYTHON, REQUIREMENTS, ROOT, VENV
from .process import Failure, run, say
from .stamp import Stamp, fingerprint


def is_active() -> bool:
    """Whether this very process runs in the environment."""
    return sys.prefix == str(VENV)


def ensure() -> None:
    """Makes the environment, or brings it up to date with requirements/dev.txt.

    Raises:
        Failure: `venv` is not complete, or a package could not be had.
    """
    settings = tomllib.loads(PYPROJECT.read_text())
    packages = REQUIREMENTS / "dev.txt"
    inputs = fingerprint([packages], json.dumps(settings["project"]), sys.version, str(ROOT))
    stamp = Stamp("environment", PYTHON, inputs)
    if stamp.is_current():
        return
    stamp.clear()
    _make()
    unreachable = (
        "pip could not install the development dependencies (see above); "
        "check the network connection, then run this again."
    )
    say("installing the development dependencies with pip")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "--requirement", str(packages)], unreachable)
    run([*pip, "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], unreachable)
    stamp.set()


def _make() -> None:
    say(f"making the Python environment {VENV}")
    try:
        # An environment of another Python is replaced; one of this Python is only completed.
        same = VENV / "pyvenv.cfg"
        clear = not same.exists() or f"version = {platform.python_version()}\n" not in same.read_text()
        venv.EnvBuilder(with_pip=True, clear=clear, symlinks=os.name != "nt").create(VENV)
    except subprocess.CalledProcessError as error:
        raise Failure(
            "This Python cannot install pip into an environment; on Debian: apt-get install python3-venv"
        ) from error
    except OSError as error:
        raise Failure(f"The environment {VENV} cannot be made: {error}") from error
