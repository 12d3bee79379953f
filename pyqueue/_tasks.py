"""A site's tasks module: from a file, or imported, to the one `Queue` that it declares."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Final

from ._errors import DeclarationError
from ._queue import Queue
from ._text import text_of

_ONLY_IN_BROWSERS: Final = frozenset({"js", "pyodide", "pyodide_js", "pyscript"})


def load_tasks(path: str | Path) -> Queue:
    """The queue that a tasks module declares.

    The module is run, as the worker does it, but under a name of its own: it is not the module that
    `import tasks` finds.

    Raises:
        DeclarationError: the file cannot be read, cannot be run, or does not have exactly one queue.
    """
    return queue_of(read_tasks(path), path)


def read_tasks(path: str | Path) -> bytes:
    """The source of a tasks module.

    Raises:
        DeclarationError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as cause:
        raise DeclarationError(f"the tasks module {path} cannot be read: {cause}") from cause


def queue_of(source: bytes, path: str | Path) -> Queue:
    """The queue that the source of a tasks module declares.

    Args:
        source: the text, as read.
        path: where it was read, for messages and tracebacks.

    Raises:
        DeclarationError: it cannot be run, or does not have exactly one queue.
    """
    file = str(path)
    # It has to be findable by its name: dataclasses, for one, look their module up.
    name = f"_pyqueue_tasks_{abs(hash(file)):x}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = file
    try:
        exec(compile(source, file, "exec", dont_inherit=True), vars(module))
    except KeyboardInterrupt:
        raise
    except BaseException as cause:  # A module may also call `sys.exit`.
        raise declaration_error(cause, file, file) from cause
    return find_queue(module, file)


def find_queue(module: ModuleType, name: str) -> Queue:
    """The one queue at a module's top level.

    Args:
        module: the tasks module.
        name: what a message calls it.

    Raises:
        DeclarationError: there is none, or more than one.
    """
    queues = {id(value): value for value in vars(module).values() if isinstance(value, Queue)}
    if len(queues) != 1:
        raise DeclarationError(
            f"{name} must have one Queue at its top level (`queue = Queue()`); it has {len(queues)}"
        )
    return next(iter(queues.values()))


def declaration_error(cause: BaseException, file: str, name: str) -> DeclarationError:
    """Why a tasks module cannot be imported, with the line and the remedy.

    Args:
        cause: what the import raised.
        file: the module's, as in tracebacks.
        name: what the message calls it.
    """
    line = _line(cause, file)
    where = name if line is None else f"{name}, line {line}"
    if isinstance(cause, DeclarationError):
        return DeclarationError(f"{where}: {cause}")
    if isinstance(cause, SyntaxError):
        return DeclarationError(f"{where}: it is not valid Python: {cause.msg}")
    said = f"{type(cause).__name__}: {text_of(cause, 500)}".removesuffix(": ")
    return DeclarationError(f"{where}: it cannot be imported: {said}{_remedy(cause)}")


def _line(cause: BaseException, file: str) -> int | None:
    """The line of the module that an error is in, or passed through last."""
    if isinstance(cause, SyntaxError) and cause.filename == file:
        return cause.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(cause.__traceback__) if frame.filename == file]
    return lines[-1] if lines else None


def _remedy(cause: BaseException) -> str:
    if not isinstance(cause, ModuleNotFoundError):
        return ""
    if (cause.name or "").partition(".")[0] in _ONLY_IN_BROWSERS:
        return (
            f". {cause.name} exists in browsers only, but servers and tests read the tasks too: import it "
            "inside the function that uses it"
        )
    return ". A tasks module imports only pyqueue and the standard library: the worker has nothing else"
