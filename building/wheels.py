"""The wheels: pyqueue for servers, pyqueue for browsers, and micropip."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.wheel import WheelBuilder
from hatchling.plugin.manager import PluginManager

from .paths import CACHE, PYPROJECT, REQUIREMENTS, ROOT
from .process import run, say
from .stamp import fingerprint

MICROPIP = REQUIREMENTS / "browser.txt"


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads(PYPROJECT.read_text())


def distribution() -> str:
    """The name under which the project is installed; it is imported as `pyqueue`."""
    return str(project()["project"]["name"])


def version() -> str:
    """The version being built."""
    return str(project()["project"]["version"])


def build_wheel(folder: Path) -> Path:
    """The wheel to release, with the static folder in it. The same files make the same wheel."""
    return _build(project(), folder)


def build_browser_wheel(folder: Path) -> Path:
    """The wheel that the worker and PyScript pages load: only what runs in a browser."""
    config = project()
    config["tool"]["hatch"]["build"]["targets"]["wheel"] = config["tool"]["pyqueue"]["browser-wheel"]
    del config["project"]["entry-points"], config["project"]["readme"]
    return _build(config, folder)


def _build(config: dict[str, Any], folder: Path) -> Path:
    builder = WheelBuilder(str(ROOT), plugin_manager=PluginManager(), config=config)
    [wheel] = builder.build(directory=str(folder), versions=["standard"])
    return Path(wheel)


def micropip_wheel() -> Path:
    """micropip, downloaded once. It is for Pyodide's Python, not for this one.

    Raises:
        Failure: PyPI could not be reached.
    """
    folder = CACHE / "downloads" / fingerprint([MICROPIP])
    if not folder.exists():
        say("downloading micropip with pip")
        unfinished = folder.with_suffix(".part")
        run(
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--only-binary=:all:", "--python-version=3.14", "--dest", unfinished),
                *("--require-hashes", "--requirement", MICROPIP),
            ],
            "pip could not download micropip (see above); check the network connection, then run this again.",
        )
        unfinished.rename(folder)
    [wheel] = folder.iterdir()
    return wheel
