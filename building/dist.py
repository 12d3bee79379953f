"""What a release consists of: the wheel, and the browser files as a zip for static hosts."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from .paths import DIST, STATIC
from .process import say
from .wheels import build_wheel, version

_TIME = (1980, 1, 1, 0, 0, 0)
"""Of every file in the zip: the same files make the same zip."""


def build(folder: Path = DIST) -> None:
    """Writes both into a folder, which is emptied first. The same sources make the same bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for made in (build_wheel(folder), _zip_static(folder / f"pyqueue-static-{version()}.zip")):
        say(f"made {folder.name}/{made.name}, {made.stat().st_size / 1e6:.1f} MB")


def _zip_static(target: Path) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in STATIC.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(f"pyqueue/{file.relative_to(STATIC).as_posix()}", _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return target
