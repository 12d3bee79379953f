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

from building.paths import NODE_MODULES, STATIC

PYODIDE = json.loads((NODE_MODULES / "pyodide" / "package.json").read_text())["version"]
COMPRESSED = [file for file in sorted(STATIC.rglob("*")) if file.suffix in (".br", ".gz")]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((STATIC / "manifest.json").read_text())
    return value


def test_the_manifest_names_what_the_worker_precaches(manifest: dict[str, Any]) -> None:
    """Every file is there with the bytes that the worker will verify."""
    assert {manifest["wheel"], manifest["main"]} < manifest["files"].keys()
    assert {path: sha256(STATIC / path) for path in manifest["files"]} == manifest["files"]


def test_the_worker_knows_its_build(manifest: dict[str, Any]) -> None:
    """The manifest is part of its script: another build is another script, which the browser installs."""
    script = (STATIC / "sw.js").read_text()
    for word in (manifest["build"], *manifest["files"].values()):
        assert word in script


def test_the_page_loads_one_small_script() -> None:
    """It imports nothing, and at most 9 kB are sent; what is loaded later is named by its content."""
    script = (STATIC / "pyqueue.js").read_text()
    assert not re.search(r"\bimport\b\s*[\w{*\"']|\bfrom\s*[\"']", script)
    assert (STATIC / "pyqueue.js.br").stat().st_size <= 9000
    [views] = STATIC.glob("app-*/views.js")
    assert f'"./{views.relative_to(STATIC).as_posix()}"' in script


def test_the_worker_imports_pyodide_alone() -> None:
    """Under a name with its version, which an HTTP cache cannot mistake for another's."""
    script = (STATIC / "sw.js").read_text()
    imported = re.findall(r"\bimport[^\"'();]*[\"']([^\"']+)[\"']", script)
    assert sorted(imported) == [f"./pyodide/{name}?{PYODIDE}" for name in ("pyodide.asm.mjs", "pyodide.mjs")]
    assert not re.search(r"\bimport\(", script)  # which a service worker refuses


def test_only_the_declared_types_are_shipped() -> None:
    """What holds them against the code stays in the source tree."""
    assert [file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*.ts")] == ["pyqueue.d.ts"]


def test_every_source_map_is_there() -> None:
    """Ours show the modules as they are written; npm's files say nothing of theirs, which are not shipped."""
    maps = set()
    for file in STATIC.rglob("*"):
        if file.suffix in (".css", ".js", ".mjs"):
            for name in re.findall(r"sourceMappingURL=(\S+)", file.read_text("utf-8")):
                content = json.loads((file.parent / name).read_text())
                assert len(content["sources"]) == len(content["sourcesContent"])
                assert not [source for source in content["sources"] if source.startswith("/")]
                maps.add(file.name)
    assert maps == {"hpke.js", "pyqueue.js", "sw.js", "views.js"}


def test_the_lock_file_names_files_that_are_there() -> None:
    """Pyodide refuses a package whose hash differs, and PyScript finds packages by their imports."""
    lock = json.loads((STATIC / "pyodide" / "pyodide-lock.json").read_text())
    imports = {name: package["imports"] for name, package in lock["packages"].items()}
    assert imports == {"micropip": ["micropip"], "pyqueue-sync": ["pyqueue"]}
    for package in lock["packages"].values():
        assert sha256(STATIC / "pyodide" / package["file_name"]) == package["sha256"]


def test_the_browser_wheel_holds_only_what_runs_in_a_browser() -> None:
    """It is downloaded by every visitor."""
    names = zipfile.ZipFile(STATIC / "pyqueue.whl").namelist()
    assert "pyqueue/browser/__init__.py" in names
    assert not [name for name in names if re.search(r"/(server|testing|static)/|__main__|entry_points", name)]


@pytest.mark.parametrize("file", COMPRESSED, ids=lambda file: file.relative_to(STATIC).as_posix())
def test_a_compressed_file_holds_its_original(file: Path) -> None:
    """Browsers get it in the original's place."""
    unpack = {".br": brotli.decompress, ".gz": gzip.decompress}[file.suffix]
    assert unpack(file.read_bytes()) == file.with_suffix("").read_bytes()
