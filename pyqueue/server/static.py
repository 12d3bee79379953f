"""The built static folder, and how a site's tasks are joined to it."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from .._errors import DeclarationError
from .._tasks import queue_of, read_tasks
from .joined import Forms, join

BUILT = Path(__file__).resolve().parent.parent / "static"
"""Where the build puts the browser files; the wheel ships them."""

SUFFIXES = {"br": ".br", "gzip": ".gz", "identity": ""}
"""What is added to a file's name for each of its forms, by their content codings, the best first."""


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
                f"{folder / name} is missing: every installation has it but an editable one, for which "
                "`python3 build.py dist` makes it"
            )
    return folder


@dataclass(frozen=True, slots=True)
class Tasks:
    """A site's tasks module as it was when it was read, and what the browser files are told of it.

    Attributes:
        source: the module, as served.
        worker_line: to join to `sw.js`: where the module is, and its digest. A browser installs a new
            worker when the bytes of the script change.
        page_line: to join to `pyqueue.js`: the limits, and the names and labels of the tasks.
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
            f"self.PYQUEUE_TASKS = {json.dumps(address)};\n".encode(),
            f"import.meta.pyqueue.declare({json.dumps(declaration)});\n".encode(),
        )

    def forms(self, folder: Path, name: str) -> Forms | None:
        """A file that is not served as it is in the folder; `None`: any other."""
        if name == "tasks.py":
            return {"identity": lambda: self.source}
        line = {"sw.js": self.worker_line, "pyqueue.js": self.page_line}.get(name)
        return None if line is None else join(folder / name, line)


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
    joined = Tasks.read(tasks) if tasks is not None else None
    folder = Path(target).resolve()
    # pip compiles the Python among them.
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    for name in ("tasks.py", "sw.js", "pyqueue.js"):
        if joined is None or (forms := joined.forms(source, name)) is None:
            continue
        for coding, suffix in SUFFIXES.items():
            copy = folder / (name + suffix)
            if coding in forms:
                copy.write_bytes(forms[coding]())
            else:
                copy.unlink(missing_ok=True)
    return folder
