"""The static folder that `build.py test` has just built."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import brotli
import pytest

from building import wheels
from building.paths import STATIC

COMPRESSED = [file for file in sorted(STATIC.rglob("*")) if file.suffix in (".br", ".gz")]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    [file] = STATIC.glob("app-*/worker/manifest.js")
    found = re.fullmatch(r"export default (.*);\n", file.read_text(), re.DOTALL)
    assert found
    value: dict[str, Any] = json.loads(found[1])
    return value


def test_the_manifest_names_what_the_worker_precaches(manifest: dict[str, Any]) -> None:
    """Every file is there with the bytes that the worker will verify."""
    assert {manifest["wheel"], manifest["main"]} < manifest["files"].keys()
    assert {path: sha256(STATIC / path) for path in manifest["files"]} == manifest["files"]


def test_the_app_folder_is_named_by_the_build(manifest: dict[str, Any]) -> None:
    """It is cached for ever, so it has to change its name with its content."""
    [app] = STATIC.glob("app-*")
    assert app.name == f"app-{manifest['build']}"


def test_only_the_declared_types_are_shipped() -> None:
    """What holds them against the code stays in the source tree."""
    assert [file.name for file in STATIC.glob("*.ts")] == ["pyqueue.d.ts"]
    assert not list(STATIC.glob("app-*/**/*.ts"))


def test_the_lock_file_names_files_that_are_there() -> None:
    """Pyodide refuses a package whose hash differs, and PyScript finds packages by their imports."""
    lock = json.loads((STATIC / "pyodide" / "pyodide-lock.json").read_text())
    assert set(lock["packages"]) == {"micropip", "pyqueue"}
    for name, package in lock["packages"].items():
        assert package["imports"] == [name]
        assert sha256(STATIC / "pyodide" / package["file_name"]) == package["sha256"]


def test_the_browser_wheel_holds_only_what_runs_in_a_browser() -> None:
    """It is downloaded by every visitor."""
    [wheel] = STATIC.glob("pyqueue-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "pyqueue/browser/__init__.py" in names
    assert not [name for name in names if re.search(r"/(server|testing|static)/|__main__|entry_points", name)]


def test_the_same_sources_make_the_same_wheel(tmp_path: Path) -> None:
    """Otherwise every build would make every browser download everything again."""
    first, second = (wheels.build_browser_wheel(tmp_path / name).read_bytes() for name in ("first", "second"))
    assert first == second


@pytest.mark.parametrize("file", COMPRESSED, ids=lambda file: file.relative_to(STATIC).as_posix())
def test_a_compressed_file_holds_its_original(file: Path) -> None:
    """Browsers get it in the original's place."""
    unpack = {".br": brotli.decompress, ".gz": gzip.decompress}[file.suffix]
    assert unpack(file.read_bytes()) == file.with_suffix("").read_bytes()
