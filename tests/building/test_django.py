"""The static folder as a Django site collects it."""

from __future__ import annotations

import re
from pathlib import Path

import django
import pytest
from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.core.files.storage import FileSystemStorage

from building.paths import STATIC

NAMED = re.compile(
    r"""(?:\bfrom\b|\bimport\b|new URL\(|sourceMappingURL=)\s*\(?["']?(\.{1,2}/[^"'?]+|\S+\.map)"""
)
"""What a script asks for by a path relative to itself."""


@pytest.fixture(scope="module", autouse=True)
def configured() -> None:
    settings.configure(DEBUG=False, STATIC_URL="/static/", INSTALLED_APPS=["django.contrib.staticfiles"])
    django.setup()


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What `collectstatic` makes of it with `ManifestStaticFilesStorage`: each file under its new name.

    A file that refers to one which is not there is an exception.
    """
    folder = tmp_path_factory.mktemp("collected")
    source = FileSystemStorage(STATIC)
    names = [file.relative_to(STATIC).as_posix() for file in STATIC.rglob("*") if file.is_file()]
    storage = ManifestStaticFilesStorage(folder, "/static/")
    for name in names:
        with source.open(name) as file:
            storage.save(f"pyqueue/{name}", file)
    made: dict[str, Path] = {}
    for old, new, done in storage.post_process({f"pyqueue/{name}": (source, name) for name in names}):
        assert not isinstance(done, Exception), f"{old}: {done}"
        made[old.removeprefix("pyqueue/")] = folder / new
    assert made.keys() == set(names)
    return made


@pytest.mark.parametrize("name", ["pyqueue.js", "sw.js", "pyscript/core.js"])
def test_a_collected_script_finds_what_it_asks_for(collected: dict[str, Path], name: str) -> None:
    """Its own name has a hash; what it imports and its source map are where it looks for them."""
    script = collected[name]
    assert script.name != Path(name).name
    wanted = NAMED.findall(script.read_text("utf-8"))
    assert wanted
    assert not [file for file in wanted if not (script.parent / file).is_file()]
