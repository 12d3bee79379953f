"""The locks in requirements/ are those of pyproject.toml, and name no place to download from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from building.paths import REQUIREMENTS, ROOT, WORKER
from building.wheels import project

LOCKS = sorted(REQUIREMENTS.glob("*.txt"))
LOCKED = re.compile(
    r"^([a-z0-9.-]+)==([^ ;]+)[^\n]*\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.MULTILINE
)


@pytest.mark.parametrize("group", ["dev", "node"])
def test_a_lock_has_what_its_group_asks_for(group: str) -> None:
    """CONTRIBUTING.md says how to make it anew."""
    locked: dict[str, set[str]] = {}
    for name, version in LOCKED.findall((REQUIREMENTS / f"{group}.txt").read_text()):
        locked.setdefault(name, set()).add(version)
    for line in project()["dependency-groups"][group]:
        wanted = Requirement(line)
        versions = locked[canonicalize_name(wanted.name)]
        assert versions
        assert all(wanted.specifier.contains(version) for version in versions)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_has_a_hash_for_everything_and_no_address(lock: Path) -> None:
    """Which index packages come from is set by whoever installs them."""
    text = lock.read_text()
    assert len(LOCKED.findall(text)) == len(re.findall(r"^[^#\s]", text, re.MULTILINE)) > 0
    assert "://" not in text


@pytest.mark.parametrize("folder", [WORKER, ROOT / "tests" / "bench"], ids=lambda folder: folder.name)
def test_a_lock_of_npm_has_a_hash_for_everything_and_no_registry(folder: Path) -> None:
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    packages.pop("")
    assert packages
    assert all("integrity" in package and "resolved" not in package for package in packages.values())
