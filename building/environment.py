"""The virtual environment with the project and its development dependencies."""

from __future__ import annotations

import sys
import tomllib
import venv

from .paths import PYPROJECT, PYTHON, ROOT, VENV
from .process import Failure, run, say
from .stamp import Stamp, fingerprint


def is_active() -> bool:
    """Whether this very process runs in the environment."""
    return sys.prefix == str(VENV)


def ensure() -> None:
    """Makes the environment, or brings it up to date with pyproject.toml.

    Raises:
        Failure: `venv` is not complete, or a package could not be had.
    """
    stamp = Stamp("environment", PYTHON, fingerprint([PYPROJECT], sys.version, str(ROOT)))
    if stamp.is_current():
        return
    stamp.clear()
    say(f"making the Python environment {VENV}")
    try:
        import ensurepip  # noqa: F401
    except ImportError as error:
        raise Failure(
            "This Python cannot make environments; on Debian: apt-get install python3-venv"
        ) from error
    try:
        # Not over an older Python's environment: its packages would stay.
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(VENV)
    except OSError as error:
        raise Failure(f"The environment {VENV} cannot be made: {error}") from error
    packages = tomllib.loads(PYPROJECT.read_text())["dependency-groups"]["dev"]
    unreachable = (
        "pip could not install the development dependencies (see above); "
        "check the network connection, then run this again."
    )
    say("installing the development dependencies with pip")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, *packages], unreachable)
    run([*pip, "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], unreachable)
    stamp.set()
