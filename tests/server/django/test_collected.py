"""The browser files as a Django site's static files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.test import Client
from django.test.utils import override_settings

from building.paths import DEMO, STATIC
from pyqueue._errors import DeclarationError
from pyqueue.server.django.finders import PyqueueFinder

NAMED = re.compile(
    r"""(?:\bfrom|\bimport|new URL\(|sourceMappingURL=)\s*\(?["']?(\.{1,2}/[^"'?]+|[\w.-]+\.map)"""
)
"""What a script asks for by a path relative to itself."""


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `collectstatic` makes with `ManifestStaticFilesStorage`."""
    folder = tmp_path_factory.mktemp("collected")
    kind = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    storages = {"staticfiles": {"BACKEND": kind}}
    finders.get_finder.cache_clear()
    with override_settings(STATIC_ROOT=folder, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield folder


@pytest.mark.parametrize("name", ["pyqueue.js", "sw.js", "pyscript/core.js"])
def test_a_collected_script_finds_what_it_asks_for(collected: Path, name: str) -> None:
    """Its own name has a hash; what it imports and its source map are where it looks for them."""
    script = collected / staticfiles_storage.stored_name(f"pyqueue/{name}")
    assert script.name != Path(name).name
    wanted = NAMED.findall(script.read_text("utf-8"))
    assert wanted
    assert not [file for file in wanted if not (script.parent / file).is_file()]


def test_the_sites_tasks_are_joined_to_the_collected_scripts(collected: Path) -> None:
    """In each coding that is collected."""
    folder = collected / "pyqueue"
    assert (folder / "tasks.py").read_bytes() == (DEMO / "tasks.py").read_bytes()
    for name, line in [("sw.js", b"PYQUEUE_TASKS"), ("pyqueue.js", b"comment.create")]:
        assert line in (folder / name).read_bytes()
        assert line in gzip.decompress((folder / f"{name}.gz").read_bytes())
        assert line in brotli.decompress((folder / f"{name}.br").read_bytes())


def test_all_that_is_built_is_collected(collected: Path) -> None:
    built = {file.relative_to(STATIC) for file in STATIC.rglob("*") if file.is_file()}
    built = {name for name in built if "__pycache__" not in name.parts}
    assert not [name for name in built if not (collected / "pyqueue" / name).is_file()]


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Path]:
    """A tasks module that a test changes, of a site that has just started."""
    path = tmp_path / "tasks.py"
    path.write_bytes((DEMO / "tasks.py").read_bytes())
    finders.get_finder.cache_clear()
    with override_settings(PYQUEUE={"TASKS": path}):
        yield path
    finders.get_finder.cache_clear()


def body_of(response: Any) -> bytes:
    body = b"".join(response.streaming_content)
    response.close()
    return body


@override_settings(DEBUG=True, ROOT_URLCONF="pyqueue.server.django.urls", ALLOWED_HOSTS=["*"])
def test_the_development_server_serves_the_tasks_as_they_are_now(tasks: Path) -> None:
    class Runserver(StaticFilesHandler):
        """Serves static files before the application, as `runserver` does."""

    client = Client()
    client.handler = _handler(Runserver(WSGIHandler()))
    assert body_of(client.get("/static/pyqueue/tasks.py")) == tasks.read_bytes()
    before = body_of(client.get("/static/pyqueue/sw.js"))
    tasks.write_bytes(tasks.read_bytes() + b"\n# another version\n")
    assert body_of(client.get("/static/pyqueue/sw.js")) != before
    assert client.get("/static/pyqueue/nothing.js").status_code == 404
    assert client.get("/static/pyqueue/../tasks.py").status_code == 404


def _handler(inner: Any) -> Any:
    """A handler of the test client that asks the static files."""

    def handle(environ: Any) -> Any:
        from django.core.handlers.wsgi import WSGIRequest

        request = WSGIRequest(environ)
        response = inner.get_response(request)
        response.wsgi_request = request
        return response

    return handle


def test_wrong_tasks_are_told_when_the_files_are_collected(tasks: Path) -> None:
    tasks.write_text("queue = 1\n")
    with pytest.raises(DeclarationError, match=r"tasks\.py"):
        PyqueueFinder().find("pyqueue/sw.js")
