"""The static folder: everything that browsers load, ready to be served.

pyqueue.js, sw.js         the entries: at the root, revalidated by browsers
app-<hash>/               all other modules, immutable
pyodide/, pyscript/       of npm, with a lock file that also has micropip and pyqueue
pyqueue-<version>-*.whl   the browser wheel
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .compress import compress_folder
from .modules import check_imports, rewrite_entry, rewrite_module
from .paths import CACHE, DEMO, NODE_MODULES, PYPROJECT, ROOT, STATIC, WEB, WORKER
from .process import say
from .stamp import Stamp, fingerprint
from .wheels import MICROPIP, build_browser_wheel, micropip_wheel, version

_ENTRIES = {"pyqueue.js": WEB / "pyqueue.js", "sw.js": WORKER / "sw.js"}
_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_BOOT_FILES = ("pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip")


def _modules() -> list[Path]:
    """The browser modules that are not entries, and the worker's Python."""
    scripts = [file for file in WEB.rglob("*.js") if DEMO not in file.parents] + list(WORKER.glob("*.js"))
    entries = _ENTRIES.values()
    return sorted({*scripts, WORKER / "main.py"}.difference(entries))


def _inputs() -> list[Path]:
    """All files that the static folder is made from."""
    package = [file for file in (ROOT / "pyqueue").rglob("*") if file.suffix in (".py", ".typed")]
    packages = [file for file in package if STATIC not in file.parents]
    steps = list(Path(__file__).parent.glob("*.py"))
    settings = [PYPROJECT, WORKER / "package-lock.json", WEB / "pyqueue.d.ts", *ROOT.glob("README.md")]
    return [*packages, *steps, *settings, *_modules(), *_ENTRIES.values()]


def ensure() -> None:
    """Builds the static folder unless it is up to date. It is replaced as a whole, or not at all.

    Raises:
        Failure: a module imports what is not shipped, or micropip could not be downloaded.
    """
    stamp = Stamp("static", STATIC, fingerprint(_inputs()))
    if stamp.is_current():
        return
    say("building the browser files (the first time takes about a minute)")
    stamp.clear()
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name) / "static"
        folder.mkdir()
        _build(folder)
        if STATIC.exists():
            STATIC.rename(Path(name) / "old")
        folder.rename(STATIC)
    stamp.set()


def _build(folder: Path) -> None:
    wheel = build_browser_wheel(folder)
    info = _copy_pyodide(folder / "pyodide", wheel)
    shutil.copytree(
        NODE_MODULES / "@pyscript" / "core" / "dist",
        folder / "pyscript",
        ignore=shutil.ignore_patterns("*.map"),
    )
    shutil.copy(WEB / "pyqueue.d.ts", folder)

    hashes = {path: _sha256(folder / path) for path in (*_BOOT_FILES, wheel.name)}
    pyodide = json.loads((NODE_MODULES / "pyodide" / "package.json").read_text())["version"]
    modules = {
        module.relative_to(ROOT).as_posix(): rewrite_module(module.read_text("utf-8"), pyodide)
        for module in _modules()
    }
    # Over what is written, not over what it is made from: other bytes must never appear under an old name.
    build = fingerprint(_ENTRIES.values(), json.dumps(modules), json.dumps(hashes))[:16]
    app = f"app-{build}"
    for path, source in modules.items():
        target = folder / app / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, "utf-8")
    for name, entry in _ENTRIES.items():
        source = rewrite_entry(entry.read_text("utf-8"), f"{app}/{entry.parent.name}")
        (folder / name).write_text(source, "utf-8")

    main = f"{app}/worker/main.py"
    manifest = {
        "version": version(),
        "build": build,
        "lockInfo": info,
        "wheel": wheel.name,
        "main": main,
        "files": {**hashes, main: _sha256(folder / main)},
    }
    (folder / app / "worker" / "manifest.js").write_text(
        f"export default {json.dumps(manifest, indent=2)};\n"
    )
    _check(folder, app)
    compress_folder(folder)


def _copy_pyodide(folder: Path, wheel: Path) -> Any:
    """Pyodide's files, micropip's wheel, and a lock file that names only what is here.

    Returns:
        `info` of npm's lock file.
    """
    folder.mkdir()
    source = NODE_MODULES / "pyodide"
    for name in _PYODIDE:
        shutil.copy(source / name, folder)
    micropip = Path(shutil.copy(micropip_wheel(), folder))
    info = json.loads((source / "pyodide-lock.json").read_text())["info"]
    lock = {
        "info": info,
        "packages": {
            "micropip": _locked("micropip", MICROPIP, micropip, micropip.name),
            "pyqueue": _locked("pyqueue", version(), wheel, f"../{wheel.name}"),
        },
    }
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, indent=2) + "\n")
    return info


def _locked(name: str, version: str, wheel: Path, file_name: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "version": version,
        "file_name": file_name,
        "install_dir": "site",
        "sha256": _sha256(wheel),
        "package_type": "package",
        "imports": [name],
        "depends": [],
        "unvendored_tests": False,
    }


def _check(folder: Path, app: str) -> None:
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    for path in sorted(files):
        if path in _ENTRIES or (path.startswith(f"{app}/") and path.endswith(".js")):
            check_imports(path, (folder / path).read_text("utf-8"), files)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
