"""The static folder: everything that browsers load, ready to be served.

pyqueue.js, sw.js     the bundles, with their source maps: at the root, revalidated by browsers
app-<hash>/views.js   the page's second script, immutable; app-<hash>/hpke.js what seals to the server
main.py, pyqueue.whl  the worker's Python: its entry, and the browser wheel, which PyScript pages load too
manifest.json         what the worker precaches, as sw.js has it
pyodide/, pyscript/   of npm, with a lock file that also has micropip and pyqueue
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import node
from .compress import compress_folder
from .paths import CACHE, DEMO, NODE_MODULES, PYPROJECT, ROOT, STATIC, WEB, WORKER
from .process import say
from .stamp import Stamp, fingerprint
from .wheels import MICROPIP, build_browser_wheel, distribution, micropip_wheel, version

_BUNDLER = Path(__file__).parent / "bundle.mjs"
_WHEEL = "pyqueue.whl"
_MAIN = "main.py"
_PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
_BOOT_FILES = ("pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip")

_MAP_COMMENT = re.compile(rb"^(//|/\*)[#@] *sourceMappingURL=.*\n?", re.MULTILINE)


def _scripts() -> list[Path]:
    """The browser's modules."""
    return [file for file in WEB.rglob("*.js") if DEMO not in file.parents] + list(WORKER.glob("*.js"))


def _inputs() -> list[Path]:
    """All files that the static folder is made from."""
    package = [file for file in (ROOT / "pyqueue").rglob("*") if file.suffix in (".py", ".typed")]
    packages = [file for file in package if STATIC not in file.parents]
    steps = [*Path(__file__).parent.glob("*.py"), _BUNDLER]
    settings = [PYPROJECT, WORKER / "package-lock.json", MICROPIP]
    return [*packages, *_scripts(), *steps, *settings, WEB / "pyqueue.d.ts", WORKER / _MAIN]


def ensure() -> None:
    """Builds the static folder unless it is up to date. It is replaced as a whole, or not at all.

    Raises:
        Failure: a module imports what is not there, or micropip could not be downloaded.
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
    bundles = [STATIC / "pyqueue.js.br", *sorted(STATIC.glob("app-*/*.js.br")), STATIC / "sw.js.br"]
    say(f"as brotli: {', '.join(f'{file.stem} {file.stat().st_size / 1000:.1f} kB' for file in bundles)}")


def _build(folder: Path) -> None:
    wheel = build_browser_wheel(folder).rename(folder / _WHEEL)
    shutil.copy(WORKER / _MAIN, folder)
    shutil.copy(WEB / "pyqueue.d.ts", folder)
    info = _copy_pyodide(folder / "pyodide", wheel)
    shutil.copytree(
        NODE_MODULES / "@pyscript" / "core" / "dist",
        folder / "pyscript",
        ignore=shutil.ignore_patterns("*.map"),
    )
    _drop_map_comments(folder)
    hashes = {path: _sha256(folder / path) for path in (*_BOOT_FILES, _WHEEL, _MAIN)}
    manifest = {
        "version": version(),
        "build": fingerprint(_scripts(), json.dumps(hashes))[:16],
        "lockInfo": info,
        "wheel": _WHEEL,
        "main": _MAIN,
        "files": hashes,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    pyodide = json.loads((NODE_MODULES / "pyodide" / "package.json").read_text())["version"]
    node.run_script(
        [_BUNDLER, folder, json.dumps(manifest), pyodide],
        "The browser's modules could not be bundled (see above).",
    )
    compress_folder(folder)


def _drop_map_comments(folder: Path) -> None:
    """Removes the references of npm's files to their source maps, which are too large to be shipped: Django's
    `ManifestStaticFilesStorage` refuses a folder in which one leads nowhere."""
    for file in folder.rglob("*"):
        if file.suffix in (".css", ".js", ".mjs"):
            file.write_bytes(_MAP_COMMENT.sub(b"", file.read_bytes()))


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
            "micropip": _locked("micropip", micropip.name.split("-")[1], micropip, micropip.name),
            distribution(): _locked(distribution(), version(), wheel, f"../{wheel.name}", "pyqueue"),
        },
    }
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, indent=2) + "\n")
    return info


def _locked(
    name: str, version: str, wheel: Path, file_name: str, module: str | None = None
) -> Mapping[str, Any]:
    return {
        "name": name,
        "version": version,
        "file_name": file_name,
        "install_dir": "site",
        "sha256": _sha256(wheel),
        "package_type": "package",
        "imports": [module or name],
        "depends": [],
        "unvendored_tests": False,
    }


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
