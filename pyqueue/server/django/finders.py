"""The browser files as static files: `collectstatic` and `runserver` find them below `pyqueue/`."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage

from ..static import SUFFIXES, Tasks, static_folder
from .configuration import configuration

PREFIX = "pyqueue"

_JOINED = ("tasks.py", "sw.js", "pyqueue.js")
_JOINED_COPIES = frozenset(name + suffix for name in _JOINED for suffix in SUFFIXES.values())


class PyqueueFinder(BaseFinder):
    """Finds what `assets()` would serve. The site's tasks module, and the scripts that a line of it is joined
    to, are written to a temporary folder, and again when the module has changed.

    Its calls raise `DeclarationError` if the browser files are not built, or the setting or the tasks module
    is wrong.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._joined = Path(tempfile.mkdtemp(prefix="pyqueue-"))
        atexit.register(shutil.rmtree, self._joined, ignore_errors=True)
        self._source: bytes | None = None

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Nothing: `checks.check_settings` says what is wrong."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> str | list[str]:
        """The absolute path of a file, or of `find_all` a list with it; empty if there is none."""
        name = path.removeprefix(f"{PREFIX}/")
        found = self._path_of(name, self._join()) if name != path else None
        if found is None:
            return []
        return [str(found)] if find_all else str(found)

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """Each file's path below the folder, and the storage that has it."""
        joins = self._join()
        for folder in (self._joined, static_folder()):
            storage = FileSystemStorage(folder)
            storage.prefix = PREFIX
            for file in sorted(folder.rglob("*")):
                name = file.relative_to(folder).as_posix()
                ignored = any(
                    fnmatch(name, pattern) for pattern in (*(ignore_patterns or ()), "*__pycache__*")
                )
                if not ignored and self._path_of(name, joins) == file:
                    yield name, storage

    def _path_of(self, name: str, joins: bool) -> Path | None:
        """Where a file is. A copy of a script in a coding in which it was not joined is none."""
        if any(segment in ("", ".", "..") for segment in name.split("/")):
            return None
        folder = self._joined if joins and name in _JOINED_COPIES else static_folder()
        return folder / name if (folder / name).is_file() else None

    def _join(self) -> bool:
        """Writes what is joined, if the site has tasks, and returns whether it has."""
        path = configuration().tasks
        if path is None:
            return False
        tasks = Tasks.read(path)
        if tasks.source != self._source:
            for name in _JOINED:
                for coding, make in (tasks.forms(static_folder(), name) or {}).items():
                    (self._joined / (name + SUFFIXES[coding])).write_bytes(make())
            self._source = tasks.source
        return True
