"""Debian's packages, where the machine is Debian's and the person is root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from .process import run, say


def can_install() -> bool:
    """Whether apt-get is there and may be used."""
    return bool(shutil.which("apt-get")) and hasattr(os, "geteuid") and os.geteuid() == 0


def install(name: str, packages: Sequence[str], otherwise: str) -> None:
    """Installs packages.

    Args:
        name: what is missing.
        packages: of Debian that bring it.
        otherwise: what follows if they cannot be installed, or what to do then: a sentence.

    Raises:
        Failure: they cannot be installed.
    """
    say(f"found no {name}; installing Debian's {', '.join(packages)} with apt-get")
    run(["apt-get", "update"], f"apt-get could not reach its archive (see above). {otherwise}")
    run(
        ["apt-get", "install", "--yes", "--no-install-recommends", *packages],
        f"apt-get could not install {', '.join(packages)} (see above). {otherwise}",
    )
