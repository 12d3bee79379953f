"""Stamps: a step is skipped while what it was made from is unchanged."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .paths import CACHE, ROOT


@contextmanager
def build_lock() -> Iterator[None]:
    """Waits until no other build.py of this checkout makes anything. The lock is released if its
    holder dies.

    On Windows, which has no such lock, nothing is waited for.
    """
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fingerprint(files: Iterable[Path], *words: str) -> str:
    """A hash (hexadecimal) over the paths and contents of files, and words."""
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode() + b"\0")
    for file in sorted(files):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


class Stamp:
    """Whether a target is made from certain inputs.

    Args:
        name: of the step.
        target: the file or folder it makes; without it the stamp counts for nothing.
        inputs: the fingerprint of what it is made from.
    """

    def __init__(self, name: str, target: Path, inputs: str):
        self._file = CACHE / "stamps" / name
        self._target = target
        self._inputs = inputs

    def is_current(self) -> bool:
        """Whether the target needs nothing done."""
        return self._target.exists() and self._file.exists() and self._file.read_text() == self._inputs

    def clear(self) -> None:
        """Before the step: if it is interrupted, it is done again."""
        self._file.unlink(missing_ok=True)

    def set(self) -> None:
        """After the step."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(self._inputs)
