"""The built static folder, and how a site's tasks are joined to it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from .._errors import DeclarationError

BUILT = Path(__file__).resolve().parent.parent / "static"
"""Where the build puts the browser files; the wheel ships them."""


def static_folder(directory: str | Path | None = None) -> Path:
    """The folder of the browser files, absolute.

    Args:
        directory: another folder of the same layout than the package's own.

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


def read_tasks(path: str | Path) -> bytes:
    """The source of a tasks module.

    Raises:
        DeclarationError: the file is missing or is not Python.
    """
    try:
        source = Path(path).read_bytes()
    except OSError as cause:
        raise DeclarationError(f"the tasks module {path} cannot be read: {cause.strerror}") from cause
    try:
        compile(source, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as cause:
        raise DeclarationError(f"the tasks module is not valid Python: {cause}") from cause
    return source


def worker_with_tasks(worker: bytes, tasks: bytes) -> bytes:
    """The worker's entry, told where its tasks are: next to it, in `tasks.py`.

    Their digest is part of the script: a browser installs a new worker when the script's bytes change.
    """
    value = json.dumps({"url": "tasks.py", "sha256": hashlib.sha256(tasks).hexdigest()})
    return worker + f"\nself.PYQUEUE_TASKS = {value};\n".encode()


def install(target: str | Path, tasks: str | Path | None = None) -> Path:
    """Copies the browser files to a folder that a static host serves, over an older copy if there is one.

    Files of the older copy with other names stay: pages loaded from it still need them.

    Args:
        target: the folder, made when it is missing.
        tasks: the site's tasks module, copied to `tasks.py`.

    Returns:
        The folder, absolute.

    Raises:
        DeclarationError: the browser files are not built, or the tasks module is unusable.
        OSError: the folder cannot be written.
    """
    source = static_folder()
    module = read_tasks(tasks) if tasks is not None else None
    folder = Path(target).resolve()
    shutil.copytree(source, folder, dirs_exist_ok=True)
    if module is not None:
        (folder / "tasks.py").write_bytes(module)
        (folder / "sw.js").write_bytes(worker_with_tasks((source / "sw.js").read_bytes(), module))
        for compressed in ("sw.js.br", "sw.js.gz"):
            (folder / compressed).unlink(missing_ok=True)
    return folder
