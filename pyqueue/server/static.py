"""The built static folder, and how a site's tasks are joined to it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .._errors import DeclarationError
from .._tasks import queue_of, read_tasks

BUILT = Path(__file__).resolve().parent.parent / "static"
"""Where the build puts the browser files; the wheel ships them."""


def static_folder(directory: str | Path | None = None) -> Path:
    """The folder of the browser files, absolute.

    Args:
        directory: another folder with the same layout as the package's own.

    Raises:
        DeclarationError: it has not been built.
    """
    folder = Path(directory or BUILT).resolve()
    for name in ("pyqueue.js", "sw.js"):
        if not (folder / name).is_file():
            raise DeclarationError(
                f"{folder / name} is missing: run `python3 build.py dist` in the source tree, "
                "or install pyqueue from its wheel, which holds the browser files"
            )
    return folder


@dataclass(frozen=True, slots=True)
class Tasks:
    """A site's tasks module as it was when it was read, and what the browser files are told of it.

    Attributes:
        source: the module, as served.
        worker_line: to append to `sw.js`: where the module is, and its digest. A browser installs a new
            worker when the bytes of the script change.
        page_line: to append to `pyqueue.js`: the limits, and the names and labels of the tasks.
    """

    source: bytes
    worker_line: bytes
    page_line: bytes

    @classmethod
    def read(cls, path: str | Path) -> Tasks:
        """Reads a tasks module and runs it once.

        Raises:
            DeclarationError: the file cannot be read, is not Python, or declares something wrongly.
        """
        source = read_tasks(path)
        declaration = queue_of(source, path).declaration()
        address = {"url": "tasks.py", "sha256": hashlib.sha256(source).hexdigest()}
        return cls(
            source,
            f"\nself.PYQUEUE_TASKS = {json.dumps(address)};\n".encode(),
            f"\npyqueue.declare({json.dumps(declaration)});\n".encode(),
        )

    def files(self, folder: Path) -> dict[str, Callable[[], bytes]]:
        """The files that are not served as they are in the folder, by name, and what makes each."""
        return {
            "tasks.py": lambda: self.source,
            "sw.js": lambda: (folder / "sw.js").read_bytes() + self.worker_line,
            "pyqueue.js": lambda: (folder / "pyqueue.js").read_bytes() + self.page_line,
        }


def install(target: str | Path, tasks: str | Path | None = None) -> Path:
    """Copies the browser files to a folder that a static host serves, over an older copy if there is one.

    Files of the older copy with other names stay: pages loaded from it still need them.

    Args:
        target: the folder, made when it is missing.
        tasks: the site's tasks module, copied to `tasks.py`.

    Returns:
        The folder, absolute.

    Raises:
        DeclarationError: the browser files are not built, or the tasks module is wrong.
        OSError: the folder cannot be written.
    """
    source = static_folder()
    made = Tasks.read(tasks).files(source) if tasks is not None else {}
    folder = Path(target).resolve()
    shutil.copytree(source, folder, dirs_exist_ok=True)
    for name, content in made.items():
        (folder / name).write_bytes(content())
        for suffix in (".br", ".gz"):  # Compressed copies of what it was made from.
            (folder / (name + suffix)).unlink(missing_ok=True)
    return folder
