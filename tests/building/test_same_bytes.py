"""Two builds of the same sources make the same bytes, wherever the checkout is."""

from __future__ import annotations

import filecmp
import json
import shutil
from pathlib import Path

from building import dist, node, wheels
from building.paths import NODE_MODULES, ROOT, STATIC


def test_the_same_sources_make_the_same_browser_wheel(tmp_path: Path) -> None:
    """Otherwise every build would make every browser download everything again."""
    first, second = (wheels.build_browser_wheel(tmp_path / name).read_bytes() for name in ("first", "second"))
    assert first == second == (STATIC / "pyqueue.whl").read_bytes()


def test_the_same_browser_files_make_the_same_release(tmp_path: Path) -> None:
    """The wheel and the zip; whoever builds a tag can tell that what was published is what it says."""
    for name in ("first", "second"):
        dist.build(tmp_path / name)
    made = sorted(file.name for file in (tmp_path / "first").iterdir())
    assert len(made) == 2
    assert filecmp.cmpfiles(tmp_path / "first", tmp_path / "second", made, shallow=False) == (made, [], [])


def test_a_checkout_elsewhere_makes_the_same_bundles(tmp_path: Path) -> None:
    """Their source maps too, and the name that has the hash."""
    for folder in ("web", "worker", "building"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules"))
    (tmp_path / "worker" / "node_modules").symlink_to(NODE_MODULES)
    manifest = json.dumps(json.loads((STATIC / "manifest.json").read_text()))
    pyodide = json.loads((NODE_MODULES / "pyodide" / "package.json").read_text())["version"]
    target = tmp_path / "static"
    node.run_script([tmp_path / "building/bundle.mjs", target, manifest, pyodide], "It failed.", cwd=tmp_path)
    made = sorted(file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file())
    assert len(made) == 8
    assert filecmp.cmpfiles(target, STATIC, made, shallow=False) == (made, [], [])
